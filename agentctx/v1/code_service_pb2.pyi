from agentctx.v1 import code_pb2 as _code_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CodeServiceIndexRequest(_message.Message):
    __slots__ = ("path", "name", "commit")
    PATH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    path: str
    name: str
    commit: str
    def __init__(self, path: _Optional[str] = ..., name: _Optional[str] = ..., commit: _Optional[str] = ...) -> None: ...

class CodeServiceIndexResponse(_message.Message):
    __slots__ = ("stage", "done", "total", "report")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    stage: str
    done: int
    total: int
    report: _code_pb2.IndexReport
    def __init__(self, stage: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ..., report: _Optional[_Union[_code_pb2.IndexReport, _Mapping]] = ...) -> None: ...

class CodeServiceListRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class CodeServiceListResponse(_message.Message):
    __slots__ = ("repositories", "next_page_token")
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    repositories: _containers.RepeatedCompositeFieldContainer[_code_pb2.Repository]
    next_page_token: str
    def __init__(self, repositories: _Optional[_Iterable[_Union[_code_pb2.Repository, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CodeServiceGetRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class CodeServiceGetResponse(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: _code_pb2.Repository
    def __init__(self, repository: _Optional[_Union[_code_pb2.Repository, _Mapping]] = ...) -> None: ...

class CodeServiceRemoveRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class CodeServiceRemoveResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CodeServiceSearchRequest(_message.Message):
    __slots__ = ("repository", "query", "k", "granularity", "path", "language", "kinds", "tests", "vendored", "explain")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    GRANULARITY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    TESTS_FIELD_NUMBER: _ClassVar[int]
    VENDORED_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    query: str
    k: int
    granularity: _code_pb2.Granularity
    path: str
    language: str
    kinds: _containers.RepeatedScalarFieldContainer[str]
    tests: bool
    vendored: bool
    explain: bool
    def __init__(self, repository: _Optional[str] = ..., query: _Optional[str] = ..., k: _Optional[int] = ..., granularity: _Optional[_Union[_code_pb2.Granularity, str]] = ..., path: _Optional[str] = ..., language: _Optional[str] = ..., kinds: _Optional[_Iterable[str]] = ..., tests: bool = ..., vendored: bool = ..., explain: bool = ...) -> None: ...

class CodeServiceSearchResponse(_message.Message):
    __slots__ = ("hits", "generation", "stages")
    HITS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[_code_pb2.CodeHit]
    generation: _code_pb2.Generation
    stages: _containers.RepeatedCompositeFieldContainer[_code_pb2.CodeStage]
    def __init__(self, hits: _Optional[_Iterable[_Union[_code_pb2.CodeHit, _Mapping]]] = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ..., stages: _Optional[_Iterable[_Union[_code_pb2.CodeStage, _Mapping]]] = ...) -> None: ...

class CodeServiceSymbolRequest(_message.Message):
    __slots__ = ("repository", "name", "kinds", "path", "k")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    kinds: _containers.RepeatedScalarFieldContainer[str]
    path: str
    k: int
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., kinds: _Optional[_Iterable[str]] = ..., path: _Optional[str] = ..., k: _Optional[int] = ...) -> None: ...

class CodeServiceSymbolResponse(_message.Message):
    __slots__ = ("symbols", "exact", "generation")
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    symbols: _containers.RepeatedCompositeFieldContainer[_code_pb2.Symbol]
    exact: int
    generation: _code_pb2.Generation
    def __init__(self, symbols: _Optional[_Iterable[_Union[_code_pb2.Symbol, _Mapping]]] = ..., exact: _Optional[int] = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ...) -> None: ...

class CodeServiceNeighboursRequest(_message.Message):
    __slots__ = ("repository", "symbol", "kinds", "direction", "depth", "limit")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    repository: str
    symbol: str
    kinds: _containers.RepeatedScalarFieldContainer[_code_pb2.EdgeKind]
    direction: _code_pb2.Direction
    depth: int
    limit: int
    def __init__(self, repository: _Optional[str] = ..., symbol: _Optional[str] = ..., kinds: _Optional[_Iterable[_Union[_code_pb2.EdgeKind, str]]] = ..., direction: _Optional[_Union[_code_pb2.Direction, str]] = ..., depth: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class CodeServiceNeighboursResponse(_message.Message):
    __slots__ = ("symbol", "relations", "truncated", "generation")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    symbol: _code_pb2.Symbol
    relations: _containers.RepeatedCompositeFieldContainer[_code_pb2.Relation]
    truncated: bool
    generation: _code_pb2.Generation
    def __init__(self, symbol: _Optional[_Union[_code_pb2.Symbol, _Mapping]] = ..., relations: _Optional[_Iterable[_Union[_code_pb2.Relation, _Mapping]]] = ..., truncated: bool = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ...) -> None: ...

class CodeServiceOutlineRequest(_message.Message):
    __slots__ = ("repository", "path", "depth", "limit")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    repository: str
    path: str
    depth: int
    limit: int
    def __init__(self, repository: _Optional[str] = ..., path: _Optional[str] = ..., depth: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class CodeServiceOutlineResponse(_message.Message):
    __slots__ = ("path", "entries", "truncated", "generation")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    path: str
    entries: _containers.RepeatedCompositeFieldContainer[_code_pb2.OutlineEntry]
    truncated: bool
    generation: _code_pb2.Generation
    def __init__(self, path: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[_code_pb2.OutlineEntry, _Mapping]]] = ..., truncated: bool = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ...) -> None: ...

class CodeServiceMapRequest(_message.Message):
    __slots__ = ("repository", "budget", "query", "counter")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    repository: str
    budget: int
    query: str
    counter: str
    def __init__(self, repository: _Optional[str] = ..., budget: _Optional[int] = ..., query: _Optional[str] = ..., counter: _Optional[str] = ...) -> None: ...

class CodeServiceMapResponse(_message.Message):
    __slots__ = ("text", "tokens", "budget", "counter", "files", "symbols", "generation")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    text: str
    tokens: int
    budget: int
    counter: str
    files: int
    symbols: int
    generation: _code_pb2.Generation
    def __init__(self, text: _Optional[str] = ..., tokens: _Optional[int] = ..., budget: _Optional[int] = ..., counter: _Optional[str] = ..., files: _Optional[int] = ..., symbols: _Optional[int] = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ...) -> None: ...

class CodeServiceScoutRequest(_message.Message):
    __slots__ = ("repository", "query", "budget", "k", "path", "tests", "llm")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TESTS_FIELD_NUMBER: _ClassVar[int]
    LLM_FIELD_NUMBER: _ClassVar[int]
    repository: str
    query: str
    budget: int
    k: int
    path: str
    tests: bool
    llm: bool
    def __init__(self, repository: _Optional[str] = ..., query: _Optional[str] = ..., budget: _Optional[int] = ..., k: _Optional[int] = ..., path: _Optional[str] = ..., tests: bool = ..., llm: bool = ...) -> None: ...

class CodeServiceScoutResponse(_message.Message):
    __slots__ = ("hits", "files", "anchors", "trace", "confidence", "stopped", "tokens", "generation", "degraded", "stages")
    HITS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[_code_pb2.CodeHit]
    files: _containers.RepeatedScalarFieldContainer[str]
    anchors: _containers.RepeatedCompositeFieldContainer[_code_pb2.Anchor]
    trace: _containers.RepeatedCompositeFieldContainer[_code_pb2.ScoutStep]
    confidence: float
    stopped: str
    tokens: int
    generation: _code_pb2.Generation
    degraded: _containers.RepeatedScalarFieldContainer[str]
    stages: _containers.RepeatedCompositeFieldContainer[_code_pb2.CodeStage]
    def __init__(self, hits: _Optional[_Iterable[_Union[_code_pb2.CodeHit, _Mapping]]] = ..., files: _Optional[_Iterable[str]] = ..., anchors: _Optional[_Iterable[_Union[_code_pb2.Anchor, _Mapping]]] = ..., trace: _Optional[_Iterable[_Union[_code_pb2.ScoutStep, _Mapping]]] = ..., confidence: _Optional[float] = ..., stopped: _Optional[str] = ..., tokens: _Optional[int] = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ..., degraded: _Optional[_Iterable[str]] = ..., stages: _Optional[_Iterable[_Union[_code_pb2.CodeStage, _Mapping]]] = ...) -> None: ...

class CodeServiceSourceRequest(_message.Message):
    __slots__ = ("repository", "path", "start_line", "end_line")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    path: str
    start_line: int
    end_line: int
    def __init__(self, repository: _Optional[str] = ..., path: _Optional[str] = ..., start_line: _Optional[int] = ..., end_line: _Optional[int] = ...) -> None: ...

class CodeServiceSourceResponse(_message.Message):
    __slots__ = ("path", "start_line", "end_line", "text", "stale", "generation")
    PATH_FIELD_NUMBER: _ClassVar[int]
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    path: str
    start_line: int
    end_line: int
    text: str
    stale: bool
    generation: _code_pb2.Generation
    def __init__(self, path: _Optional[str] = ..., start_line: _Optional[int] = ..., end_line: _Optional[int] = ..., text: _Optional[str] = ..., stale: bool = ..., generation: _Optional[_Union[_code_pb2.Generation, _Mapping]] = ...) -> None: ...
