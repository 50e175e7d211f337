"""Points in time: aware, UTC inside, microseconds; a time without a zone is an error saying what to set."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer

Ambiguity = Literal["error", "earliest", "latest"]
"""What a local time means that comes twice, when clocks are put back: nothing, or one of the two."""


class NaiveTimeError(ValueError):
    """A time has no zone; declare the source's `timezone` setting (e.g. Europe/Dublin) or send an offset."""

    def __init__(self, given: object) -> None:
        super().__init__(
            f"time {given!s} has no zone; set the source's `timezone` (e.g. Europe/Dublin) or send an offset"
        )


class MissingTimeError(ValueError):
    """A local time never was: clocks were put forward over it; correct it at the source or send an offset."""

    def __init__(self, given: object, zone: object) -> None:
        super().__init__(
            f"local time {given!s} does not exist in {zone}: clocks went forward over it; correct it at the "
            "source, or, if its clock keeps one offset all year, set a fixed zone such as Etc/GMT-1"
        )


class AmbiguousTimeError(ValueError):
    """A local time comes twice: clocks were put back; send an offset, or set the source's `ambiguous`."""

    def __init__(self, given: object, zone: object) -> None:
        super().__init__(
            f"local time {given!s} comes twice in {zone}: clocks went back; have the source send an offset, "
            "or set its `ambiguous` to earliest or latest"
        )


def parse_instant(
    given: str | datetime, zone: tzinfo | str | None = None, *, ambiguous: Ambiguity = "error"
) -> datetime:
    """Give the UTC instant of an ISO 8601 text or datetime; `zone` and `ambiguous` apply to local times only.

    Raises `NaiveTimeError` for a local time without `zone`, `MissingTimeError` for one that clocks skipped,
    `AmbiguousTimeError` for one that came twice, `ValueError` for text that is no time.
    """
    moment = given if isinstance(given, datetime) else datetime.fromisoformat(given.strip())
    if moment.tzinfo is None:
        if zone is None:
            raise NaiveTimeError(given)
        local = moment.replace(tzinfo=ZoneInfo(zone) if isinstance(zone, str) else zone)
        moment = _place(local, given, ambiguous)
    return moment.astimezone(UTC)


def _place(local: datetime, given: object, ambiguous: Ambiguity) -> datetime:
    """Say which of its two readings a local time has; they differ only where clocks were moved."""
    early, late = local.replace(fold=0), local.replace(fold=1)
    before, after = early.utcoffset(), late.utcoffset()
    if before == after or before is None or after is None:
        return early
    if before < after:
        raise MissingTimeError(given, local.tzinfo)
    if ambiguous == "error":
        raise AmbiguousTimeError(given, local.tzinfo)
    return late if ambiguous == "latest" else early


def format_instant(moment: datetime) -> str:
    """Give RFC 3339 text in UTC with Z; microseconds only when there are any."""
    if moment.tzinfo is None:
        raise NaiveTimeError(moment)
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def _check(given: Any) -> Any:
    return parse_instant(given) if isinstance(given, str | datetime) else given


Instant = Annotated[datetime, BeforeValidator(_check), PlainSerializer(format_instant, return_type=str)]
