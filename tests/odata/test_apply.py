"""`$apply` counts what a client would count from the rows themselves, on both engines alike."""

from collections import defaultdict
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest

from hub.store.questions.grouping import MOST_STEPS
from tests.odata.conftest import Odata

Rows = list[dict[str, Any]]


def known(rows: Rows, name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


def bring(rows: Rows, *names: str) -> dict[tuple[Any, ...], Rows]:
    """Bring rows together by hand."""
    found: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found


FIGURES: dict[str, tuple[str, Callable[[Rows], Any]]] = {
    "n": ("$count as n", len),
    "total": ("value with sum as total", lambda rows: sum(v) if (v := known(rows, "value")) else None),
    "mean": ("value with average as mean", lambda rows: fmean(v) if (v := known(rows, "value")) else None),
    "least": ("value with min as least", lambda rows: min(known(rows, "value"), default=None)),
    "last": ("measured_at with max as last", lambda rows: max(known(rows, "measured_at"), default=None)),
    "first": ("test_code with min as first", lambda rows: min(known(rows, "test_code"), default=None)),
    "kinds": ("verdict with countdistinct as kinds", lambda rows: len(set(known(rows, "verdict")))),
    "repeats": ("replicate with sum as repeats", lambda rows: sum(v) if (v := known(rows, "replicate")) else None),
    "double": (
        "value mul 2 with max as double",
        lambda rows: max((2 * v for v in known(rows, "value")), default=None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_is_that_of_the_rows(odata: Odata, figure: str) -> None:
    told, count = FIGURES[figure]
    rows = odata.rows("/results")
    groups = odata.rows("/results", apply=f"groupby((test_code,verdict),aggregate({told}))")
    expected = bring(rows, "test_code", "verdict")
    assert {(one["test_code"], one["verdict"]) for one in groups} == set(expected)
    for one in groups:
        wanted = count(expected[one["test_code"], one["verdict"]])
        assert one[figure] == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)
    (whole,) = odata.rows("/results", apply=f"aggregate({told})")
    wanted = count(rows)
    assert whole == {figure: pytest.approx(wanted) if isinstance(wanted, float) else wanted}


def test_what_is_filtered_before_and_after_is_not_the_same(odata: Odata) -> None:
    rows = odata.rows("/phases")
    before = odata.rows(
        "/phases", apply="filter(level eq 'operation')/groupby((equipment/code),aggregate($count as n))"
    )
    operations = bring([row for row in rows if row["level"] == "operation"], "equipment_code")
    assert {(one["equipment"]["code"], one["n"]) for one in before} == {
        (code, len(some)) for (code,), some in operations.items()
    }
    after = odata.rows(
        "/phases", apply="groupby((level),aggregate($count as n))", filter="n gt 5", select="level"
    )
    assert after == [{"level": level} for (level,), some in bring(rows, "level").items() if len(some) > 5]


def test_groups_are_ordered_cut_counted_and_grouped_again(odata: Odata) -> None:
    apply = "groupby((name),aggregate($count as n))"
    document = odata.get("/phases", apply=apply, orderby="n desc,name", top=2, skip=1, count="true")
    names = bring(odata.rows("/phases"), "name")
    wanted = sorted(((-len(some), name) for (name,), some in names.items()))[1:3]
    assert [(one["name"], one["n"]) for one in document["value"]] == [(name, -n) for n, name in wanted]
    assert document["@odata.count"] == len(names) == int(odata.ask("/phases/$count", apply=apply).text)
    assert document["@odata.context"].endswith("$metadata#phases(name,n)")
    (most,) = odata.rows(
        "/phases", apply=f"{apply}/filter(n gt 0)/aggregate(n with max as most,n with sum as all)"
    )
    assert most == {"most": max(map(len, names.values())), "all": sum(map(len, names.values()))}


def test_values_without_figures_are_the_different_ones(odata: Odata) -> None:
    found = odata.rows("/phases", apply="groupby((level))")
    assert len(found) == 3
    assert {one["level"] for one in found} == {"operation", "unit_procedure", None}
    assert odata.rows("/phases", apply="filter(level eq 'operation')", select="level") == [
        {"level": "operation"}
    ] * len(odata.rows("/phases", filter="level eq 'operation'"))


def test_the_star_and_what_is_reached_are_grouped_too(odata: Odata) -> None:
    (one,) = odata.rows(
        "/fact_batch", apply="aggregate(actual_size with sum as size,results with sum as results)"
    )
    assert one == {"size": 118.2, "results": 6}
    (batch,) = odata.rows("/batches", filter="code eq 'B26-0117'", select="uid")
    phases = odata.rows(f"/batches('{batch['uid']}')/phases", apply="aggregate($count as n)")
    assert phases == [{"n": 10}]


def test_more_groups_than_a_page_holds_are_refused(odata: Odata) -> None:
    steps = "/".join(["filter(id gt 0)"] * (MOST_STEPS + 1))
    assert "at most 6 steps" in odata.refused(400, "/phases", apply=steps)["message"]
    apply = "groupby((id,name),aggregate($count as n))"
    message = odata.refused(400, "/phases", apply=apply)["message"]
    assert "more than 11 groups" in message
    assert len(odata.rows("/phases", apply=apply, top=11)) == 11
