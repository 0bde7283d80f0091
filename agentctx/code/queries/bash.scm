; Definitions
(function_definition name: (word) @name) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.constant)
(program (declaration_command (variable_assignment name: (variable_name) @name) @definition.constant))

; Imports
(command name: (command_name (word) @_source) . argument: (_) (#any-of? @_source "source" ".")) @import

; Bindings
(variable_assignment name: (variable_name) @assign)
(for_statement variable: (variable_name) @other)

; References
(command name: (command_name (word) @call))
(simple_expansion (variable_name) @bare)
(expansion (variable_name) @bare)
