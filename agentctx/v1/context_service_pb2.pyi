import datetime

from agentctx.v1 import context_pb2 as _context_pb2
from agentctx.v1 import routing_pb2 as _routing_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ContextServiceBuildRequest(_message.Message):
    __slots__ = ("query", "budget", "namespace", "repositories", "counter", "memory_budget", "code_budget", "session", "previous", "reference_time", "as_of", "format", "path", "tests", "llm")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BUDGET_FIELD_NUMBER: _ClassVar[int]
    CODE_BUDGET_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_TIME_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TESTS_FIELD_NUMBER: _ClassVar[int]
    LLM_FIELD_NUMBER: _ClassVar[int]
    query: str
    budget: int
    namespace: str
    repositories: _containers.RepeatedScalarFieldContainer[str]
    counter: str
    memory_budget: int
    code_budget: int
    session: str
    previous: _containers.RepeatedScalarFieldContainer[str]
    reference_time: _timestamp_pb2.Timestamp
    as_of: _timestamp_pb2.Timestamp
    format: _context_pb2.BundleFormat
    path: str
    tests: bool
    llm: bool
    def __init__(self, query: _Optional[str] = ..., budget: _Optional[int] = ..., namespace: _Optional[str] = ..., repositories: _Optional[_Iterable[str]] = ..., counter: _Optional[str] = ..., memory_budget: _Optional[int] = ..., code_budget: _Optional[int] = ..., session: _Optional[str] = ..., previous: _Optional[_Iterable[str]] = ..., reference_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., format: _Optional[_Union[_context_pb2.BundleFormat, str]] = ..., path: _Optional[str] = ..., tests: bool = ..., llm: bool = ...) -> None: ...

class ContextServiceBuildResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: _context_pb2.Bundle
    def __init__(self, bundle: _Optional[_Union[_context_pb2.Bundle, _Mapping]] = ...) -> None: ...

class ContextServiceCompleteRequest(_message.Message):
    __slots__ = ("task", "options", "repositories", "budget", "system", "max_tokens", "temperature", "request_id", "format", "path", "tests", "reference_time", "as_of")
    TASK_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TESTS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_TIME_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    task: str
    options: _routing_pb2.RouteOptions
    repositories: _containers.RepeatedScalarFieldContainer[str]
    budget: int
    system: str
    max_tokens: int
    temperature: float
    request_id: str
    format: _context_pb2.BundleFormat
    path: str
    tests: bool
    reference_time: _timestamp_pb2.Timestamp
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, task: _Optional[str] = ..., options: _Optional[_Union[_routing_pb2.RouteOptions, _Mapping]] = ..., repositories: _Optional[_Iterable[str]] = ..., budget: _Optional[int] = ..., system: _Optional[str] = ..., max_tokens: _Optional[int] = ..., temperature: _Optional[float] = ..., request_id: _Optional[str] = ..., format: _Optional[_Union[_context_pb2.BundleFormat, str]] = ..., path: _Optional[str] = ..., tests: bool = ..., reference_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ContextServiceCompleteResponse(_message.Message):
    __slots__ = ("decided", "started", "text", "restarted", "usage", "done")
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    decided: RouteDecided
    started: AttemptStarted
    text: TextPart
    restarted: Restarted
    usage: UsageTold
    done: Done
    def __init__(self, decided: _Optional[_Union[RouteDecided, _Mapping]] = ..., started: _Optional[_Union[AttemptStarted, _Mapping]] = ..., text: _Optional[_Union[TextPart, _Mapping]] = ..., restarted: _Optional[_Union[Restarted, _Mapping]] = ..., usage: _Optional[_Union[UsageTold, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ...) -> None: ...

class RouteDecided(_message.Message):
    __slots__ = ("request_id", "route", "bundle")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    route: _routing_pb2.Route
    bundle: _context_pb2.Bundle
    def __init__(self, request_id: _Optional[str] = ..., route: _Optional[_Union[_routing_pb2.Route, _Mapping]] = ..., bundle: _Optional[_Union[_context_pb2.Bundle, _Mapping]] = ...) -> None: ...

class AttemptStarted(_message.Message):
    __slots__ = ("number", "backend", "precision")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    number: int
    backend: str
    precision: str
    def __init__(self, number: _Optional[int] = ..., backend: _Optional[str] = ..., precision: _Optional[str] = ...) -> None: ...

class TextPart(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Restarted(_message.Message):
    __slots__ = ("backend", "reason")
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    backend: str
    reason: str
    def __init__(self, backend: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class UsageTold(_message.Message):
    __slots__ = ("backend", "input_tokens", "cached_tokens", "output_tokens", "cost", "estimated")
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    backend: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float
    estimated: bool
    def __init__(self, backend: _Optional[str] = ..., input_tokens: _Optional[int] = ..., cached_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost: _Optional[float] = ..., estimated: bool = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ("request_id", "backend", "finish_reason", "attempts", "cost", "latency_ms", "first_token_ms")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_MS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    backend: str
    finish_reason: str
    attempts: int
    cost: float
    latency_ms: float
    first_token_ms: float
    def __init__(self, request_id: _Optional[str] = ..., backend: _Optional[str] = ..., finish_reason: _Optional[str] = ..., attempts: _Optional[int] = ..., cost: _Optional[float] = ..., latency_ms: _Optional[float] = ..., first_token_ms: _Optional[float] = ...) -> None: ...
