"""The engine: opens a store and hands out the services."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agentctx.config import Settings
from agentctx.embed import Embedder, open_embedder
from agentctx.errors import EmbedderMismatch, FailedPrecondition, InvalidArgument
from agentctx.ids import Clock, IdFactory, SystemClock, TimeOrderedIds
from agentctx.memory.reembed import reembed
from agentctx.memory.service import Memory
from agentctx.runtime.snapshots import remove_all
from agentctx.store import Store, open_store
from agentctx.types import Progress

if TYPE_CHECKING:  # each service is loaded when it is first asked for
    from agentctx.code.service import Code
    from agentctx.context.complete import Builds, Completer
    from agentctx.context.service import Context
    from agentctx.llm.backends import Backends
    from agentctx.routing.service import Routing

DEFAULT_EMBEDDER = "static"


class ContextEngine:
    """One open store with its services: memory, code, context, routing. Thread-safe; processes may share a store.

    >>> with ContextEngine.open("memory.db") as engine:  # doctest: +SKIP
    ...     engine.memory.add("acme/user-42", "Ana moved to Lisbon in May.")
    """

    def __init__(self, store: Store, embedder: Embedder, settings: Settings, clock: Clock, ids: IdFactory) -> None:
        self._store = store
        self._clock, self._ids = clock, ids
        self.settings = settings
        self.memory = Memory(store, embedder, settings, clock)
        self._making = threading.RLock()
        self._code: Code | None = None
        self._context: Context | None = None
        self._routing: Routing | None = None
        self._backends: Backends | None = None

    @classmethod
    def open(
        cls,
        store: str | Path | None = None,
        *,
        embedder: str | Embedder | None = None,
        settings: Settings | None = None,
        clock: Clock | None = None,
        ids: IdFactory | None = None,
    ) -> Self:
        """Open a store, creating it if it is new.

        store: a file path (SQLite) or a `postgresql://` URL; default: a file in the user's data directory.
        embedder: `static`, `sentence-transformers:NAME`, `openai:MODEL@URL`, or an object; default: the one that
        filled the store, `static` for a new one; a remote one must be named. Raises EmbedderMismatch when the store
        was filled by another, FailedPrecondition, StoreTooNew, StoreCorrupt, Unavailable, InvalidArgument.
        Cost: some 0.2 s, mostly imports and the embedder.
        """
        _of_kind(store, "store", "a path or a URL", lambda: isinstance(store, str | Path | None))
        _of_kind(
            embedder,
            "embedder",
            "a spec such as static, or an Embedder",
            lambda: embedder is None or isinstance(embedder, str) or hasattr(embedder, "embed"),
        )
        _of_kind(settings, "settings", "Settings", lambda: isinstance(settings, Settings | None))
        _of_kind(clock, "clock", "a Clock", lambda: clock is None or hasattr(clock, "now"))
        _of_kind(ids, "ids", "an IdFactory", lambda: ids is None or hasattr(ids, "new_id"))
        settings = Settings.load() if settings is None else settings
        clock = SystemClock() if clock is None else clock
        ids = TimeOrderedIds() if ids is None else ids
        opened = open_store(
            default_store() if store is None else store,
            clock=clock,
            ids=ids,
            settings=settings.store,
        )
        try:
            recorded = opened.embedder()
            if embedder is None:
                embedder = DEFAULT_EMBEDDER if recorded is None else _recorded(spec_of(recorded), opened.url)
            if isinstance(embedder, str):
                embedder = open_embedder(embedder)
            if recorded is not None and recorded != embedder.identity.key:
                raise EmbedderMismatch(
                    f"{opened.url} was filled by the embedder {_named(recorded)}, not {_named(embedder.identity.key)}. "
                    "Open it with that one, or convert it: "
                    f"agentctx memory reembed --store {opened.url} --embedder {embedder.identity.spec}",
                    field="embedder",
                    stored=recorded,
                    given=embedder.identity.key,
                )
        except BaseException:
            opened.close()
            raise
        return cls(opened, embedder, settings, clock, ids)

    @property
    def code(self) -> Code:
        """Maps of code bases: see `agentctx.code.service.Code`."""
        with self._making:
            if self._code is None:
                from agentctx.code.service import Code  # noqa: PLC0415 - parsers are not needed for memory alone

                self._code = Code(self._store, self.settings)
            return self._code

    @property
    def context(self) -> Context:
        """Bundles: the best of memory and code for a task that fits a budget; and answers to it."""
        with self._making:
            if self._context is None:
                from agentctx.context.service import Context  # noqa: PLC0415

                self._context = Context(self.memory, lambda: self.code, self.settings, self._completer)
            return self._context

    @property
    def routing(self) -> Routing:
        """Which backend takes a request, what feedback has taught, and what it all cost."""
        with self._making:
            if self._routing is None:
                from agentctx.llm.backends import Backends  # noqa: PLC0415
                from agentctx.routing.service import Routing  # noqa: PLC0415

                self._backends = Backends(self.settings.backends, self.settings.routing, os.environ)
                self._routing = Routing(self._store, self._backends, self.settings, self._clock)
            return self._routing

    def _completer(self, build: Builds) -> Completer:
        from agentctx.context.complete import Completer  # noqa: PLC0415

        routing = self.routing
        assert self._backends is not None
        return Completer(build, routing, self._backends, self._store.ledger, self.settings, self._ids)

    @property
    def store_url(self) -> str:
        """Where the store is, without a password."""
        return self._store.url

    def close(self) -> None:
        """Release the store and the embedder. Everything acknowledged is durable already."""
        for service in (self._context, self._routing, self._code):
            if service is not None:
                service.close()
        self.memory.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def default_store() -> Path:
    """The store that commands use when none is named: `memory.db` in the user's data directory."""
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed where a store is named

    return user_data_path("agentctx", appauthor=False) / "memory.db"


def spec_of(key: str) -> str:
    """The embedder spec within an identity key (`EmbedderIdentity.key`)."""
    return key.rsplit("#", 2)[0]


def _recorded(spec: str, store: str) -> Embedder:
    """The embedder that a store names, unless opening it would send texts to wherever a store from elsewhere says."""
    if spec.startswith("openai:"):
        raise FailedPrecondition(
            f"{store} was filled by the remote embedder {spec!r}, which gets every text and query. Name it to agree: "
            f"--embedder {spec}, or embedder={spec!r}",
            field="embedder",
            stored=spec,
        )
    try:
        return open_embedder(spec)
    except InvalidArgument:
        raise EmbedderMismatch(
            f"{store} was filled by an embedder that this agentctx does not have: {spec!r}. Convert it: "
            f"agentctx memory reembed --store {store} --embedder {DEFAULT_EMBEDDER}",
            field="embedder",
            stored=spec,
        ) from None


def _named(key: str) -> str:
    """An embedder as an error names it; the fingerprint tells models of one name apart."""
    parts = key.rsplit("#", 2)
    if len(parts) != 3:
        return repr(key)
    spec, dimensions, fingerprint = parts
    return f"{spec!r} ({dimensions} dimensions, {fingerprint[:8]})"


def _of_kind(value: object, field: str, wanted: str, fits: Callable[[], bool]) -> None:
    if not fits():
        raise InvalidArgument(f"{field} must be {wanted}, not {type(value).__name__}", field=field)


def reembed_store(store: str | Path, embedder: str, settings: Settings | None = None) -> Iterator[Progress]:
    """Re-embed a store without opening its present embedder, which may be gone. See `Memory.reembed`."""
    if not isinstance(embedder, str) or not embedder:
        raise InvalidArgument("embedder must be a spec such as static", field="embedder")
    settings = settings or Settings.load()
    opened = open_store(store, clock=SystemClock(), ids=TimeOrderedIds(), settings=settings.store)
    try:

        def switched(new: Embedder) -> None:
            remove_all(opened)
            new.close()

        yield from reembed(opened, embedder, switched)
    finally:
        opened.close()
