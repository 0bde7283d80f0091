"""Domain values <-> protobuf messages: the only place where the two meet.

`values` has times, revisions and JSON, `filters` the metadata filters, `errors` the error tree and google.rpc.Status.
By service: `requests` and `answers` for MemoryService, `code_requests`, `code_answers` and `code_results` for
CodeService, `context` and `completion` for ContextService, `routing` for RoutingService. A function `put_x` fills a
message from a domain value, a function `get_x` reads one from a message. Both raise InvalidArgument with the name of
the field for what the other side has no form for; everything else (lengths, ranges, names) is the engine's to judge,
so that every road gives the same answer.
"""
