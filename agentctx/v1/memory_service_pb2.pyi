import datetime

from agentctx.v1 import common_pb2 as _common_pb2
from agentctx.v1 import episode_pb2 as _episode_pb2
from agentctx.v1 import filter_pb2 as _filter_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TagOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAG_ORIGIN_UNSPECIFIED: _ClassVar[TagOrigin]
    TAG_ORIGIN_GIVEN: _ClassVar[TagOrigin]
    TAG_ORIGIN_LLM: _ClassVar[TagOrigin]
    TAG_ORIGIN_DERIVED: _ClassVar[TagOrigin]

class TagOp(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAG_OP_UNSPECIFIED: _ClassVar[TagOp]
    TAG_OP_ADD: _ClassVar[TagOp]
    TAG_OP_RENAME: _ClassVar[TagOp]
    TAG_OP_MERGE: _ClassVar[TagOp]
    TAG_OP_LINK: _ClassVar[TagOp]
    TAG_OP_UNLINK: _ClassVar[TagOp]
    TAG_OP_DELETE: _ClassVar[TagOp]
    TAG_OP_RESTORE: _ClassVar[TagOp]
TAG_ORIGIN_UNSPECIFIED: TagOrigin
TAG_ORIGIN_GIVEN: TagOrigin
TAG_ORIGIN_LLM: TagOrigin
TAG_ORIGIN_DERIVED: TagOrigin
TAG_OP_UNSPECIFIED: TagOp
TAG_OP_ADD: TagOp
TAG_OP_RENAME: TagOp
TAG_OP_MERGE: TagOp
TAG_OP_LINK: TagOp
TAG_OP_UNLINK: TagOp
TAG_OP_DELETE: TagOp
TAG_OP_RESTORE: TagOp

class AddRequest(_message.Message):
    __slots__ = ("namespace", "episodes", "request_id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    episodes: _containers.RepeatedCompositeFieldContainer[_episode_pb2.NewEpisode]
    request_id: str
    def __init__(self, namespace: _Optional[str] = ..., episodes: _Optional[_Iterable[_Union[_episode_pb2.NewEpisode, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class AddResponse(_message.Message):
    __slots__ = ("ids", "revision", "replayed")
    IDS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    revision: _common_pb2.Revision
    replayed: bool
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., replayed: bool = ...) -> None: ...

class BulkAddRequest(_message.Message):
    __slots__ = ("namespace", "episodes")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    episodes: _containers.RepeatedCompositeFieldContainer[_episode_pb2.NewEpisode]
    def __init__(self, namespace: _Optional[str] = ..., episodes: _Optional[_Iterable[_Union[_episode_pb2.NewEpisode, _Mapping]]] = ...) -> None: ...

class BulkAddResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ItemResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ItemResult, _Mapping]]] = ...) -> None: ...

class ItemResult(_message.Message):
    __slots__ = ("index", "id", "revision", "error_code", "error_message", "error_field")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    revision: _common_pb2.Revision
    error_code: str
    error_message: str
    error_field: str
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., error_code: _Optional[str] = ..., error_message: _Optional[str] = ..., error_field: _Optional[str] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("namespace", "id", "as_of")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    id: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, namespace: _Optional[str] = ..., id: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("episode",)
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    episode: _episode_pb2.Episode
    def __init__(self, episode: _Optional[_Union[_episode_pb2.Episode, _Mapping]] = ...) -> None: ...

class Narrowing(_message.Message):
    __slots__ = ("session", "speaker", "role", "tags", "filter", "occurred_from", "occurred_to", "as_of", "valid_at", "include_invalid", "min_revision", "narrower")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_FROM_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_TO_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    VALID_AT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_INVALID_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    NARROWER_FIELD_NUMBER: _ClassVar[int]
    session: str
    speaker: str
    role: _episode_pb2.Role
    tags: _containers.RepeatedScalarFieldContainer[str]
    filter: _filter_pb2.Filter
    occurred_from: _timestamp_pb2.Timestamp
    occurred_to: _timestamp_pb2.Timestamp
    as_of: _timestamp_pb2.Timestamp
    valid_at: _timestamp_pb2.Timestamp
    include_invalid: bool
    min_revision: _common_pb2.Revision
    narrower: bool
    def __init__(self, session: _Optional[str] = ..., speaker: _Optional[str] = ..., role: _Optional[_Union[_episode_pb2.Role, str]] = ..., tags: _Optional[_Iterable[str]] = ..., filter: _Optional[_Union[_filter_pb2.Filter, _Mapping]] = ..., occurred_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., occurred_to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., include_invalid: bool = ..., min_revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., narrower: bool = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("namespace", "narrowing", "page_size", "page_token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NARROWING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    narrowing: Narrowing
    page_size: int
    page_token: str
    def __init__(self, namespace: _Optional[str] = ..., narrowing: _Optional[_Union[Narrowing, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("episodes", "next_page_token", "revision")
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    episodes: _containers.RepeatedCompositeFieldContainer[_episode_pb2.Episode]
    next_page_token: str
    revision: _common_pb2.Revision
    def __init__(self, episodes: _Optional[_Iterable[_Union[_episode_pb2.Episode, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("namespace", "query", "k", "narrowing", "reference_time", "explain", "exhaustive")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    NARROWING_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    EXHAUSTIVE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    query: str
    k: int
    narrowing: Narrowing
    reference_time: _timestamp_pb2.Timestamp
    explain: bool
    exhaustive: bool
    def __init__(self, namespace: _Optional[str] = ..., query: _Optional[str] = ..., k: _Optional[int] = ..., narrowing: _Optional[_Union[Narrowing, _Mapping]] = ..., reference_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., explain: bool = ..., exhaustive: bool = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("hits", "revision", "degraded", "explanation")
    HITS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[Hit]
    revision: _common_pb2.Revision
    degraded: _containers.RepeatedScalarFieldContainer[str]
    explanation: Explanation
    def __init__(self, hits: _Optional[_Iterable[_Union[Hit, _Mapping]]] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., degraded: _Optional[_Iterable[str]] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ...) -> None: ...

class Hit(_message.Message):
    __slots__ = ("episode", "score", "parts", "why")
    class PartsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    episode: _episode_pb2.Episode
    score: float
    parts: _containers.ScalarMap[str, float]
    why: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, episode: _Optional[_Union[_episode_pb2.Episode, _Mapping]] = ..., score: _Optional[float] = ..., parts: _Optional[_Mapping[str, float]] = ..., why: _Optional[_Iterable[str]] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("terms", "hints", "candidates", "stages", "tags", "sources", "widened")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    WIDENED_FIELD_NUMBER: _ClassVar[int]
    terms: _containers.RepeatedScalarFieldContainer[str]
    hints: _containers.RepeatedScalarFieldContainer[str]
    candidates: _containers.RepeatedCompositeFieldContainer[RowCount]
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    tags: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedCompositeFieldContainer[RowCount]
    widened: str
    def __init__(self, terms: _Optional[_Iterable[str]] = ..., hints: _Optional[_Iterable[str]] = ..., candidates: _Optional[_Iterable[_Union[RowCount, _Mapping]]] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., tags: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[_Union[RowCount, _Mapping]]] = ..., widened: _Optional[str] = ...) -> None: ...

class RowCount(_message.Message):
    __slots__ = ("name", "rows")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    name: str
    rows: int
    def __init__(self, name: _Optional[str] = ..., rows: _Optional[int] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("name", "milliseconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    milliseconds: float
    def __init__(self, name: _Optional[str] = ..., milliseconds: _Optional[float] = ...) -> None: ...

class UpdateRequest(_message.Message):
    __slots__ = ("namespace", "id", "update_mask", "metadata", "tags", "valid_from", "valid_to", "expires_at", "if_revision")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_TO_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    IF_REVISION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    id: str
    update_mask: _field_mask_pb2.FieldMask
    metadata: _struct_pb2.Struct
    tags: _containers.RepeatedScalarFieldContainer[str]
    valid_from: _timestamp_pb2.Timestamp
    valid_to: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    if_revision: _common_pb2.Revision
    def __init__(self, namespace: _Optional[str] = ..., id: _Optional[str] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., if_revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class UpdateResponse(_message.Message):
    __slots__ = ("episode",)
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    episode: _episode_pb2.Episode
    def __init__(self, episode: _Optional[_Union[_episode_pb2.Episode, _Mapping]] = ...) -> None: ...

class DeleteRequest(_message.Message):
    __slots__ = ("namespace", "ids")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: _common_pb2.Revision
    def __init__(self, revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class PurgeRequest(_message.Message):
    __slots__ = ("namespace", "ids")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PurgeResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: _common_pb2.Revision
    def __init__(self, revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ("namespace", "id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    id: str
    def __init__(self, namespace: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class HistoryResponse(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[_episode_pb2.Change]
    def __init__(self, changes: _Optional[_Iterable[_Union[_episode_pb2.Change, _Mapping]]] = ...) -> None: ...

class ListNamespacesRequest(_message.Message):
    __slots__ = ("prefix", "page_size", "page_token")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    page_size: int
    page_token: str
    def __init__(self, prefix: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNamespacesResponse(_message.Message):
    __slots__ = ("namespaces", "next_page_token")
    NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespaces: _containers.RepeatedCompositeFieldContainer[NamespaceInfo]
    next_page_token: str
    def __init__(self, namespaces: _Optional[_Iterable[_Union[NamespaceInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class NamespaceInfo(_message.Message):
    __slots__ = ("name", "revision", "episodes", "created_at")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: _common_pb2.Revision
    episodes: int
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ..., episodes: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeleteNamespaceRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class DeleteNamespaceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExportRequest(_message.Message):
    __slots__ = ("namespace", "live_only")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    live_only: bool
    def __init__(self, namespace: _Optional[str] = ..., live_only: bool = ...) -> None: ...

class ExportResponse(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lines: _Optional[_Iterable[str]] = ...) -> None: ...

class ImportRequest(_message.Message):
    __slots__ = ("namespace", "lines")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    lines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., lines: _Optional[_Iterable[str]] = ...) -> None: ...

class ImportResponse(_message.Message):
    __slots__ = ("imported", "skipped", "revision")
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    imported: int
    skipped: int
    revision: _common_pb2.Revision
    def __init__(self, imported: _Optional[int] = ..., skipped: _Optional[int] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class ReembedRequest(_message.Message):
    __slots__ = ("embedder",)
    EMBEDDER_FIELD_NUMBER: _ClassVar[int]
    embedder: str
    def __init__(self, embedder: _Optional[str] = ...) -> None: ...

class ReembedResponse(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ...) -> None: ...

class ConsolidateRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class ConsolidateResponse(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ...) -> None: ...

class ListTagsRequest(_message.Message):
    __slots__ = ("namespace", "under", "prefix", "page_size", "page_token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    UNDER_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    under: str
    prefix: str
    page_size: int
    page_token: str
    def __init__(self, namespace: _Optional[str] = ..., under: _Optional[str] = ..., prefix: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTagsResponse(_message.Message):
    __slots__ = ("tags", "next_page_token", "revision")
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.RepeatedCompositeFieldContainer[Tag]
    next_page_token: str
    revision: _common_pb2.Revision
    def __init__(self, tags: _Optional[_Iterable[_Union[Tag, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class Tag(_message.Message):
    __slots__ = ("name", "episodes", "broader", "narrower", "aliases", "origin")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    BROADER_FIELD_NUMBER: _ClassVar[int]
    NARROWER_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    episodes: int
    broader: _containers.RepeatedScalarFieldContainer[str]
    narrower: _containers.RepeatedScalarFieldContainer[str]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    origin: TagOrigin
    def __init__(self, name: _Optional[str] = ..., episodes: _Optional[int] = ..., broader: _Optional[_Iterable[str]] = ..., narrower: _Optional[_Iterable[str]] = ..., aliases: _Optional[_Iterable[str]] = ..., origin: _Optional[_Union[TagOrigin, str]] = ...) -> None: ...

class EditTagsRequest(_message.Message):
    __slots__ = ("namespace", "edits")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    edits: _containers.RepeatedCompositeFieldContainer[TagEdit]
    def __init__(self, namespace: _Optional[str] = ..., edits: _Optional[_Iterable[_Union[TagEdit, _Mapping]]] = ...) -> None: ...

class EditTagsResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: _common_pb2.Revision
    def __init__(self, revision: _Optional[_Union[_common_pb2.Revision, _Mapping]] = ...) -> None: ...

class TagEdit(_message.Message):
    __slots__ = ("op", "tag", "other")
    OP_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    op: TagOp
    tag: str
    other: str
    def __init__(self, op: _Optional[_Union[TagOp, str]] = ..., tag: _Optional[str] = ..., other: _Optional[str] = ...) -> None: ...

class RetagRequest(_message.Message):
    __slots__ = ("namespace", "tagger")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TAGGER_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    tagger: str
    def __init__(self, namespace: _Optional[str] = ..., tagger: _Optional[str] = ...) -> None: ...

class RetagResponse(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: _common_pb2.Progress
    def __init__(self, progress: _Optional[_Union[_common_pb2.Progress, _Mapping]] = ...) -> None: ...
