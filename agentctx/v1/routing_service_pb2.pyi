import datetime

from agentctx.v1 import routing_pb2 as _routing_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RoutingServiceDecideRequest(_message.Message):
    __slots__ = ("prompt", "input_tokens", "options")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    input_tokens: int
    options: _routing_pb2.RouteOptions
    def __init__(self, prompt: _Optional[str] = ..., input_tokens: _Optional[int] = ..., options: _Optional[_Union[_routing_pb2.RouteOptions, _Mapping]] = ...) -> None: ...

class RoutingServiceDecideResponse(_message.Message):
    __slots__ = ("route",)
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    route: _routing_pb2.Route
    def __init__(self, route: _Optional[_Union[_routing_pb2.Route, _Mapping]] = ...) -> None: ...

class RoutingServiceBackendsRequest(_message.Message):
    __slots__ = ("check",)
    CHECK_FIELD_NUMBER: _ClassVar[int]
    check: bool
    def __init__(self, check: bool = ...) -> None: ...

class RoutingServiceBackendsResponse(_message.Message):
    __slots__ = ("backends",)
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    backends: _containers.RepeatedCompositeFieldContainer[_routing_pb2.BackendStatus]
    def __init__(self, backends: _Optional[_Iterable[_Union[_routing_pb2.BackendStatus, _Mapping]]] = ...) -> None: ...

class RoutingServiceFeedbackRequest(_message.Message):
    __slots__ = ("request_id", "quality")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    quality: float
    def __init__(self, request_id: _Optional[str] = ..., quality: _Optional[float] = ...) -> None: ...

class RoutingServiceFeedbackResponse(_message.Message):
    __slots__ = ("counted",)
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    counted: bool
    def __init__(self, counted: bool = ...) -> None: ...

class RoutingServiceUsageRequest(_message.Message):
    __slots__ = ("by", "namespace", "session", "since", "until")
    BY_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    by: _containers.RepeatedScalarFieldContainer[str]
    namespace: str
    session: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, by: _Optional[_Iterable[str]] = ..., namespace: _Optional[str] = ..., session: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RoutingServiceUsageResponse(_message.Message):
    __slots__ = ("by", "rows", "savings")
    BY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SAVINGS_FIELD_NUMBER: _ClassVar[int]
    by: _containers.RepeatedScalarFieldContainer[str]
    rows: _containers.RepeatedCompositeFieldContainer[_routing_pb2.UsageRow]
    savings: _routing_pb2.Savings
    def __init__(self, by: _Optional[_Iterable[str]] = ..., rows: _Optional[_Iterable[_Union[_routing_pb2.UsageRow, _Mapping]]] = ..., savings: _Optional[_Union[_routing_pb2.Savings, _Mapping]] = ...) -> None: ...
