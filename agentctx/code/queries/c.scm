; Definitions
(struct_specifier name: (type_identifier) @name body: (_)) @definition.struct
(union_specifier name: (type_identifier) @name body: (_)) @definition.union
(enum_specifier name: (type_identifier) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(type_definition declarator: (type_identifier) @name) @definition.type
(type_definition declarator: (pointer_declarator declarator: (type_identifier) @name)) @definition.type
(type_definition declarator: (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))) @definition.type
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @definition.function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @definition.function
(function_definition declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))) @definition.function
(declaration declarator: (function_declarator declarator: (identifier) @name)) @definition.declaration
(declaration declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @definition.declaration
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @definition.constant)
(translation_unit (declaration declarator: (init_declarator declarator: (array_declarator declarator: (identifier) @name))) @definition.constant)
(translation_unit (declaration declarator: (identifier) @name) @definition.constant)
(field_declaration declarator: [(field_identifier) @name (pointer_declarator declarator: (field_identifier) @name) (array_declarator declarator: (field_identifier) @name)]) @definition.field
(function_definition type: (_) @returns)

; Imports
(preproc_include) @import

; Bindings
(declaration type: (_) @annotation declarator: (identifier) @assign)
(declaration type: (_) @annotation declarator: (pointer_declarator declarator: (identifier) @assign))
(declaration type: (_) @annotation declarator: (array_declarator declarator: (identifier) @assign))
(declaration type: (_) @annotation declarator: (init_declarator declarator: [(identifier) @assign (pointer_declarator declarator: (identifier) @assign)] value: (_) @value))
(parameter_declaration type: (_) @annotation declarator: [(identifier) @parameter (pointer_declarator declarator: (identifier) @parameter) (array_declarator declarator: (identifier) @parameter)])

; References
(call_expression function: (identifier) @call arguments: (_) @arguments)
(call_expression function: (field_expression argument: (_) @receiver field: (field_identifier) @call) arguments: (_) @arguments)
(field_expression argument: (_) @receiver field: (field_identifier) @read)
(type_identifier) @type
(identifier) @bare
