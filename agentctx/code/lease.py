"""The right to index a repository: one run at a time, whichever process it is in, and none of a dead one's forever."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from agentctx.errors import AgentctxError, Unavailable
from agentctx.store.code import CodeStore

_HOLDS: Final = 30.0  # seconds without a sign of life after which another may take over
_SIGN: Final = 8.0
_LOOK: Final = 0.1


class Lease:
    """Held inside the `with` block, in which a thread gives signs of life. `owner` names it to the store."""

    def __init__(self, store: CodeStore, repository: int, name: str, patience: float) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
        self._store = store
        self._repository = repository
        self._name = name
        self._patience = patience
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name="agentctx-code-lease", daemon=True)

    def waiting(self) -> Iterator[float]:
        """Take the lease; yields the seconds waited so far while another run holds it.

        Raises Unavailable when it still does after `patience` seconds, NotFound when the repository is gone.
        """
        waited = 0.0
        while not self._store.take_lease(self._repository, self.owner, _HOLDS):
            if waited >= self._patience:
                raise Unavailable(
                    f"the repository {self._name!r} is being indexed by another run; try again when it has ended",
                    field="repository",
                )
            self._break_if_dead()
            yield waited
            self._ended.wait(_LOOK)
            waited += _LOOK
        self._thread.start()

    def _break_if_dead(self) -> None:
        """End the lease of a process of this machine that is gone: it would only run out after a while."""
        owner = self._store.lease_owner(self._repository)
        host, _, rest = owner.rpartition(":")[0].rpartition(":")
        if host != socket.gethostname() or not rest.isdigit():
            return
        try:
            os.kill(int(rest), 0)
        except ProcessLookupError:
            self._store.end_lease(self._repository, owner)
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(AgentctxError):  # it runs out by itself
            self._store.end_lease(self._repository, self.owner)

    def _live(self) -> None:
        while not self._ended.wait(_SIGN):
            with suppress(AgentctxError):  # publishing finds out whether it was too long
                if not self._store.renew_lease(self._repository, self.owner, _HOLDS):
                    return
