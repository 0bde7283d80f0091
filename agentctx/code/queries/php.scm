; Definitions
(class_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.trait
(enum_declaration name: (name) @name) @definition.enum
(enum_case name: (name) @name) @definition.constant
(function_definition name: (name) @name) @definition.function
(method_declaration name: (name) @name) @definition.method
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(const_declaration (const_element (name) @name)) @definition.constant
(base_clause (_) @base)
(class_interface_clause (_) @base)
(class_declaration body: (declaration_list (use_declaration (_) @base)))
(trait_declaration body: (declaration_list (use_declaration (_) @base)))
(function_definition return_type: (_) @returns)
(method_declaration return_type: (_) @returns)
(attribute (_) @decorator)
(namespace_definition name: (namespace_name) @package)

; Imports
(namespace_use_declaration) @import
(require_once_expression) @import
(require_expression) @import
(include_once_expression) @import
(include_expression) @import

; Bindings
(assignment_expression left: (variable_name) @assign right: (_) @value)
(assignment_expression left: (member_access_expression object: (variable_name) name: (name)) @assign right: (_) @value)
(simple_parameter type: (_)? @annotation name: (variable_name) @parameter)
(property_promotion_parameter type: (_)? @annotation name: (variable_name) @parameter)
(variadic_parameter name: (variable_name) @other)
(property_declaration type: (_) @annotation (property_element name: (variable_name) @assign))
(foreach_statement (_) @value . (variable_name) @each)
(catch_clause type: (type_list . (_) @annotation) name: (variable_name) @assign)
(return_statement [(variable_name) (function_call_expression) (object_creation_expression) (member_call_expression)] @return)

; References
(function_call_expression function: (name) @call)
(function_call_expression function: (qualified_name (namespace_name) @receiver (name) @call))
(member_call_expression object: (_) @receiver name: (name) @call)
(nullsafe_member_call_expression object: (_) @receiver name: (name) @call)
(scoped_call_expression scope: (_) @receiver name: (name) @call)
(object_creation_expression (name) @call)
(object_creation_expression (qualified_name (namespace_name) @receiver (name) @call))
(member_access_expression object: (_) @receiver name: (name) @read)
(class_constant_access_expression . (_) @receiver (name) @read .)
(named_type (name) @type)
(named_type (qualified_name (namespace_name) @receiver (name) @type))
(name) @bare
