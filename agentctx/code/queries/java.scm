; Definitions
(class_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(annotation_type_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(record_declaration name: (identifier) @name) @definition.record
(method_declaration name: (identifier) @name) @definition.method
(annotation_type_element_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.constructor
(compact_constructor_declaration name: (identifier) @name) @definition.constructor
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.constant
(enum_constant name: (identifier) @name) @definition.constant
(superclass (_) @base)
(super_interfaces (type_list (_) @base))
(extends_interfaces (type_list (_) @base))
(method_declaration type: (_) @returns)
(modifiers [(marker_annotation) (annotation)] @decorator)
(package_declaration [(scoped_identifier) (identifier)] @package)

; Imports
(import_declaration) @import

; Bindings
(field_declaration type: (_) @annotation declarator: (variable_declarator name: (identifier) @assign value: (_)? @value))
(local_variable_declaration type: (_) @annotation declarator: (variable_declarator name: (identifier) @assign value: (_)? @value))
(formal_parameter type: (_) @annotation name: (identifier) @parameter)
(spread_parameter (variable_declarator name: (identifier) @other))
(enhanced_for_statement type: (_) @annotation name: (identifier) @assign)
(catch_formal_parameter (catch_type (_) @annotation) name: (identifier) @assign)
(resource type: (_) @annotation name: (identifier) @assign value: (_) @value)
(lambda_expression parameters: (identifier) @other)
(lambda_expression parameters: (inferred_parameters (identifier) @other))
(instanceof_expression right: (_) @annotation name: (identifier) @assign)
(assignment_expression left: (field_access object: (this)) @assign right: (_) @value)
(return_statement [(identifier) (method_invocation) (object_creation_expression) (field_access)] @return)

; References
(method_invocation !object name: (identifier) @call arguments: (_) @arguments)
(method_invocation object: (_) @receiver name: (identifier) @call arguments: (_) @arguments)
(method_reference . (_) @receiver (identifier) @read .)
(object_creation_expression type: (type_identifier) @call arguments: (_) @arguments)
(object_creation_expression type: (generic_type . (type_identifier) @call) arguments: (_) @arguments)
(object_creation_expression type: (scoped_type_identifier (_) @receiver (type_identifier) @call) arguments: (_) @arguments)
(explicit_constructor_invocation constructor: (super) @call arguments: (_) @arguments)
(marker_annotation name: (identifier) @type)
(annotation name: (identifier) @type)
(field_access object: (_) @receiver field: (identifier) @read)
(type_identifier) @type
(identifier) @bare
