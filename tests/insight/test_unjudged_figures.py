"""Figures over rows that lack a verdict, a day, a unit that can be compared, or of which the time has not come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from hub.insight.formulas import FORMULAS
from hub.insight.keeping import Kept, keep_all, keep_stale
from hub.insight.performance import Figure, compute, list_parts
from hub.insight.periods import ALWAYS, Grain
from hub.model import (
    Batch,
    MaterialActual,
    MaterialLot,
    Measurement,
    OperationsRequest,
    Quantity,
    Record,
    Sample,
    SegmentResponse,
    TestResult,
)
from hub.store.mart.figures import Scope
from tests.insight.plant import called
from tests.insight.test_mart import read
from tests.resolve.test_counting import says
from tests.resolve.worlds import World

MAY, DAY = datetime(2026, 5, 1, tzinfo=UTC), timedelta(days=1)
NEVER = datetime(2999, 1, 1, tzinfo=UTC)
Verdict = Literal["pass", "fail", "inconclusive"]
RESULTS: tuple[tuple[str | None, Verdict | None, str | None, datetime | None], ...] = (
    ("judged", "pass", None, MAY),
    ("judged", "fail", None, MAY),
    ("judged", None, "Excluded", MAY),
    ("judged", "fail", "retracted", MAY),
    ("judged", None, "rejected", MAY),
    ("judged", "fail", "rejected", MAY),
    ("judged", None, "archived: wrong vial", MAY),
    ("half judged", "pass", None, MAY),
    ("half judged", None, None, MAY),
    ("half dated", "fail", None, MAY),
    ("half dated", "pass", None, None),
    (None, "pass", None, MAY),
)
"""Property, verdict, status, when measured."""


def results() -> Iterator[Record]:
    yield Sample(key="X", code="X", batch=called("B1"))
    for number, (name, verdict, status, at) in enumerate(RESULTS):
        yield TestResult(
            key=f"X/{number}",
            sample="X",
            test_code="T",
            property=name,
            value=Measurement.of("1", "g/L"),
            verdict=verdict,
            status=status,
            measured_at=at,
        )


def batch(
    code: str, *, due: datetime | None = None, released: datetime | None = None, **told: Any
) -> list[Record]:
    """Give a batch with its order and its lot."""
    return [
        OperationsRequest(id=called(f"O-{code}"), due_at=due),
        MaterialLot(
            id=called(f"L-{code}"), disposition="UnRestricted" if released else None, released_at=released
        ),
        Batch(
            id=called(code),
            kind="batch",
            operations_request=called(f"O-{code}"),
            output_lot=called(f"L-{code}"),
            **told,
        ),
    ]


def kg(amount: str) -> Quantity:
    return Quantity.of(amount, "kg")


def batches() -> Iterator[Record]:
    """Three are due in May, one of which has no comparable size in June; two are due and planned in 2999."""
    whole = {"planned_size": kg("100"), "actual_size": kg("98"), "actual_end": MAY}
    yield from batch(
        "B1", due=MAY + 9 * DAY, released=MAY + 5 * DAY, planned_start=MAY, actual_start=MAY, **whole
    )
    yield from batch("B2", due=MAY + 9 * DAY, released=MAY + 12 * DAY, planned_size=kg("100"))
    yield from batch("B3", due=MAY + 9 * DAY, planned_start=MAY)
    yield from batch("B4", due=NEVER, planned_start=NEVER, planned_size=kg("100"))
    pieces = {"planned_size": kg("100"), "actual_size": Quantity.of("99", "L"), "actual_end": MAY + 35 * DAY}
    yield from batch("B5", due=MAY + 40 * DAY, released=MAY + 36 * DAY, **pieces)
    yield Batch(id=called("B6"), kind="batch", status="Complete")
    yield Batch(id=called("B7"), kind="batch", status="Running")


MOVES = (
    ("Grow", "Produced", "harvest", "200"),
    ("Purify", "Consumed", "harvest", "200"),
    ("Purify", "Consumed", "buffer", "999"),
    ("Purify", "Produced", "eluate", "90"),
    ("Purify", "Produced", "waste", "50"),
    ("Fill", "Consumed", "eluate", "80"),
    ("Fill", "Produced", "L-B1", "76"),
)
"""Step, use, lot, kg."""


def steps() -> Iterator[Record]:
    for name in ("Grow", "Purify", "Fill"):
        yield SegmentResponse(
            key=name,
            batch=called("B1"),
            level="unit_procedure",
            name=name,
            actual_start=MAY,
            actual_end=MAY + DAY,
        )
    for number, (step, use, lot, amount) in enumerate(MOVES):
        yield MaterialActual(
            key=str(number),
            batch=called("B1"),
            response=step,
            lot=called(lot),
            use=use,
            quantity=kg(amount),
            at=MAY,
        )


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    one.begin()
    one.take([says("mes", *batches(), *steps()), says("lims", *results())])
    one.resolve()
    yield one
    one.database.close()


def figures(world: World, code: str, grain: Grain = "month", scope: Scope = "all") -> dict[str, Figure]:
    """Give figures by word and month."""
    with world.database.read() as connection:
        found = compute(connection, FORMULAS[code], scope, grain=grain)
    return {
        " ".join(filter(None, (one.word, "" if one.period == ALWAYS else f"{one.period.start:%Y-%m}"))): one
        for one in found
    }


# ------------------------------------------------------------------------------------------ verdicts
def test_results_that_the_laboratory_withdrew_are_no_results(world: World) -> None:
    one = figures(world, "oos_rate_of_property")["judged 2026-05"]
    assert (one.numerator, one.denominator, one.value) == (2, 3, pytest.approx(2 / 3))


def test_a_result_that_nobody_judged_is_neither_passed_nor_failed(world: World) -> None:
    one = figures(world, "oos_rate_of_property")["half judged 2026-05"]
    assert one.value is None
    assert one.incomplete == ("failed: 1 of 2 rows of fact_test_result (is_withdrawn = 0) have no is_oos",)
    first = figures(world, "first_pass_yield")["2026-05"]
    assert first.value is None
    assert "have no is_pass" in first.incomplete[0]


def test_the_view_says_nothing_of_a_result_that_nobody_judged(world: World) -> None:
    rows = [row for row in read(world.database, "fact_test_result") if row["property"] == "half judged"]
    told = {(row["verdict"], row["is_oos"], row["is_pass"]) for row in rows}
    assert told == {("pass", 0, 1), (None, None, None)}


# ------------------------------------------------------------------------------------------ days
def test_what_has_no_day_is_told_beside_the_months_and_counts_where_all_time_is_asked_for(
    world: World,
) -> None:
    by_month = figures(world, "oos_rate_of_property")
    assert by_month["half dated 2026-05"].value == 1
    undated = by_month["half dated"]
    assert undated.value is None
    assert undated.parts["results"].missing == 1
    assert undated.incomplete[0].endswith(
        "1 of 1 rows of fact_test_result (is_withdrawn = 0) have no done_day"
    )
    whole = figures(world, "oos_rate_of_property", "all")["half dated"]
    assert (whole.numerator, whole.denominator, whole.incomplete) == (1, 2, ())
    with world.database.read() as connection:
        rows = list_parts(connection, whole)["results"]
    assert [row["done_day"] for row in rows] == [None, 20260501]


def test_a_batch_that_is_complete_has_ended_some_day_and_one_that_runs_has_not(world: World) -> None:
    assert figures(world, "batches_ended", "all")[""].value == 4
    lacking = figures(world, "cycle_time")[""]
    assert lacking.incomplete == ("x: 2 of 2 rows of fact_batch have no end_day",)


def test_a_figure_without_a_word_leads_to_its_rows_too(world: World) -> None:
    one = figures(world, "oos_rate_of_property")["2026-05"]
    assert one.denominator == 1
    with world.database.read() as connection:
        assert [row["verdict"] for row in list_parts(connection, one)["results"]] == ["pass"]


# ------------------------------------------------------------------------------------------ due, planned, sizes
def test_what_is_due_or_planned_later_is_no_failure_yet(world: World) -> None:
    assert {key: one.value for key, one in figures(world, "schedule_adherence").items()} == {"2026-05": 0.5}
    assert "2999-01" not in figures(world, "on_time_in_full")
    assert figures(world, "on_time_in_full")["2026-05"].value == pytest.approx(1 / 3)


def test_amounts_in_units_that_cannot_be_compared_give_neither_in_full_nor_a_yield(world: World) -> None:
    late = figures(world, "on_time_in_full")["2026-06"]
    assert late.value is None
    assert late.incomplete[0].endswith("have no otif")
    mixed = figures(world, "overall_yield")["L 2026-06"]
    assert mixed.value is None
    assert mixed.incomplete == ("planned: 1 of 1 rows of fact_batch have no comparable_planned_size",)
    assert figures(world, "overall_yield")["kg 2026-05"].value == pytest.approx(0.98)


def test_the_yield_of_a_step_is_what_it_passes_on_of_what_it_takes_up(world: World) -> None:
    found = figures(world, "step_yield")
    assert {key: one.value for key, one in found.items()} == {
        "Fill, kg 2026-05": pytest.approx(76 / 80),
        "Grow, kg 2026-05": None,
        "Purify, kg 2026-05": pytest.approx(90 / 200),
    }
    assert found["Grow, kg 2026-05"].incomplete[0].startswith("taken_up: there is no row")


# ------------------------------------------------------------------------------------------ kept
def test_kept_figures_are_told_apart_and_say_why_they_have_no_value(world: World) -> None:
    keep_all(world.database, actor="test", now=MAY)
    rows = read(world.database, "fact_kpi")
    of = ("kpi", "formula_version", "scope_type", "scope_key", "word", "period_start")
    assert len({tuple(row[name] for name in of) for row in rows}) == len(rows)
    assert {row["word"] for row in rows if row["kpi"] == "step_yield"} == {
        "Fill, kg",
        "Grow, kg",
        "Purify, kg",
    }
    assert [row for row in rows if (row["value"] is None) != bool(row["incomplete"])] == []
    assert all(row["rows"] for row in rows)


def test_figures_are_kept_again_when_something_that_they_are_made_of_was_written(world: World) -> None:
    keep_all(world.database, actor="test", now=MAY)
    assert keep_stale(world.database, actor="test", now=MAY + DAY) == Kept()
    world.take([says("mes", Sample(key="Y", code="Y", batch=called("B1")), key="more")])
    world.resolve()
    hour = timedelta(hours=1)
    assert keep_stale(world.database, actor="test", now=MAY, after=hour) == Kept()
    again = keep_stale(world.database, actor="test", now=MAY + hour, after=hour)
    assert 0 < again.formulas < len(FORMULAS)
    assert (again.written, again.withdrawn) == (0, 0)
    assert keep_stale(world.database, actor="test", now=MAY + 2 * hour, after=hour) == Kept()
