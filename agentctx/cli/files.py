"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from agentctx.errors import FailedPrecondition, InvalidArgument


@contextmanager
def written(name: str) -> Iterator[BinaryIO]:
    """A file to write to, readable by its owner alone, that takes the name `name` when the block has ended well.

    A device or a pipe is written to directly. Raises InvalidArgument where the file cannot be made,
    FailedPrecondition where it cannot be written to the end.
    """
    path = Path(name)
    try:
        direct = path.exists() and not path.is_file()
        if path.is_dir():
            raise InvalidArgument(f"{name} is a folder", field="output")
        if not direct:
            path = path.resolve()  # a link stays a link
        part = path if direct else path.with_name(f".{path.name}.{os.getpid()}.part")
        flags = os.O_WRONLY | (0 if direct else os.O_CREAT | os.O_EXCL)
        file = os.fdopen(os.open(part, flags, 0o600), "wb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not a path"
        raise InvalidArgument(f"cannot write {name}: {reason}", field="output") from None
    try:
        with file:
            yield file
            file.flush()
            if not direct:
                os.fsync(file.fileno())
        if not direct:
            part.replace(path)
    except BaseException as error:
        if not direct:
            with suppress(OSError):
                part.unlink()
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise FailedPrecondition(f"cannot write {name}: {error.strerror}", field="output") from error
        raise
