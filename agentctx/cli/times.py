"""Times on the command line: ISO 8601, or `now`. A time without a zone is in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from agentctx.errors import InvalidArgument


def parse_time(text: object, field: str) -> datetime:
    """The time that `text` names, such as `2026-05-03`, `2026-05-03T10:12`, `2026-05-03T10:12:00+02:00` or `now`."""
    if isinstance(text, str):
        if text.strip().lower() == "now":
            return datetime.now(UTC)
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            pass
        else:
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    shown = f"{text[:40]!r}" if isinstance(text, str) else f"a {type(text).__name__}"
    raise InvalidArgument(
        f"{field} must be a time in ISO 8601, such as 2026-05-03T10:12:00+02:00 (UTC without a zone), or now; "
        f"{shown} is not",
        field=field,
    )


def optional_time(text: str | None, field: str) -> datetime | None:
    """As `parse_time`; None stays None."""
    return None if text is None else parse_time(text, field)


def show_time(moment: datetime | None) -> str:
    """A time for people: UTC, to the minute."""
    if moment is None:
        return ""
    try:
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
    except OverflowError:  # within hours of the years 1 and 9999
        return moment.isoformat()
