"""The command line: runs a command and turns whatever happens into a line on stderr and a documented exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from agentctx.cli import exits
from agentctx.errors import AgentctxError, Cancelled, FailedPrecondition, Internal

_ISSUES = "https://github.com/agentctx/agentctx/issues"


def main(argv: Sequence[str] | None = None) -> int:
    """Run `agentctx` with `argv` (default: that of the process) and return its exit code. Never raises."""
    _complete_streams()
    args = list(sys.argv[1:] if argv is None else argv)
    json = _wants_json(args)
    try:
        code = _run(args)
        _flush()
    except BrokenPipeError:
        _abandon_output()
        return exits.BROKEN_PIPE
    except KeyboardInterrupt:
        return _report(Cancelled("interrupted"), json=json)
    except Exception as error:  # noqa: BLE001, RUF100 - the last line of defence: no traceback reaches a user
        return _report(error, json=json)
    return code


def _wants_json(args: list[str]) -> bool:
    """Whether errors are to be JSON, too. `bench` has a --json of its own, which names a file."""
    options = args[: args.index("--")] if "--" in args else args
    return "--json" in options and options[0] != "bench"


def _run(args: list[str]) -> int:
    import typer  # noqa: PLC0415 - after the streams are safe

    from agentctx.cli import app  # noqa: PLC0415
    from agentctx.cli.output import usage_error  # noqa: PLC0415

    if "_AGENTCTX_COMPLETE" in os.environ:
        app.app(prog_name="agentctx")
    usage: type[Exception] = typer.BadParameter.__mro__[1]  # click's UsageError, wherever this typer keeps it
    try:
        with app.command().make_context("agentctx", args) as context:
            context.command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        raise Cancelled("stopped") from None
    except usage as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(str(error.format_message()))  # type: ignore[attr-defined]  # noqa: T201
            return exits.USAGE
        raise usage_error(error) from error
    return exits.OK


def _report(error: Exception, *, json: bool) -> int:
    """Say on stderr what went wrong, in one line, and return the exit code."""
    from agentctx.cli.output import error_text  # noqa: PLC0415

    if not isinstance(error, AgentctxError):
        error = _unexpected(error)
    try:
        _flush()
        if os.environ.get("AGENTCTX_DEBUG", "") not in ("", "0"):
            import traceback  # noqa: PLC0415

            traceback.print_exception(error, file=sys.stderr)
        sys.stderr.write(error_text(error, json=json) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, KeyboardInterrupt):
        _abandon_output()
    return exits.exit_code(error.code)


def _unexpected(error: Exception) -> AgentctxError:
    """An exception that nothing was prepared for, without its message: that could hold what the store holds."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f" at {os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}" if at is not None else ""  # noqa: PTH119, RUF100
    bug = Internal(
        f"a bug in agentctx: {type(error).__name__}{place}. Please report it at {_ISSUES} with the traceback, "
        "which AGENTCTX_DEBUG=1 shows"
    )
    bug.__cause__ = error
    return bug


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _abandon_output()
        raise FailedPrecondition(f"cannot write the output: {error.strerror}", field="stdout") from error


def _complete_streams() -> None:
    """Every standard stream exists and can print any text.

    A closed one is opened on the null device, so that no store ever gets its descriptor and is written to by `print`.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123, RUF100
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _abandon_output() -> None:
    """Send what is still buffered nowhere: the interpreter would complain about it on its way out."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            try:
                os.dup2(null, stream.fileno())
            except (OSError, ValueError):
                continue
    os.close(null)
