; Definitions
(class_declaration name: (identifier) @name) @definition.class
(variable_declarator name: (identifier) @name value: (class)) @definition.class
(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(assignment_expression left: (member_expression property: (property_identifier) @name) right: [(arrow_function) (function_expression)]) @definition.function
(method_definition name: [(property_identifier) (private_property_identifier)] @name) @definition.method
(pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @definition.function
(field_definition property: [(property_identifier) (private_property_identifier)] @name) @definition.field
(program (lexical_declaration (variable_declarator name: (identifier) @name) @definition.constant))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @definition.constant)))
(class_heritage [(identifier) (member_expression)] @base)
(decorator (_) @decorator)

; Imports and exports
(import_statement) @import
(export_statement source: (_)) @import
(variable_declarator value: (call_expression function: (identifier) @_require) (#eq? @_require "require")) @import
(variable_declarator value: (member_expression object: (call_expression function: (identifier) @_require)) (#eq? @_require "require")) @import
(export_statement !source (export_clause (export_specifier name: (identifier) @export)))
(export_statement !source (export_clause (export_specifier alias: (identifier) @skip)))
(export_statement value: (identifier) @export)

(export_statement "default" (class_declaration name: (identifier) @default))
(export_statement "default" (function_declaration name: (identifier) @default))
(export_statement "default" value: (identifier) @default)

; Bindings
(variable_declarator name: (identifier) @assign value: (_)? @value)
(variable_declarator name: [(object_pattern (shorthand_property_identifier_pattern) @other) (array_pattern (identifier) @other)])
(assignment_expression left: (identifier) @assign right: (_) @value)
(assignment_expression left: (member_expression object: (this)) @assign right: (_) @value)
(formal_parameters (identifier) @parameter)
(formal_parameters (assignment_pattern left: (identifier) @parameter))
(formal_parameters (rest_pattern (identifier) @other))
(formal_parameters (object_pattern (shorthand_property_identifier_pattern) @other))
(arrow_function parameter: (identifier) @parameter)
(for_in_statement left: (identifier) @each right: (_) @value)
(catch_clause parameter: (identifier) @other)
(return_statement [(identifier) (call_expression) (new_expression) (member_expression)] @return)

; References
(call_expression function: (super) @call)
(call_expression function: (identifier) @call)
(call_expression function: (member_expression object: (_) @receiver property: [(property_identifier) (private_property_identifier)] @call))
(new_expression constructor: (identifier) @call)
(new_expression constructor: (member_expression object: (_) @receiver property: (property_identifier) @call))
(jsx_opening_element name: (identifier) @call)
(jsx_self_closing_element name: (identifier) @call)
(member_expression object: (_) @receiver property: (property_identifier) @read)
(identifier) @bare
(shorthand_property_identifier) @bare
