; Definitions
(class_declaration name: (type_identifier) @name) @definition.class
(abstract_class_declaration name: (type_identifier) @name) @definition.class
(variable_declarator name: (identifier) @name value: (class)) @definition.class
(interface_declaration name: (type_identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(type_alias_declaration name: (type_identifier) @name) @definition.type
(internal_module name: [(identifier) (nested_identifier)] @name) @definition.namespace
(module name: [(identifier) (string)] @name) @definition.namespace
(function_declaration name: (identifier) @name) @definition.function
(function_signature name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(assignment_expression left: (member_expression property: (property_identifier) @name) right: [(arrow_function) (function_expression)]) @definition.function
(method_definition name: [(property_identifier) (private_property_identifier)] @name) @definition.method
(method_signature name: (property_identifier) @name) @definition.method
(abstract_method_signature name: (property_identifier) @name) @definition.method
(pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @definition.function
(public_field_definition name: [(property_identifier) (private_property_identifier)] @name) @definition.field
(property_signature name: (property_identifier) @name) @definition.field
(program (lexical_declaration (variable_declarator name: (identifier) @name) @definition.constant))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @definition.constant)))
(extends_clause value: (_) @base)
(implements_clause (_) @base)
(extends_type_clause type: (_) @base)
(decorator (_) @decorator)
(function_declaration return_type: (type_annotation (_) @returns))
(method_definition return_type: (type_annotation (_) @returns))
(method_signature return_type: (type_annotation (_) @returns))
(arrow_function return_type: (type_annotation (_) @returns))

; Imports and exports
(import_statement) @import
(export_statement source: (_)) @import
(variable_declarator value: (call_expression function: (identifier) @_require) (#eq? @_require "require")) @import
(export_statement !source (export_clause (export_specifier name: (identifier) @export)))
(export_statement !source (export_clause (export_specifier alias: (identifier) @skip)))
(export_statement value: (identifier) @export)

(export_statement "default" (class_declaration name: (type_identifier) @default))
(export_statement "default" (function_declaration name: (identifier) @default))
(export_statement "default" value: (identifier) @default)

; Bindings
(variable_declarator name: (identifier) @assign type: (type_annotation (_) @annotation)? value: (_)? @value)
(variable_declarator name: [(object_pattern (shorthand_property_identifier_pattern) @other) (array_pattern (identifier) @other)])
(public_field_definition name: [(property_identifier) (private_property_identifier)] @assign type: (type_annotation (_) @annotation)? value: (_)? @value)
(property_signature name: (property_identifier) @assign type: (type_annotation (_) @annotation))
(assignment_expression left: (identifier) @assign right: (_) @value)
(assignment_expression left: (member_expression object: (this)) @assign right: (_) @value)
(required_parameter pattern: (identifier) @parameter type: (type_annotation (_) @annotation)?)
(optional_parameter pattern: (identifier) @parameter type: (type_annotation (_) @annotation)?)
(required_parameter (accessibility_modifier) pattern: (identifier) @assign type: (type_annotation (_) @annotation))
(required_parameter pattern: (rest_pattern (identifier) @other))
(required_parameter pattern: (object_pattern (shorthand_property_identifier_pattern) @other))
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
(member_expression object: (_) @receiver property: (property_identifier) @read)
(nested_type_identifier module: (_) @receiver name: (type_identifier) @type)
(type_identifier) @type
(identifier) @bare
(shorthand_property_identifier) @bare
