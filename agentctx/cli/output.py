"""What commands print: results on stdout (tables for people, JSON for programs), everything else on stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from agentctx.errors import AgentctxError, FailedPrecondition, InvalidArgument, ResourceExhausted
from agentctx.types import Revision

if TYPE_CHECKING:
    from rich.console import Console

# Control characters (ESC above all) and marks that turn the direction of text: stored text must not drive a terminal.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# What people call a field of the library where it is not the option of the same name.
_NAMES: Final = {
    "changes": "",
    "episodes": "TEXT",
    "id": "ID",
    "ids": "ID",
    "k": "-k",
    "lines": "FILE",
    "namespace": "NAMESPACE",
    "occurred_from": "--from",
    "occurred_to": "--to",
    "path": "PATH",
    "prefix": "PREFIX",
    "query": "QUERY",
    "repository": "--repo",
    "stdout": "",
    "symbol": "SYMBOL",
    "tags": "--tag",
    "target": "--server",
    "tls": "--tls-cert",
    "tls.ca": "--tls-ca",
    "tls.certificate": "--tls-cert",
    "tls.client_ca": "--tls-client-ca",
    "tls.key": "--tls-key",
    "token": "--token-file",
    "unix_socket": "--unix",
    "workers": "--max-concurrent",
}
_LONGEST_USAGE: Final = 300
_HINTS: Final = {
    "unauthenticated": "give a token with --token-file or AGENTCTX_TOKEN",
}


class Output:
    """Where a command's results go. With `json`, stdout holds JSON and nothing else."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def result(self, value: object, people: Callable[[Console], None]) -> None:
        """Print the one result of a command: `value` as a JSON object, or what `people` draws."""
        if self.json:
            self.line(value)
        else:
            self.people(people)

    def people(self, draw: Callable[[Console], None]) -> None:
        """Print something for people alone."""
        if not self.json:
            with _writing():
                draw(console())

    def line(self, value: object) -> None:
        """Print one value of a stream as a line of JSON."""
        self.text(dump(value))

    def text(self, line: str, *, flush: bool = True) -> None:
        """Print a line as it is."""
        with _writing():
            sys.stdout.write(line + "\n")
            if flush:
                sys.stdout.flush()

    def part(self, text: str) -> None:
        """Print a piece of a text that is still being made."""
        with _writing():
            sys.stdout.write(text)
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """Tell people something besides the result, on stderr; programs are not told."""
        if not self.json:
            sys.stderr.write(printable(text) + "\n")


def console() -> Console:
    """Stdout for people; a pipe gets wide lines without colour."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms that `--json` does not need

    class Plain(Console):
        def on_broken_pipe(self) -> None:  # rich would exit with 1
            raise BrokenPipeError

    found = Plain(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = 140
    return found


@contextmanager
def _writing() -> Iterator[None]:
    """Within this block an OSError is about stdout: a full disk. A reader that went away is dealt with in `main`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FailedPrecondition(f"cannot write the output: {error.strerror}", field="stdout") from error


def plain(value: object) -> Any:
    """A result as JSON has it: keys are the names of the fields, times are ISO 8601, a revision is `epoch.sequence`."""
    if isinstance(value, Revision):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


def dump(value: object) -> str:
    """One line of JSON, readable by whatever the stream's encoding is."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(plain(value), ensure_ascii=not utf8, separators=(", ", ": "))


def printable(text: str) -> str:
    """`text` without what could drive a terminal; line breaks and tabs stay."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`text` without line breaks, too."""
    return " ".join(printable(text).split())


def error_text(error: AgentctxError, *, json: bool) -> str:
    """The line that a failed command leaves on stderr."""
    if json:
        return dump({"error": error.to_dict()})
    message = _with_name(error.message, error.field)
    hint = _HINTS.get(error.code, "")
    if isinstance(error, ResourceExhausted) and error.retry_after:
        hint = f"try again in {error.retry_after:g} s"
    return one_line(f"agentctx: {error.code}: {message}" + (f" ({hint})" if hint else ""))


def _with_name(message: str, field: str) -> str:
    """The message with what it is about, in the words of the command line."""
    name = _NAMES.get(field)
    if name is None:
        name = f"--{field.replace('_', '-')}" if field.isidentifier() else field
    if not name or name in message:
        return message
    rest = message.removeprefix(field)
    return f"{name}{rest}" if rest != message and rest[:1] == " " else f"{name}: {message}"


def usage_error(error: Any) -> InvalidArgument:
    """What the option parser found wrong, as an error of ours."""
    parameter = getattr(error, "param", None)
    context = getattr(error, "ctx", None)
    message = one_line(error.format_message()).rstrip(".")
    if len(message) > _LONGEST_USAGE:  # it repeats what was given
        message = message[: _LONGEST_USAGE - 1] + "…"
    if context is not None:
        message = f"{message}. See {context.command_path} --help"
    return InvalidArgument(message, field=getattr(parameter, "name", None) or "")
