from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RouteOptions(_message.Message):
    __slots__ = ("namespace", "session", "policy", "task_type", "earlier", "turns_left", "output_tokens", "quality_floor", "max_cost", "max_seconds", "min_tier", "regions", "capabilities", "allow", "deny")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    EARLIER_FIELD_NUMBER: _ClassVar[int]
    TURNS_LEFT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FLOOR_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MIN_TIER_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ALLOW_FIELD_NUMBER: _ClassVar[int]
    DENY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    session: str
    policy: str
    task_type: str
    earlier: _containers.RepeatedScalarFieldContainer[str]
    turns_left: int
    output_tokens: int
    quality_floor: float
    max_cost: float
    max_seconds: float
    min_tier: int
    regions: _containers.RepeatedScalarFieldContainer[str]
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    allow: _containers.RepeatedScalarFieldContainer[str]
    deny: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., session: _Optional[str] = ..., policy: _Optional[str] = ..., task_type: _Optional[str] = ..., earlier: _Optional[_Iterable[str]] = ..., turns_left: _Optional[int] = ..., output_tokens: _Optional[int] = ..., quality_floor: _Optional[float] = ..., max_cost: _Optional[float] = ..., max_seconds: _Optional[float] = ..., min_tier: _Optional[int] = ..., regions: _Optional[_Iterable[str]] = ..., capabilities: _Optional[_Iterable[str]] = ..., allow: _Optional[_Iterable[str]] = ..., deny: _Optional[_Iterable[str]] = ...) -> None: ...

class TaskEstimate(_message.Message):
    __slots__ = ("task_type", "confidence", "abstained", "detector", "distribution", "reasons")
    class DistributionEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ABSTAINED_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    task_type: str
    confidence: float
    abstained: bool
    detector: str
    distribution: _containers.ScalarMap[str, float]
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, task_type: _Optional[str] = ..., confidence: _Optional[float] = ..., abstained: bool = ..., detector: _Optional[str] = ..., distribution: _Optional[_Mapping[str, float]] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...

class RouteCandidate(_message.Message):
    __slots__ = ("backend", "precision", "tier", "quality", "acceptable", "cost", "seconds", "output_tokens", "excluded")
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    ACCEPTABLE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    backend: str
    precision: str
    tier: int
    quality: float
    acceptable: float
    cost: float
    seconds: float
    output_tokens: int
    excluded: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, backend: _Optional[str] = ..., precision: _Optional[str] = ..., tier: _Optional[int] = ..., quality: _Optional[float] = ..., acceptable: _Optional[float] = ..., cost: _Optional[float] = ..., seconds: _Optional[float] = ..., output_tokens: _Optional[int] = ..., excluded: _Optional[_Iterable[str]] = ...) -> None: ...

class Route(_message.Message):
    __slots__ = ("backend", "precision", "tier", "task", "sensitivity", "quality", "cost", "candidates", "fallback", "reasons", "saving_against_highest", "saving_against_lowest", "cache_regret", "sticky", "escalated", "exact_tokens", "details")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SAVING_AGAINST_HIGHEST_FIELD_NUMBER: _ClassVar[int]
    SAVING_AGAINST_LOWEST_FIELD_NUMBER: _ClassVar[int]
    CACHE_REGRET_FIELD_NUMBER: _ClassVar[int]
    STICKY_FIELD_NUMBER: _ClassVar[int]
    ESCALATED_FIELD_NUMBER: _ClassVar[int]
    EXACT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    backend: str
    precision: str
    tier: int
    task: TaskEstimate
    sensitivity: str
    quality: float
    cost: float
    candidates: _containers.RepeatedCompositeFieldContainer[RouteCandidate]
    fallback: _containers.RepeatedScalarFieldContainer[str]
    reasons: _containers.RepeatedScalarFieldContainer[str]
    saving_against_highest: float
    saving_against_lowest: float
    cache_regret: float
    sticky: bool
    escalated: bool
    exact_tokens: bool
    details: _containers.ScalarMap[str, float]
    def __init__(self, backend: _Optional[str] = ..., precision: _Optional[str] = ..., tier: _Optional[int] = ..., task: _Optional[_Union[TaskEstimate, _Mapping]] = ..., sensitivity: _Optional[str] = ..., quality: _Optional[float] = ..., cost: _Optional[float] = ..., candidates: _Optional[_Iterable[_Union[RouteCandidate, _Mapping]]] = ..., fallback: _Optional[_Iterable[str]] = ..., reasons: _Optional[_Iterable[str]] = ..., saving_against_highest: _Optional[float] = ..., saving_against_lowest: _Optional[float] = ..., cache_regret: _Optional[float] = ..., sticky: bool = ..., escalated: bool = ..., exact_tokens: bool = ..., details: _Optional[_Mapping[str, float]] = ...) -> None: ...

class BackendStatus(_message.Message):
    __slots__ = ("name", "model", "base_url", "precision", "tier", "priced", "circuit", "running", "reachable", "detail")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BASE_URL_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    PRICED_FIELD_NUMBER: _ClassVar[int]
    CIRCUIT_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    base_url: str
    precision: str
    tier: int
    priced: bool
    circuit: str
    running: int
    reachable: bool
    detail: str
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., base_url: _Optional[str] = ..., precision: _Optional[str] = ..., tier: _Optional[int] = ..., priced: bool = ..., circuit: _Optional[str] = ..., running: _Optional[int] = ..., reachable: bool = ..., detail: _Optional[str] = ...) -> None: ...

class UsageRow(_message.Message):
    __slots__ = ("key", "requests", "ok", "attempts", "input_tokens", "cached_tokens", "output_tokens", "cost", "unpriced", "estimated", "latency_ms", "first_token_ms", "quality", "judged")
    KEY_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    UNPRICED_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_MS_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    key: _containers.RepeatedScalarFieldContainer[str]
    requests: int
    ok: int
    attempts: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float
    unpriced: int
    estimated: int
    latency_ms: float
    first_token_ms: float
    quality: float
    judged: int
    def __init__(self, key: _Optional[_Iterable[str]] = ..., requests: _Optional[int] = ..., ok: _Optional[int] = ..., attempts: _Optional[int] = ..., input_tokens: _Optional[int] = ..., cached_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost: _Optional[float] = ..., unpriced: _Optional[int] = ..., estimated: _Optional[int] = ..., latency_ms: _Optional[float] = ..., first_token_ms: _Optional[float] = ..., quality: _Optional[float] = ..., judged: _Optional[int] = ...) -> None: ...

class Savings(_message.Message):
    __slots__ = ("requests", "routed", "all_high", "all_low", "random")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    ROUTED_FIELD_NUMBER: _ClassVar[int]
    ALL_HIGH_FIELD_NUMBER: _ClassVar[int]
    ALL_LOW_FIELD_NUMBER: _ClassVar[int]
    RANDOM_FIELD_NUMBER: _ClassVar[int]
    requests: int
    routed: float
    all_high: float
    all_low: float
    random: float
    def __init__(self, requests: _Optional[int] = ..., routed: _Optional[float] = ..., all_high: _Optional[float] = ..., all_low: _Optional[float] = ..., random: _Optional[float] = ...) -> None: ...
