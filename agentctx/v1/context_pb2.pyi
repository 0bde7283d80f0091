import datetime

from agentctx.v1 import code_pb2 as _code_pb2
from agentctx.v1 import common_pb2 as _common_pb2
from agentctx.v1 import episode_pb2 as _episode_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BundleFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BUNDLE_FORMAT_UNSPECIFIED: _ClassVar[BundleFormat]
    BUNDLE_FORMAT_MARKDOWN: _ClassVar[BundleFormat]
    BUNDLE_FORMAT_XML: _ClassVar[BundleFormat]
    BUNDLE_FORMAT_JSON: _ClassVar[BundleFormat]
    BUNDLE_FORMAT_MESSAGES: _ClassVar[BundleFormat]

class DetailLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DETAIL_LEVEL_UNSPECIFIED: _ClassVar[DetailLevel]
    DETAIL_LEVEL_EPISODE: _ClassVar[DetailLevel]
    DETAIL_LEVEL_WINDOW: _ClassVar[DetailLevel]
    DETAIL_LEVEL_SESSION: _ClassVar[DetailLevel]
    DETAIL_LEVEL_PATH: _ClassVar[DetailLevel]
    DETAIL_LEVEL_SIGNATURE: _ClassVar[DetailLevel]
    DETAIL_LEVEL_SKELETON: _ClassVar[DetailLevel]
    DETAIL_LEVEL_BODY: _ClassVar[DetailLevel]

class DropReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DROP_REASON_UNSPECIFIED: _ClassVar[DropReason]
    DROP_REASON_BUDGET: _ClassVar[DropReason]
    DROP_REASON_SHARE: _ClassVar[DropReason]
    DROP_REASON_WEAK: _ClassVar[DropReason]
    DROP_REASON_DUPLICATE: _ClassVar[DropReason]
    DROP_REASON_COVERED: _ClassVar[DropReason]
    DROP_REASON_CHANGED: _ClassVar[DropReason]
    DROP_REASON_GONE: _ClassVar[DropReason]
BUNDLE_FORMAT_UNSPECIFIED: BundleFormat
BUNDLE_FORMAT_MARKDOWN: BundleFormat
BUNDLE_FORMAT_XML: BundleFormat
BUNDLE_FORMAT_JSON: BundleFormat
BUNDLE_FORMAT_MESSAGES: BundleFormat
DETAIL_LEVEL_UNSPECIFIED: DetailLevel
DETAIL_LEVEL_EPISODE: DetailLevel
DETAIL_LEVEL_WINDOW: DetailLevel
DETAIL_LEVEL_SESSION: DetailLevel
DETAIL_LEVEL_PATH: DetailLevel
DETAIL_LEVEL_SIGNATURE: DetailLevel
DETAIL_LEVEL_SKELETON: DetailLevel
DETAIL_LEVEL_BODY: DetailLevel
DROP_REASON_UNSPECIFIED: DropReason
DROP_REASON_BUDGET: DropReason
DROP_REASON_SHARE: DropReason
DROP_REASON_WEAK: DropReason
DROP_REASON_DUPLICATE: DropReason
DROP_REASON_COVERED: DropReason
DROP_REASON_CHANGED: DropReason
DROP_REASON_GONE: DropReason

class EpisodeCitation(_message.Message):
    __slots__ = ("namespace", "episode", "session", "position", "speaker", "role", "occurred_at")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    episode: str
    session: str
    position: int
    speaker: str
    role: _episode_pb2.Role
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, namespace: _Optional[str] = ..., episode: _Optional[str] = ..., session: _Optional[str] = ..., position: _Optional[int] = ..., speaker: _Optional[str] = ..., role: _Optional[_Union[_episode_pb2.Role, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CodeCitation(_message.Message):
    __slots__ = ("repository", "path", "symbol", "start_line", "end_line", "generation", "commit", "stale")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    path: str
    symbol: str
    start_line: int
    end_line: int
    generation: int
    commit: str
    stale: bool
    def __init__(self, repository: _Optional[str] = ..., path: _Optional[str] = ..., symbol: _Optional[str] = ..., start_line: _Optional[int] = ..., end_line: _Optional[int] = ..., generation: _Optional[int] = ..., commit: _Optional[str] = ..., stale: bool = ...) -> None: ...

class BundleItem(_message.Message):
    __slots__ = ("number", "id", "level", "episode", "code", "text", "tokens", "score", "parts", "reason", "carried")
    class PartsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CARRIED_FIELD_NUMBER: _ClassVar[int]
    number: int
    id: str
    level: DetailLevel
    episode: EpisodeCitation
    code: CodeCitation
    text: str
    tokens: int
    score: float
    parts: _containers.ScalarMap[str, float]
    reason: str
    carried: bool
    def __init__(self, number: _Optional[int] = ..., id: _Optional[str] = ..., level: _Optional[_Union[DetailLevel, str]] = ..., episode: _Optional[_Union[EpisodeCitation, _Mapping]] = ..., code: _Optional[_Union[CodeCitation, _Mapping]] = ..., text: _Optional[str] = ..., tokens: _Optional[int] = ..., score: _Optional[float] = ..., parts: _Optional[_Mapping[str, float]] = ..., reason: _Optional[str] = ..., carried: bool = ...) -> None: ...

class DroppedItem(_message.Message):
    __slots__ = ("id", "level", "tokens", "score", "reason", "label")
    ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    id: str
    level: DetailLevel
    tokens: int
    score: float
    reason: DropReason
    label: str
    def __init__(self, id: _Optional[str] = ..., level: _Optional[_Union[DetailLevel, str]] = ..., tokens: _Optional[int] = ..., score: _Optional[float] = ..., reason: _Optional[_Union[DropReason, str]] = ..., label: _Optional[str] = ...) -> None: ...

class BundleReceipt(_message.Message):
    __slots__ = ("budget", "tokens", "counter", "exact", "memory_tokens", "code_tokens", "considered", "stopped", "dropped", "dropped_total", "next_buys", "carried", "prefix_chars", "degraded", "stale", "revision", "generations", "stages")
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CODE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CONSIDERED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    NEXT_BUYS_FIELD_NUMBER: _ClassVar[int]
    CARRIED_FIELD_NUMBER: _ClassVar[int]
    PREFIX_CHARS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    budget: int
    tokens: int
    counter: str
    exact: bool
    memory_tokens: int
    code_tokens: int
    considered: int
    stopped: str
    dropped: _containers.RepeatedCompositeFieldContainer[DroppedItem]
    dropped_total: int
    next_buys: _containers.RepeatedCompositeFieldContainer[DroppedItem]
    carried: int
    prefix_chars: int
    degraded: _containers.RepeatedScalarFieldContainer[str]
    stale: bool
    revision: _common_pb2.Revision
    generations: _containers.RepeatedCompositeFieldContainer[_code_pb2.Generation]
    stages: _containers.RepeatedCompositeFieldContainer[BundleStage]
    def __init__(self, budget: _Optional[int] = ..., tokens: _Optional[int] = ..., counter: _Optional[str] = ..., exact: bool = ..., memory_tokens: _Optional[int] = ..., code_tokens: _Optional[int] = ..., considered: _Optional[int] = ..., stopped: _Optional[str] = ..., dropped: _Optional[_Iterable[_Union[DroppedItem, _Mapping]]] = ..., dropped_total: _Optional[int] = ..., next_buys: _Optional[_Iterable[_Union[DroppedItem, _Mapping]]] = ..., carried: _Optional[int] = ..., prefix_chars: _Optional[int] = ..., degraded: _Optional[_Iterable[str]] = ..., stale: bool = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., generations: _Optional[_Iterable[_Union[_code_pb2.Generation, _Mapping]]] = ..., stages: _Optional[_Iterable[_Union[BundleStage, _Mapping]]] = ...) -> None: ...

class BundleStage(_message.Message):
    __slots__ = ("name", "milliseconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    milliseconds: float
    def __init__(self, name: _Optional[str] = ..., milliseconds: _Optional[float] = ...) -> None: ...

class BundleMessage(_message.Message):
    __slots__ = ("role", "content")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    role: _episode_pb2.Role
    content: str
    def __init__(self, role: _Optional[_Union[_episode_pb2.Role, str]] = ..., content: _Optional[str] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("text", "format", "items", "receipt", "messages")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    text: str
    format: BundleFormat
    items: _containers.RepeatedCompositeFieldContainer[BundleItem]
    receipt: BundleReceipt
    messages: _containers.RepeatedCompositeFieldContainer[BundleMessage]
    def __init__(self, text: _Optional[str] = ..., format: _Optional[_Union[BundleFormat, str]] = ..., items: _Optional[_Iterable[_Union[BundleItem, _Mapping]]] = ..., receipt: _Optional[_Union[BundleReceipt, _Mapping]] = ..., messages: _Optional[_Iterable[_Union[BundleMessage, _Mapping]]] = ...) -> None: ...
