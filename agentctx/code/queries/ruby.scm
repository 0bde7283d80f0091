; Definitions
(class name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.class
(module name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.module
(method name: (_) @name) @definition.method
(singleton_method name: (_) @name) @definition.method
(alias name: (_) @name) @definition.method
(assignment left: (constant) @name) @definition.constant
(superclass (_) @base)
(call !receiver method: (identifier) @_mix arguments: (argument_list [(constant) (scope_resolution)] @base) (#any-of? @_mix "include" "extend" "prepend"))

; Imports
(call !receiver method: (identifier) @_require (#any-of? @_require "require" "require_relative" "load")) @import

; Bindings
(assignment left: [(identifier) (instance_variable) (class_variable)] @assign right: (_) @value)
(operator_assignment left: [(identifier) (instance_variable)] @assign right: (_) @value)
(assignment left: (left_assignment_list (identifier) @other))
(method_parameters (identifier) @parameter)
(method_parameters (optional_parameter name: (identifier) @parameter))
(method_parameters (keyword_parameter name: (identifier) @parameter))
(method_parameters [(splat_parameter name: (identifier) @other) (hash_splat_parameter name: (identifier) @other) (block_parameter name: (identifier) @other)])
(block_parameters (identifier) @other)
(exception_variable (identifier) @other)
(return (argument_list . [(identifier) (call) (constant)] @return))

; References
(call receiver: (_) @receiver method: [(identifier) (constant)] @call)
(call !receiver method: [(identifier) (constant)] @call)
(super) @call
(scope_resolution scope: (_) @receiver name: (constant) @read)
(constant) @bare
(identifier) @bare
