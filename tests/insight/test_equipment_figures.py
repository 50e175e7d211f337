"""The OEE family by month, held against pandas, which counts the hours of the logs one by one.

Stretches of the logs and runs reach over the ends of months; some go on, some are planned for later.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import pandas as pd
import pytest

from hub.insight.formulas import FORMULAS
from hub.insight.performance import Figure, compute, list_parts
from hub.insight.periods import Grain
from hub.model import Batch, Equipment, EquipmentTime, MaterialLot, ProcessSegment, Record, SegmentResponse
from hub.store.mart.figures import Span
from tests.insight.plant import called
from tests.journeys.press_aggregates import Column
from tests.resolve.test_counting import says
from tests.resolve.worlds import World

Basis = Literal["planned", "actual"]
HOUR = timedelta(hours=1)
STANDARD_H = 200


def at(text: str) -> datetime:
    """Give an hour of 2026 in UTC: `01-25 06`."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H").replace(tzinfo=UTC)


LOG: tuple[tuple[str, Basis, str, str], ...] = (
    ("POT", "planned", "01-01 00", "03-01 00"),
    ("PDOT", "planned", "01-30 00", "02-03 00"),
    ("APT", "actual", "01-04 08", "01-12 20"),
    ("APT", "actual", "01-25 06", "02-08 06"),
    ("APT", "actual", "02-20 10", "02-20 15"),
    ("ASUT", "actual", "01-24 00", "01-25 06"),
    ("ASUT", "actual", "02-08 06", "02-09 00"),
    ("ADET", "actual", "01-31 20", "02-01 04"),
    ("ADOT", "actual", "02-10 00", "02-11 12"),
)
"""Element, basis, from, to of the unit that has a log."""
RUNS: tuple[tuple[str, str, str | None, str | None, str], ...] = (
    ("R1", "01-04 08", "01-12 20", "Completed", "UnRestricted"),
    ("R2", "01-25 06", "02-08 06", None, "UnRestricted"),
    ("R3", "02-20 10", "02-20 15", "Aborted", "Restricted"),
    ("R4", "02-25 00", None, "Running", "Planned"),
)
"""Batch, begin, end and state of its one unit procedure, what was decided of its lot."""


def _stretch(
    key: str, unit: str, element: str, basis: Basis, start: datetime, end: datetime | None
) -> Record:
    return EquipmentTime(
        key=key, equipment=called(unit), element=element, basis=basis, start_at=start, end_at=end
    )


def _run(code: str, start: str, end: str | None, state: str | None, decided: str) -> list[Record]:
    begun, ended = at(start), None if end is None else at(end)
    return [
        MaterialLot(id=called(f"L-{code}"), disposition=decided),
        Batch(
            id=called(code),
            kind="batch",
            output_lot=called(f"L-{code}"),
            equipment=called("S"),
            actual_start=begun,
            actual_end=ended,
        ),
        SegmentResponse(
            key=code,
            batch=called(code),
            level="unit_procedure",
            name="Run",
            process_segment=called("Run"),
            equipment=called("U"),
            state=state,
            actual_start=begun,
            actual_end=ended,
        ),
    ]


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    one.begin()
    said: list[Record] = [
        Equipment(id=called("S"), level="Site"),
        *(Equipment(id=called(unit), level="Unit", parent=called("S")) for unit in ("U", "SILENT", "OPEN")),
        ProcessSegment(id=called("Run"), standard_duration_s=STANDARD_H * 3600.0),
        *(_stretch(f"U{n}", "U", e, b, at(s), at(t)) for n, (e, b, s, t) in enumerate(LOG)),
        _stretch("later", "U", "POT", "planned", datetime(2999, 1, 1, tzinfo=UTC), None),
        _stretch("S1", "SILENT", "POT", "planned", at("01-01 00"), at("02-01 00")),
        _stretch("O1", "OPEN", "POT", "planned", at("01-01 00"), at("03-01 00")),
        _stretch("O2", "OPEN", "APT", "actual", at("01-31 22"), None),
        *(record for run in RUNS for record in _run(*run)),
    ]
    one.take([says("mes", *said)])
    one.resolve()
    yield one
    one.database.close()


def figures(world: World, code: str, unit: str = "U", grain: Grain = "month") -> dict[str, Figure]:
    with world.database.read() as connection:
        found = compute(connection, FORMULAS[code], "equipment", grain=grain)
    return {f"{one.period.start:%Y-%m}": one for one in found if one.name == unit}


# ------------------------------------------------------------------------------------------ by pandas
def count_hours(stretches: Mapping[str, tuple[datetime, datetime]]) -> Column:
    """Give the hours of each month that stretches hold, each hour taken for itself."""
    each = [pd.date_range(start, end, freq="h", inclusive="left") for start, end in stretches.values()]
    hours = pd.DatetimeIndex([hour for one in each for hour in one])
    return pd.Series(1.0, index=hours).groupby(hours.strftime("%Y-%m")).sum()


def expected() -> dict[str, Column]:
    """Give what each figure of the family is by month."""
    by_element = {
        element: count_hours({str(n): (at(s), at(t)) for n, (e, _, s, t) in enumerate(LOG) if e == element})
        for element in ("POT", "PDOT", "APT", "ASUT", "ADET", "ADOT")
    }
    time = pd.DataFrame(by_element).fillna(0.0)
    done = {code: (at(s), at(t)) for code, s, t, state, _ in RUNS if t and state in {None, "Completed"}}
    part = [count_hours({code: one}) * STANDARD_H / ((one[1] - one[0]) / HOUR) for code, one in done.items()]
    standard = pd.concat(part, axis=1).sum(axis=1)
    ended = pd.DataFrame([(at(t), d == "UnRestricted") for _, _, t, _, d in RUNS if t], columns=["end", "ok"])
    quality = ended.groupby(ended["end"].dt.strftime("%Y-%m"))["ok"].mean()
    busy, planned = time["APT"] + time["ASUT"] + time["ADET"], time["POT"] - time["PDOT"]
    availability, effectiveness = time["APT"] / planned, standard / time["APT"]
    return {
        "availability": availability,
        "effectiveness": effectiveness,
        "quality_ratio": quality,
        "oee": availability * effectiveness * quality,
        "nee": (time["APT"] + time["ASUT"]) / planned * effectiveness * quality,
        "allocation_efficiency": busy / planned,
        "utilization_efficiency": time["APT"] / busy,
        "technical_efficiency": time["APT"] / (time["APT"] + time["ADET"]),
        "setup_ratio": time["ASUT"] / (time["APT"] + time["ASUT"]),
        "downtime_ratio": time["ADOT"] / planned,
    }


@pytest.mark.parametrize("code", expected())
def test_a_figure_of_a_unit_by_month_is_what_pandas_counts_hour_by_hour(world: World, code: str) -> None:
    told = {month: one.value for month, one in figures(world, code).items()}
    assert told == pytest.approx(expected()[code].to_dict(), rel=1e-12)
    assert set(told) == {"2026-01", "2026-02"}


def test_periods_add_up_to_the_whole_whatever_their_length(world: World) -> None:
    whole = figures(world, "availability", grain="all")["1-01"]
    for grain in ("year", "quarter", "month", "week", "day"):
        with world.database.read() as connection:
            found = compute(connection, FORMULAS["availability"], "equipment", grain=grain)
        mine = [one for one in found if one.name == "U"]
        for side in ("numerator", "denominator"):
            assert sum(getattr(one, side) for one in mine) == pytest.approx(getattr(whole, side)), grain


def test_a_span_of_days_cuts_what_reaches_beyond_it(world: World) -> None:
    with world.database.read() as connection:
        span = Span(20260201, 20260207)
        found = compute(connection, FORMULAS["availability"], "equipment", grain="all", span=span)
    (one,) = [one for one in found if one.name == "U"]
    assert (one.numerator, one.denominator) == (7 * 24 * 3600, 5 * 24 * 3600)


def test_runs_that_go_on_or_were_broken_off_give_no_standard_time(world: World) -> None:
    with world.database.read() as connection:
        rows = list_parts(connection, figures(world, "effectiveness")["2026-02"])
    assert [(row["duration_s"] / 3600, row["is_completed"]) for row in rows["standard"]] == [(336, 1)]


def test_rows_of_stretches_say_what_of_them_lies_in_the_period(world: World) -> None:
    figure = figures(world, "availability")["2026-02"]
    with world.database.read() as connection:
        rows = list_parts(connection, figure)["apt"]
    assert [(row["duration_s"] / 3600, row["counted"] / 3600) for row in rows] == [(336, 174), (5, 5)]
    assert sum(row["counted"] for row in rows) == figure.parts["apt"].total


def test_a_unit_without_a_log_has_no_availability_and_was_not_up_for_all_anybody_knows(world: World) -> None:
    for code, term in (("availability", "apt"), ("downtime_ratio", "logged")):
        one = figures(world, code, "SILENT")["2026-01"]
        assert one.value is None
        assert one.incomplete[0].startswith(f"{term}: there is no row of fact_equipment_time")


def test_a_stretch_that_goes_on_makes_every_month_incomplete_into_which_it_reaches(world: World) -> None:
    found = figures(world, "availability", "OPEN")
    assert found["2026-01"].parts["apt"].missing == 1
    assert found["2026-02"].incomplete[0].startswith("apt: 1 of 1 rows of fact_equipment_time")
    assert {one.value for one in found.values()} == {None}
