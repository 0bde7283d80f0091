"""What people type for JSON values and revisions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx.types import Revision

_REVISION: Final = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)


def parse_json(text: str | bytes, field: str) -> Any:
    """A JSON value."""
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        raise InvalidArgument(f"{field} is not UTF-8", field=field) from None
    except RecursionError:
        raise InvalidArgument(f"{field} is nested too deep", field=field) from None
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"{field} is not JSON: {error.msg} at character {error.pos + 1}", field=field) from None
    except ValueError:  # a number of thousands of digits
        raise InvalidArgument(f"{field} holds a number with too many digits", field=field) from None


def parse_object(text: str, field: str) -> Mapping[str, Any]:
    """A JSON object."""
    value = parse_json(text, field)
    if not isinstance(value, dict):
        raise InvalidArgument(f'{field} must be a JSON object such as \'{{"topic": "work"}}\'', field=field)
    return value


def parse_revision(text: str, field: str) -> Revision:
    """A revision as commands print it: `epoch.sequence`."""
    found = _REVISION.fullmatch(text.strip())
    if found is None:
        raise InvalidArgument(f"{field} must be a revision such as 1.42, as commands print it", field=field)
    return Revision(int(found[1]), int(found[2]))
