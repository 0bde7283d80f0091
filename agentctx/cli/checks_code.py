"""What `doctor` checks about indexing code: parsers, git, the library that tells of changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import metadata

from agentctx.cli.checks import Check, guarded
from agentctx.cli.output import one_line


def code() -> Iterator[Check]:
    """Do the grammars load, and is there what indexing uses where it can?"""
    yield guarded("code", "grammars", _grammars)
    if git := shutil.which("git"):
        yield Check("code", "git", "ok", git)
    else:
        yield Check("code", "git", "note", "not installed", "install git; only `index --commit` needs it")
    try:
        yield Check("code", "watchfiles", "ok", f"{metadata.version('watchfiles')}, for `index --watch`")
    except metadata.PackageNotFoundError:
        fix = "pip install 'agentctx[watch]'"
        yield Check("code", "watchfiles", "note", "not installed; `index --watch` looks every two seconds", fix)


def _grammars() -> Check:
    from agentctx.code.languages import LANGUAGES  # noqa: PLC0415 - doctor reports what is not installed

    broken = []
    for language in LANGUAGES:
        try:
            language.load()
        except Exception as error:  # noqa: BLE001, RUF100 - each library has errors of its own
            broken.append(f"{language.name} ({one_line(str(error))[:200]})")
    names = ", ".join(language.name for language in LANGUAGES)
    if broken:
        fix = "pip install --force-reinstall agentctx; files in these languages are searched as plain text until then"
        return Check("code", "grammars", "failed", f"cannot be loaded: {', '.join(broken)}", fix)
    return Check("code", "grammars", "ok", names)
