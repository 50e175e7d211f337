"""Key figures are what a hand counts, say what they lack, and lead to their rows; the same on both engines."""

from collections.abc import Iterator
from datetime import timedelta
from statistics import mean, median, stdev

import pytest
from sqlalchemy import event

from hub.insight.formula import Formula, Term, WrongFormula
from hub.insight.formulas import FORMULAS
from hub.insight.keeping import Kept, keep_all
from hub.insight.performance import BY_VALUE, Figure, NoSuchScope, compute, compute_all, list_parts
from hub.insight.periods import find_period
from hub.model import Batch, Quantity
from hub.store.mart import STAR
from hub.store.mart.figures import Scope, Selection
from hub.store.order import newest_known
from tests.insight.plant import BATCHES, HCP, MARCH, called, fill
from tests.resolve.test_counting import says
from tests.resolve.worlds import NOW, World


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    fill(one)
    yield one
    one.database.close()


def figures(world: World, code: str, scope: Scope = "all", grain: str = "all") -> dict[str, Figure]:
    with world.database.read() as connection:
        found = compute(connection, FORMULAS[code], scope, grain=grain)  # type: ignore[arg-type]
    return {" ".join(filter(None, (f.name, f.word))) or "all": f for f in found}


def values(world: World, code: str, scope: Scope = "all", grain: str = "all") -> dict[str, float | None]:
    found = figures(world, code, scope, grain)
    return {name: None if f.value is None else round(f.value, 9) for name, f in found.items()}


def test_there_are_at_least_thirty_and_each_has_a_source_and_names_views_that_are_there() -> None:
    assert len(FORMULAS) >= 30
    for formula in FORMULAS.values():
        assert formula.source
        for term in formula.terms.values():
            columns = STAR[term.selection.view]().selected_columns
            asked = {term.selection.day, *(w.column for w in term.selection.where)}
            asked |= {name for name in (term.selection.column, formula.word) if name}
            assert asked <= set(columns.keys()), formula.code


def test_right_first_time_counts_what_was_released(world: World) -> None:
    assert values(world, "right_first_time") == {"all": 1.0}
    assert values(world, "right_first_time", "site") == {"BSL": 1.0, "CRK": 1.0}
    assert figures(world, "right_first_time")["all"].denominator == 2


def test_times_are_medians_means_and_spreads_of_the_batches_that_ended(world: World) -> None:
    hours = [float(b[3]) * 3600 for b in BATCHES]
    assert values(world, "cycle_time") == {"all": median(hours)}
    assert values(world, "cycle_time_mean") == {"all": mean(hours)}
    assert values(world, "cycle_time_deviation") == {"all": round(stdev(hours), 9)}
    assert values(world, "release_time") == {"all": timedelta(days=7).total_seconds()}


def test_on_time_in_full_asks_for_both_and_what_is_not_released_is_late(world: World) -> None:
    # B1 is ten days behind its end and so late; B2 and B4 are not released; B3 is both.
    assert values(world, "on_time_in_full") == {"all": 0.25}


def test_schedule_adherence_allows_a_day(world: World) -> None:
    # Starts are 0, 10, 20 and 30 hours behind plan.
    assert values(world, "schedule_adherence") == {"all": 0.75}


def test_a_figure_whose_inputs_lack_says_so_instead_of_giving_a_number(world: World) -> None:
    figure = figures(world, "overall_yield")["kg"]
    assert figure.value is None
    assert figure.incomplete == ("actual: 1 of 4 rows of fact_batch have no actual_size",)
    first = figures(world, "availability", "equipment", "all")
    assert first["BR-1"].incomplete == ()
    assert "BR-2" not in first


def test_rates_of_quality_are_counted_by_batches_results_and_lots(world: World) -> None:
    assert values(world, "deviation_rate") == {"all": 0.5}
    assert values(world, "oos_rate") == {"all": round(1 / 3, 9)}
    assert values(world, "first_pass_yield") == {"all": round(2 / 3, 9)}
    assert values(world, "lot_acceptance_rate") == {"all": 0.5}
    assert values(world, "quality_ratio", "equipment") == {"BR-1": 0.5, "BR-2": 1.0}


def test_cpk_is_held_against_the_one_limit_there_is(world: World) -> None:
    given = [float(v) for v in HCP.values()]
    expected = (100.0 - mean(given)) / (3 * stdev(given))
    assert values(world, "cpk", "product") == {"P HCP": round(expected, 9)}
    assert figures(world, "cp", "product")["P HCP"].incomplete == ("Cp needs a lower and an upper limit",)


def test_the_oee_of_a_unit_is_the_product_of_its_three_ratios(world: World) -> None:
    one = {
        code: figures(world, code, "equipment")["BR-1"].value
        for code in ("availability", "effectiveness", "quality_ratio", "oee", "utilization_efficiency")
    }
    assert one["availability"] == pytest.approx(30 / 35)
    assert one["effectiveness"] == pytest.approx(29 / 30)
    assert one["quality_ratio"] == pytest.approx(0.5)
    assert one["oee"] == pytest.approx(30 / 35 * 29 / 30 * 0.5)
    assert one["utilization_efficiency"] == pytest.approx(30 / 33)


@pytest.mark.parametrize("scope", ["all", "site", "equipment", "product"])
def test_all_at_once_they_are_what_each_is_alone_and_each_fact_is_looked_at_once(
    world: World, scope: Scope
) -> None:
    formulas = [formula for formula in FORMULAS.values() if scope in formula.scopes]
    asked: list[str] = []
    with world.database.read() as connection:
        alone = {formula.code: compute(connection, formula, scope) for formula in formulas}
        event.listen(world.database.engine, "before_cursor_execute", note := lambda *a: asked.append(a[2]))
        together = compute_all(connection, formulas, scope)
        event.remove(world.database.engine, "before_cursor_execute", note)
    assert together == alone
    assert sum(len(found) for found in alone.values()) > len(formulas) / 2
    terms = [(f, term.selection) for f in formulas for term in f.terms.values()]
    sums = {(rows.look, f.word) for f, rows in terms if f.statistic not in BY_VALUE}
    values = {(rows, f.word) for f, rows in terms if f.statistic in BY_VALUE}
    asked = [
        one for one in asked if "audit_event" not in one and "overtaken_act" not in one
    ]  # how late it is
    assert len(asked) == len(sums) + len(values) + (scope != "all")
    assert len(asked) < len(terms) / 2


def test_a_figure_leads_to_the_rows_it_was_made_of(world: World) -> None:
    figure = figures(world, "right_first_time", "site", "month")["CRK"]
    with world.database.read() as connection:
        rows = list_parts(connection, figure)
    assert {name: len(some) for name, some in rows.items()} == {"right": 1, "released": 1}
    assert rows["right"][0]["right_first_time"] == 1
    assert figure.period == find_period(20260315, "month")


def test_a_scope_that_makes_no_sense_is_refused_by_name(world: World) -> None:
    with pytest.raises(NoSuchScope, match="availability is of all, site, equipment, not of product"):
        figures(world, "availability", "product")


def test_a_formula_can_only_add_subtract_and_multiply_its_own_terms() -> None:
    terms = {"x": Term(Selection("fact_batch", "end_day"))}
    for text in ("y", "x / 2", "__import__('os')", "x.real", "(x)(x)"):
        with pytest.raises(WrongFormula):
            Formula("odd", "Odd", "1", "", "", terms, numerator=text)


def test_figures_are_kept_by_month_and_only_those_with_other_inputs_are_written_again(world: World) -> None:
    first = keep_all(world.database, actor="test", now=NOW)
    assert (first.formulas, first.withdrawn) == (len(FORMULAS), 0)
    assert first.written > 100
    assert keep_all(world.database, actor="test", now=NOW) == Kept(len(FORMULAS))
    batch = BATCHES[0]
    start = MARCH + timedelta(days=batch[2] - 1)
    later = Batch(id=called(batch[0]), kind="batch", actual_size=Quantity.of("96", "kg"), actual_start=start)
    world.take([says("erp", later, key="erp")])
    world.resolve()
    again = keep_all(world.database, actor="test", now=NOW)
    assert 0 < again.written < first.written / 2
    assert again.withdrawn == 0
    assert keep_all(world.database, actor="test", now=NOW) == Kept(len(FORMULAS))


def test_the_past_has_the_figures_of_the_past(world: World) -> None:
    world.begin()
    fill(world)
    with world.database.read() as connection:
        before = compute(connection, FORMULAS["oos_rate"], "all", grain="all")
        then = newest_known(connection)
    world.take(
        [
            says("mes", Batch(id=called("B9"), kind="batch", product=called("P")), key="more"),
            says("lims", key="lims", number=2),
        ]
    )
    world.resolve()
    with world.database.read() as connection:
        assert compute(connection, FORMULAS["oos_rate"], "all", grain="all") == []
    with world.database.read(as_known_at=then) as connection:
        after = compute(connection, FORMULAS["oos_rate"], "all", grain="all")
    assert [f.digest for f in after] == [f.digest for f in before]
    assert after[0].value == before[0].value
