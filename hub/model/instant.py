"""Points in time: aware, UTC inside, microseconds; a time without a zone is an error saying what to set."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer


class NaiveTimeError(ValueError):
    """A time has no zone; declare the source's `timezone` setting (e.g. Europe/Dublin) or send an offset."""

    def __init__(self, given: object) -> None:
        super().__init__(
            f"time {given!s} has no zone; set the source's `timezone` (e.g. Europe/Dublin) or send an offset"
        )


def parse_instant(given: str | datetime, zone: tzinfo | str | None = None) -> datetime:
    """Give the UTC instant of an ISO 8601 text or datetime; `zone` applies to local times only.

    Raises `NaiveTimeError` for a local time without `zone`, `ValueError` for text that is no time.
    """
    moment = given if isinstance(given, datetime) else datetime.fromisoformat(given.strip())
    if moment.tzinfo is None:
        if zone is None:
            raise NaiveTimeError(given)
        moment = moment.replace(tzinfo=ZoneInfo(zone) if isinstance(zone, str) else zone)
    return moment.astimezone(UTC)


def format_instant(moment: datetime) -> str:
    """Give RFC 3339 text in UTC with Z; microseconds only when there are any."""
    if moment.tzinfo is None:
        raise NaiveTimeError(moment)
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def _check(given: Any) -> Any:
    return parse_instant(given) if isinstance(given, str | datetime) else given


Instant = Annotated[datetime, BeforeValidator(_check), PlainSerializer(format_instant, return_type=str)]
