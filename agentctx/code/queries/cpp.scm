; Joined with c.scm. Definitions
(class_specifier name: (type_identifier) @name body: (_)) @definition.class
(class_specifier name: (template_type name: (type_identifier) @name) body: (_)) @definition.class
(struct_specifier name: (template_type name: (type_identifier) @name) body: (_)) @definition.struct
(namespace_definition name: [(namespace_identifier) (nested_namespace_specifier)] @name) @definition.namespace
(function_definition declarator: (function_declarator declarator: [(field_identifier) (operator_name) (destructor_name)] @name)) @definition.function
(function_definition declarator: (reference_declarator (function_declarator declarator: [(identifier) (field_identifier) (operator_name)] @name))) @definition.function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name))) @definition.function
(function_definition declarator: (function_declarator declarator: (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name))) @definition.function
(function_definition declarator: (function_declarator declarator: (qualified_identifier scope: (_) @owner name: (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)))) @definition.function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier scope: (_) @owner name: (identifier) @name)))) @definition.function
(function_definition declarator: (reference_declarator (function_declarator declarator: (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name)] @name)))) @definition.function
(field_declaration declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name)) @definition.declaration
(field_declaration declarator: (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name))) @definition.declaration
(field_declaration declarator: (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))) @definition.declaration
(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type
(base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @base)

; Imports
(using_declaration) @import

; Bindings
(declaration type: (_) @annotation declarator: (init_declarator declarator: (reference_declarator (identifier) @assign) value: (_) @value))
(parameter_declaration type: (_) @annotation declarator: (reference_declarator (identifier) @parameter))
(field_declaration type: (_) @annotation declarator: [(field_identifier) @assign (pointer_declarator declarator: (field_identifier) @assign) (reference_declarator (field_identifier) @assign)])
(for_range_loop declarator: [(identifier) @each (reference_declarator (identifier) @each)] right: (_) @value)

; References
(call_expression function: (qualified_identifier scope: (_) @receiver name: (identifier) @call) arguments: (_) @arguments)
(call_expression function: (qualified_identifier scope: (_) @receiver name: (template_function name: (identifier) @call)) arguments: (_) @arguments)
(call_expression function: (template_function name: (identifier) @call) arguments: (_) @arguments)
(call_expression function: (field_expression argument: (_) @receiver field: (template_method name: (field_identifier) @call)) arguments: (_) @arguments)
(new_expression type: (type_identifier) @call arguments: (_)? @arguments)
(new_expression type: (qualified_identifier scope: (_) @receiver name: (type_identifier) @call) arguments: (_)? @arguments)
(compound_literal_expression type: (type_identifier) @call value: (_) @arguments)
(qualified_identifier scope: (_) @receiver name: (type_identifier) @type)
(qualified_identifier scope: (_) @receiver name: (identifier) @read)
