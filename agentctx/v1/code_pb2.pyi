import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EdgeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EDGE_KIND_UNSPECIFIED: _ClassVar[EdgeKind]
    EDGE_KIND_CONTAINS: _ClassVar[EdgeKind]
    EDGE_KIND_IMPORTS: _ClassVar[EdgeKind]
    EDGE_KIND_CALLS: _ClassVar[EdgeKind]
    EDGE_KIND_REFERENCES: _ClassVar[EdgeKind]
    EDGE_KIND_INHERITS: _ClassVar[EdgeKind]
    EDGE_KIND_OVERRIDES: _ClassVar[EdgeKind]
    EDGE_KIND_TESTS: _ClassVar[EdgeKind]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_OUT: _ClassVar[Direction]
    DIRECTION_IN: _ClassVar[Direction]
    DIRECTION_BOTH: _ClassVar[Direction]

class Granularity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRANULARITY_UNSPECIFIED: _ClassVar[Granularity]
    GRANULARITY_FILE: _ClassVar[Granularity]
    GRANULARITY_SYMBOL: _ClassVar[Granularity]
    GRANULARITY_CHUNK: _ClassVar[Granularity]
EDGE_KIND_UNSPECIFIED: EdgeKind
EDGE_KIND_CONTAINS: EdgeKind
EDGE_KIND_IMPORTS: EdgeKind
EDGE_KIND_CALLS: EdgeKind
EDGE_KIND_REFERENCES: EdgeKind
EDGE_KIND_INHERITS: EdgeKind
EDGE_KIND_OVERRIDES: EdgeKind
EDGE_KIND_TESTS: EdgeKind
DIRECTION_UNSPECIFIED: Direction
DIRECTION_OUT: Direction
DIRECTION_IN: Direction
DIRECTION_BOTH: Direction
GRANULARITY_UNSPECIFIED: Granularity
GRANULARITY_FILE: Granularity
GRANULARITY_SYMBOL: Granularity
GRANULARITY_CHUNK: Granularity

class Generation(_message.Message):
    __slots__ = ("repository", "number", "commit", "branch", "changed", "indexed_at")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    INDEXED_AT_FIELD_NUMBER: _ClassVar[int]
    repository: str
    number: int
    commit: str
    branch: str
    changed: bool
    indexed_at: _timestamp_pb2.Timestamp
    def __init__(self, repository: _Optional[str] = ..., number: _Optional[int] = ..., commit: _Optional[str] = ..., branch: _Optional[str] = ..., changed: bool = ..., indexed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Repository(_message.Message):
    __slots__ = ("name", "root", "generation", "files", "symbols", "edges", "languages")
    class LanguagesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    name: str
    root: str
    generation: Generation
    files: int
    symbols: int
    edges: int
    languages: _containers.ScalarMap[str, int]
    def __init__(self, name: _Optional[str] = ..., root: _Optional[str] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ..., files: _Optional[int] = ..., symbols: _Optional[int] = ..., edges: _Optional[int] = ..., languages: _Optional[_Mapping[str, int]] = ...) -> None: ...

class FileProblem(_message.Message):
    __slots__ = ("path", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class IndexReport(_message.Message):
    __slots__ = ("repository", "published", "parsed", "reused", "resolved", "removed", "edges", "calls", "skipped", "problems", "seconds")
    class EdgesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class CallsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    PARSED_FIELD_NUMBER: _ClassVar[int]
    REUSED_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    published: bool
    parsed: int
    reused: int
    resolved: int
    removed: int
    edges: _containers.ScalarMap[str, int]
    calls: _containers.ScalarMap[str, int]
    skipped: _containers.RepeatedCompositeFieldContainer[FileProblem]
    problems: _containers.RepeatedCompositeFieldContainer[FileProblem]
    seconds: _containers.RepeatedCompositeFieldContainer[StageSeconds]
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ..., published: bool = ..., parsed: _Optional[int] = ..., reused: _Optional[int] = ..., resolved: _Optional[int] = ..., removed: _Optional[int] = ..., edges: _Optional[_Mapping[str, int]] = ..., calls: _Optional[_Mapping[str, int]] = ..., skipped: _Optional[_Iterable[_Union[FileProblem, _Mapping]]] = ..., problems: _Optional[_Iterable[_Union[FileProblem, _Mapping]]] = ..., seconds: _Optional[_Iterable[_Union[StageSeconds, _Mapping]]] = ...) -> None: ...

class StageSeconds(_message.Message):
    __slots__ = ("name", "seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    seconds: float
    def __init__(self, name: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class CodeStage(_message.Message):
    __slots__ = ("name", "milliseconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    milliseconds: float
    def __init__(self, name: _Optional[str] = ..., milliseconds: _Optional[float] = ...) -> None: ...

class Symbol(_message.Message):
    __slots__ = ("id", "path", "name", "qualname", "kind", "language", "start_line", "end_line", "signature", "doc")
    ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUALNAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    id: str
    path: str
    name: str
    qualname: str
    kind: str
    language: str
    start_line: int
    end_line: int
    signature: str
    doc: str
    def __init__(self, id: _Optional[str] = ..., path: _Optional[str] = ..., name: _Optional[str] = ..., qualname: _Optional[str] = ..., kind: _Optional[str] = ..., language: _Optional[str] = ..., start_line: _Optional[int] = ..., end_line: _Optional[int] = ..., signature: _Optional[str] = ..., doc: _Optional[str] = ...) -> None: ...

class CodeHit(_message.Message):
    __slots__ = ("symbol", "start_line", "end_line", "score", "parts", "reason")
    class PartsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    symbol: Symbol
    start_line: int
    end_line: int
    score: float
    parts: _containers.ScalarMap[str, float]
    reason: str
    def __init__(self, symbol: _Optional[_Union[Symbol, _Mapping]] = ..., start_line: _Optional[int] = ..., end_line: _Optional[int] = ..., score: _Optional[float] = ..., parts: _Optional[_Mapping[str, float]] = ..., reason: _Optional[str] = ...) -> None: ...

class Relation(_message.Message):
    __slots__ = ("kind", "source", "symbol", "direction", "depth", "line", "confidence", "rung")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    kind: EdgeKind
    source: str
    symbol: Symbol
    direction: Direction
    depth: int
    line: int
    confidence: float
    rung: str
    def __init__(self, kind: _Optional[_Union[EdgeKind, str]] = ..., source: _Optional[str] = ..., symbol: _Optional[_Union[Symbol, _Mapping]] = ..., direction: _Optional[_Union[Direction, str]] = ..., depth: _Optional[int] = ..., line: _Optional[int] = ..., confidence: _Optional[float] = ..., rung: _Optional[str] = ...) -> None: ...

class OutlineEntry(_message.Message):
    __slots__ = ("symbol", "depth", "tokens")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    symbol: Symbol
    depth: int
    tokens: int
    def __init__(self, symbol: _Optional[_Union[Symbol, _Mapping]] = ..., depth: _Optional[int] = ..., tokens: _Optional[int] = ...) -> None: ...

class Anchor(_message.Message):
    __slots__ = ("kind", "text", "weight", "matches")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    text: str
    weight: float
    matches: int
    def __init__(self, kind: _Optional[str] = ..., text: _Optional[str] = ..., weight: _Optional[float] = ..., matches: _Optional[int] = ...) -> None: ...

class ScoutStep(_message.Message):
    __slots__ = ("number", "action", "candidates", "new", "confidence", "cost", "gain")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    number: int
    action: str
    candidates: int
    new: int
    confidence: float
    cost: int
    gain: float
    def __init__(self, number: _Optional[int] = ..., action: _Optional[str] = ..., candidates: _Optional[int] = ..., new: _Optional[int] = ..., confidence: _Optional[float] = ..., cost: _Optional[int] = ..., gain: _Optional[float] = ...) -> None: ...
