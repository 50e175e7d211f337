"""Times: local ones need a zone, and what a clock shows twice or never is said by name, not guessed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import (
    AmbiguousTimeError,
    Batch,
    MissingTimeError,
    NaiveTimeError,
    format_instant,
    parse_instant,
)

ZONES = ("Europe/Dublin", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
START = datetime(2020, 1, 1, tzinfo=UTC)
instants = st.integers(0, 315_000_000).map(lambda s: START + timedelta(seconds=s))
zones = st.sampled_from(ZONES)


@given(instants)
def test_an_instant_survives_being_written(moment: datetime) -> None:
    assert parse_instant(format_instant(moment)) == moment


@given(instants, zones)
def test_a_time_with_its_offset_is_the_same_in_any_zone(moment: datetime, zone: str) -> None:
    written = moment.astimezone(ZoneInfo(zone)).isoformat()
    assert parse_instant(written) == moment == parse_instant(written, "Asia/Tokyo")


@given(instants, zones)
def test_what_a_wall_clock_shows_is_read_back_or_said_to_come_twice(moment: datetime, zone: str) -> None:
    shown = moment.astimezone(ZoneInfo(zone))
    wall = shown.replace(tzinfo=None, fold=0).isoformat()
    try:
        assert parse_instant(wall, zone) == moment
    except AmbiguousTimeError:
        readings = {parse_instant(wall, zone, ambiguous=one) for one in ("earliest", "latest")}
        assert len(readings) == 2
        assert moment in readings


@given(instants, zones)
def test_a_wall_clock_never_shows_what_is_said_not_to_exist(moment: datetime, zone: str) -> None:
    wall = moment.replace(tzinfo=None)
    try:
        found = parse_instant(wall, zone, ambiguous="earliest")
    except MissingTimeError:
        around = [moment + timedelta(minutes=5 * step) for step in range(-200, 200)]
        assert wall not in [m.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for m in around]
    else:
        assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == wall


def test_a_local_time_without_a_zone_names_the_field_and_the_setting() -> None:
    with pytest.raises(ValueError, match="timezone") as refused:
        Batch.model_validate({"id": "B1", "actual_start": "2026-03-10T08:00:00"})
    assert "actual_start" in str(refused.value)
    with pytest.raises(NaiveTimeError, match="2026-03-10T08:00:00"):
        parse_instant("2026-03-10T08:00:00")


def test_a_time_that_clocks_skipped_is_refused_with_the_zone() -> None:
    with pytest.raises(MissingTimeError, match="2026-03-29T01:30:00 does not exist in Europe/Dublin"):
        parse_instant("2026-03-29T01:30:00", "Europe/Dublin")


def test_a_time_that_comes_twice_is_refused_unless_the_source_says_which() -> None:
    twice = "2026-10-25T01:30:00"
    with pytest.raises(AmbiguousTimeError, match=r"comes twice in Europe/Dublin.*`ambiguous`"):
        parse_instant(twice, "Europe/Dublin")
    assert parse_instant(twice, "Europe/Dublin", ambiguous="earliest") == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
    assert parse_instant(twice, "Europe/Dublin", ambiguous="latest") == datetime(
        2026, 10, 25, 1, 30, tzinfo=UTC
    )


def test_a_fixed_offset_has_no_doubtful_hours() -> None:
    assert parse_instant("2026-03-29T01:30:00", "Etc/GMT-1") == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "10/03/2026 08:00"])
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_instant(text, "UTC")
