; Definitions
(struct_item name: (type_identifier) @name) @definition.struct
(union_item name: (type_identifier) @name) @definition.union
(enum_item name: (type_identifier) @name) @definition.enum
(enum_variant name: (identifier) @name) @definition.field
(trait_item name: (type_identifier) @name) @definition.trait
(impl_item type: [(type_identifier) @name (generic_type type: (type_identifier) @name) (scoped_type_identifier name: (type_identifier) @name) (reference_type (type_identifier) @name)]) @definition.impl
(mod_item name: (identifier) @name body: (_)) @definition.module
(function_item name: (identifier) @name) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(macro_definition name: (identifier) @name) @definition.macro
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant
(type_item name: (type_identifier) @name) @definition.type
(field_declaration name: (field_identifier) @name) @definition.field
(impl_item trait: (_) @base)
(trait_item bounds: (trait_bounds (_) @base))
(function_item return_type: (_) @returns)
(function_signature_item return_type: (_) @returns)

; Imports
(use_declaration) @import
(extern_crate_declaration) @import
(mod_item !body) @import

; Bindings
(let_declaration pattern: (identifier) @assign type: (_)? @annotation value: (_)? @value)
(let_declaration pattern: (mut_pattern (identifier) @assign) type: (_)? @annotation value: (_)? @value)
(let_declaration pattern: [(tuple_pattern (identifier) @other) (tuple_struct_pattern (identifier) @other .)])
(field_declaration name: (field_identifier) @assign type: (_) @annotation)
(parameter pattern: (identifier) @parameter type: (_) @annotation)
(parameter pattern: (mut_pattern (identifier) @parameter) type: (_) @annotation)
(closure_parameters (identifier) @other)
(for_expression pattern: (identifier) @each value: (_) @value)
(match_pattern (identifier) @other)
(return_expression (_) @return)

; References
(call_expression function: (identifier) @call)
(call_expression function: (field_expression value: (_) @receiver field: (field_identifier) @call))
(call_expression function: (scoped_identifier path: (_) @receiver name: (identifier) @call))
(call_expression function: (generic_function function: (identifier) @call))
(call_expression function: (generic_function function: (scoped_identifier path: (_) @receiver name: (identifier) @call)))
(call_expression function: (generic_function function: (field_expression value: (_) @receiver field: (field_identifier) @call)))
(struct_expression name: (type_identifier) @call)
(struct_expression name: (scoped_type_identifier path: (_) @receiver name: (type_identifier) @call))
(macro_invocation macro: (identifier) @call)
(macro_invocation macro: (scoped_identifier path: (_) @receiver name: (identifier) @call))
(field_expression value: (_) @receiver field: (field_identifier) @read)
(scoped_type_identifier path: (_) @receiver name: (type_identifier) @type)
(scoped_identifier path: (_) @receiver name: (identifier) @read)
(type_identifier) @type
(identifier) @bare
