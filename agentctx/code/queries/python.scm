; Definitions
(class_definition name: (identifier) @name) @definition.class
(function_definition name: (identifier) @name) @definition.function
(module (expression_statement (assignment left: (identifier) @name right: (_)?) @definition.constant))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @definition.field)))
(type_alias_statement left: (type (identifier) @name)) @definition.constant
(class_definition superclasses: (argument_list [(identifier) (attribute) (subscript) (call)] @base))
(function_definition return_type: (type) @returns)
(decorator (_) @decorator)

; Imports
(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

(assignment left: (identifier) @_all right: [(list (string (string_content) @export)) (tuple (string (string_content) @export))] (#eq? @_all "__all__"))
(augmented_assignment left: (identifier) @_all right: [(list (string (string_content) @export)) (tuple (string (string_content) @export))] (#eq? @_all "__all__"))

; Bindings
(assignment left: (identifier) @assign type: (type)? @annotation right: (_)? @value)
(assignment left: (attribute object: (identifier) attribute: (identifier)) @assign type: (type)? @annotation right: (_)? @value)
(assignment left: [(pattern_list (identifier) @other) (tuple_pattern (identifier) @other)])
(augmented_assignment left: (identifier) @other)
(assignment left: (attribute attribute: (identifier) @skip))
(assignment left: [(pattern_list (attribute attribute: (identifier) @skip)) (tuple_pattern (attribute attribute: (identifier) @skip))])
(named_expression name: (identifier) @assign value: (_) @value)
(for_statement left: (identifier) @each right: (_) @value)
(for_statement left: [(pattern_list (identifier) @other) (tuple_pattern (identifier) @other)])
(for_in_clause left: (identifier) @each right: (_) @value)
(for_in_clause left: [(pattern_list (identifier) @other) (tuple_pattern (identifier) @other)])
(with_item value: (as_pattern (_) @value alias: (as_pattern_target (identifier) @with)))
(except_clause value: (as_pattern (_) @value alias: (as_pattern_target (identifier) @other)))
(case_pattern (as_pattern (identifier) @other))
(global_statement (identifier) @global)
(nonlocal_statement (identifier) @nonlocal)
(parameters (identifier) @parameter)
(lambda_parameters (identifier) @other)
(parameters (typed_parameter . (identifier) @parameter type: (type) @annotation))
(parameters (default_parameter name: (identifier) @parameter))
(parameters (typed_default_parameter name: (identifier) @parameter type: (type) @annotation))
(parameters [(list_splat_pattern (identifier) @other) (dictionary_splat_pattern (identifier) @other)])
(parameters (typed_parameter [(list_splat_pattern (identifier) @other) (dictionary_splat_pattern (identifier) @other)]))
(return_statement [(identifier) (call) (attribute) (await)] @return)
(yield [(identifier) (call) (attribute)] @yield)
(call function: (identifier) @_narrows arguments: (argument_list . (identifier) @narrow . [(identifier) (attribute)] @annotation .) (#eq? @_narrows "isinstance"))
(keyword_argument name: (identifier) @skip)

; References
(call function: (identifier) @call)
(call function: (attribute object: (_) @receiver attribute: (identifier) @call))
(attribute object: (_) @receiver attribute: (identifier) @read)
(type (identifier) @type)
(type (attribute object: (_) @receiver attribute: (identifier) @type))
(generic_type (identifier) @type)
(with_item value: (as_pattern . (_) @implicit.with))
(with_item value: [(call) (identifier) (attribute)] @implicit.with)
(assignment left: (subscript value: (_) @implicit.put))
(call function: (identifier) @_text arguments: (argument_list . [(call) (identifier) (attribute)] @implicit.text .) (#eq? @_text "str"))
(call function: (identifier) @_size arguments: (argument_list . [(call) (identifier) (attribute)] @implicit.size .) (#eq? @_size "len"))
(subscript value: [(call) (identifier) (attribute)] @implicit.get)
(identifier) @bare
