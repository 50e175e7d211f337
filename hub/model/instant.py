"""Points in time: aware, UTC inside, microseconds; a time without a zone is an error saying what to set."""

from datetime import UTC, datetime, time, timedelta, tzinfo
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
    if moment.tzinfo is UTC:  # as most are: nothing to turn
        return moment
    if moment.tzinfo is None:
        if zone is None:
            raise NaiveTimeError(given)
        return _place(moment, ZoneInfo(zone) if isinstance(zone, str) else zone, given, ambiguous=ambiguous)
    return moment.astimezone(UTC)


def place_local(local: datetime, offset: timedelta) -> datetime:
    """Give the UTC instant of a local time whose offset is known.

    There is one for each row of many sources: `replace` and `astimezone` take four times as long.
    """
    utc = local - offset
    return datetime.combine(utc, utc.time(), UTC)


def _place(local: datetime, zone: tzinfo, given: object, *, ambiguous: Ambiguity) -> datetime:
    """Say which of its two readings a local time has; they differ only where clocks were moved."""
    day, clock = local.date(), local.time()
    again = time(clock.hour, clock.minute, clock.second, clock.microsecond, fold=1)
    early = datetime.combine(day, clock.replace(fold=0)) if clock.fold else local
    before, after = zone.utcoffset(early), zone.utcoffset(datetime.combine(day, again))
    if before is None or after is None:
        return early.replace(tzinfo=zone).astimezone(UTC)
    if before < after:
        raise MissingTimeError(given, zone)
    if before > after and ambiguous == "error":
        raise AmbiguousTimeError(given, zone)
    return place_local(local, after if ambiguous == "latest" else before)


def format_instant(moment: datetime) -> str:
    """Give RFC 3339 text in UTC with Z; microseconds only when there are any."""
    if moment.tzinfo is None:
        raise NaiveTimeError(moment)
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def _check(given: Any) -> Any:
    return parse_instant(given) if isinstance(given, str | datetime) else given


Instant = Annotated[datetime, BeforeValidator(_check), PlainSerializer(format_instant, return_type=str)]
