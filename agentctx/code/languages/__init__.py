"""The languages that the code map reads, and which of them a file is in."""

from __future__ import annotations

import re
from typing import Final

from agentctx.code.languages.base import Language
from agentctx.code.languages.bash import BASH
from agentctx.code.languages.c import CPP, C
from agentctx.code.languages.csharp import CSHARP
from agentctx.code.languages.go import GO
from agentctx.code.languages.java import JAVA
from agentctx.code.languages.javascript import JAVASCRIPT, TSX, TYPESCRIPT
from agentctx.code.languages.php import PHP
from agentctx.code.languages.python import PYTHON
from agentctx.code.languages.ruby import RUBY
from agentctx.code.languages.rust import RUST

LANGUAGES: Final[tuple[Language, ...]] = (
    PYTHON,
    JAVASCRIPT,
    TYPESCRIPT,
    TSX,
    GO,
    JAVA,
    RUST,
    C,
    CPP,
    CSHARP,
    RUBY,
    PHP,
    BASH,
)
BY_NAME: Final = {language.name: language for language in LANGUAGES}
_BY_EXTENSION: Final = {extension: language for language in LANGUAGES for extension in language.extensions}
_BY_FILENAME: Final = {name: language for language in LANGUAGES for name in language.filenames}
_BY_INTERPRETER: Final = {name: language for language in LANGUAGES for name in language.interpreters}
_SHEBANG: Final = re.compile(rb"#!\s*(?:\S*/)?(?:env\s+(?:-S\s+)?)?(?:\S*/)?([A-Za-z]+)[\d.]*\b")
_CPP_IN_HEADER: Final = re.compile(
    rb"^\s*(?:class\s+\w+|namespace\s+\w+|template\s*<|public:|private:|protected:|using\s+\w+)|\bstd::|\bconstexpr\b",
    re.MULTILINE,
)


def language_of(path: str, head: bytes = b"") -> Language | None:
    """The language of a file by its name or, without an extension, by the `#!` line in `head`; None for other text.

    A `.h` file is C++ where its head says so, else C.
    """
    name = path.rpartition("/")[2]
    found = _BY_FILENAME.get(name)
    if found is not None:
        return found
    _, dot, extension = name.rpartition(".")
    if dot:
        found = _BY_EXTENSION.get(f".{extension.lower()}")
        if found is C and extension == "h" and _CPP_IN_HEADER.search(head):
            return CPP
        return found
    shebang = _SHEBANG.match(head)
    return _BY_INTERPRETER.get(shebang[1].decode()) if shebang else None


def kind_of_name(path: str) -> str:
    """What of a file's name decides how it is read: its extension, or the whole of a name that is known as such."""
    name = path.rpartition("/")[2]
    if name in _BY_FILENAME:
        return name.lower()
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""
