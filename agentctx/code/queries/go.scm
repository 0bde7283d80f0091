; Definitions
(type_spec name: (type_identifier) @name type: (struct_type)) @definition.struct
(type_spec name: (type_identifier) @name type: (interface_type)) @definition.interface
(type_spec name: (type_identifier) @name type: [(type_identifier) (qualified_type) (function_type) (map_type) (slice_type) (pointer_type) (channel_type) (array_type) (generic_type)]) @definition.type
(type_alias name: (type_identifier) @name) @definition.type
(function_declaration name: (identifier) @name) @definition.function
(method_declaration receiver: (parameter_list (parameter_declaration type: [(type_identifier) @owner (generic_type type: (type_identifier) @owner) (pointer_type (type_identifier) @owner) (pointer_type (generic_type type: (type_identifier) @owner))])) name: (field_identifier) @name) @definition.function
(method_elem name: (field_identifier) @name) @definition.method
(field_declaration name: (field_identifier) @name) @definition.field
(source_file (const_declaration (const_spec name: (identifier) @name) @definition.constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @definition.constant))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @definition.constant)))
(field_declaration !name type: [(type_identifier) (qualified_type) (pointer_type (type_identifier)) (generic_type)] @base)
(interface_type (type_elem [(type_identifier) (qualified_type)] @base))
(function_declaration result: (_) @returns)
(method_declaration result: (_) @returns)
(method_elem result: (_) @returns)
(package_clause (package_identifier) @package)

; Imports
(import_spec) @import

; Bindings
(short_var_declaration left: (expression_list . (identifier) @assign) right: (expression_list . (_) @value))
(short_var_declaration left: (expression_list (identifier) (identifier) @other))
(var_spec name: (identifier) @assign type: (_)? @annotation value: (expression_list . (_) @value)?)
(field_declaration name: (field_identifier) @assign type: (_) @annotation)
(parameter_declaration name: (identifier) @parameter type: (_) @annotation)
(variadic_parameter_declaration name: (identifier) @other)
(range_clause left: (expression_list . (identifier) @other))
(range_clause left: (expression_list (identifier) . "," . (identifier) @each) right: (_) @value)
(assignment_statement left: (expression_list . (identifier) @assign) right: (expression_list . (_) @value))
(return_statement (expression_list . [(identifier) (call_expression) (unary_expression) (composite_literal) (selector_expression)] @return))
(keyed_element key: (literal_element (identifier) @skip))

; References
(call_expression function: (identifier) @call)
(call_expression function: (selector_expression operand: (_) @receiver field: (field_identifier) @call))
(call_expression function: (parenthesized_expression (identifier) @call))
(composite_literal type: (type_identifier) @call)
(composite_literal type: (qualified_type package: (package_identifier) @receiver name: (type_identifier) @call))
(selector_expression operand: (_) @receiver field: (field_identifier) @read)
(qualified_type package: (package_identifier) @receiver name: (type_identifier) @type)
(type_identifier) @type
(identifier) @bare
