; Definitions
(class_declaration name: (identifier) @name) @definition.class
(struct_declaration name: (identifier) @name) @definition.struct
(record_declaration name: (identifier) @name) @definition.record
(interface_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(enum_member_declaration name: (identifier) @name) @definition.constant
(delegate_declaration name: (identifier) @name) @definition.type
(namespace_declaration name: (_) @name) @definition.namespace
(method_declaration name: (identifier) @name) @definition.method
(local_function_statement name: (identifier) @name) @definition.function
(constructor_declaration name: (identifier) @name) @definition.constructor
(property_declaration name: (identifier) @name) @definition.property
(event_declaration name: (identifier) @name) @definition.field
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(base_list [(identifier) (qualified_name) (generic_name)] @base)
(base_list (primary_constructor_base_type type: (_) @base))
(method_declaration returns: (_) @returns)
(attribute name: (_) @decorator)
(file_scoped_namespace_declaration name: (_) @package)

; Imports
(using_directive) @import

; Bindings
(variable_declaration type: (_) @annotation (variable_declarator name: (identifier) @assign (_)? @value))
(property_declaration type: (_) @annotation name: (identifier) @assign)
(parameter type: (_) @annotation name: (identifier) @parameter)
(parameter !type name: (identifier) @parameter)
(foreach_statement type: (_) @annotation left: (identifier) @assign)
(catch_declaration type: (_) @annotation name: (identifier) @assign)
(assignment_expression left: (member_access_expression expression: "this") @assign right: (_) @value)
(declaration_pattern type: (_) @annotation name: (identifier) @assign)
(return_statement [(identifier) (invocation_expression) (object_creation_expression) (member_access_expression)] @return)

; References
(invocation_expression function: (identifier) @call arguments: (_) @arguments)
(invocation_expression function: (generic_name (identifier) @call) arguments: (_) @arguments)
(invocation_expression function: (member_access_expression expression: (_) @receiver name: (identifier) @call) arguments: (_) @arguments)
(invocation_expression function: (member_access_expression expression: (_) @receiver name: (generic_name (identifier) @call)) arguments: (_) @arguments)
(invocation_expression function: (conditional_access_expression condition: (_) @receiver (member_binding_expression name: (identifier) @call)) arguments: (_) @arguments)
(object_creation_expression type: (identifier) @call arguments: (_)? @arguments)
(object_creation_expression type: (generic_name (identifier) @call) arguments: (_)? @arguments)
(object_creation_expression type: (qualified_name qualifier: (_) @receiver name: (identifier) @call) arguments: (_)? @arguments)
(member_access_expression expression: (_) @receiver name: (identifier) @read)
(qualified_name qualifier: (_) @receiver name: (identifier) @type)
(generic_name (identifier) @type)
(identifier) @bare
