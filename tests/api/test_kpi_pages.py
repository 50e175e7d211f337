"""The pages of key figures say what a hand counts, or what lacks, and lead to the rows and their batches."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from lxml import etree

from hub.api.app import create_app
from hub.api.pages.figures import name_period, show_measure
from hub.insight.formulas import FORMULAS
from hub.insight.periods import ALWAYS, Grain, find_period
from hub.store.keys import create_key
from tests.api.conftest import Counter
from tests.api.test_pages import words
from tests.insight.plant import fill
from tests.resolve.worlds import World

HTML = {"Accept": "text/html"}


@dataclass
class Pages:
    """A client of the pages over a plant that can be counted by hand."""

    client: TestClient

    def read(self, path: str) -> Any:
        response = self.client.get(path, headers=HTML)
        assert response.status_code == 200, response.text
        return etree.fromstring(response.content, etree.HTMLParser(encoding="utf-8"))

    def row(self, page: Any, title: str) -> Any:
        """Give the row of a table whose head says so."""
        (found,) = [row for row in page.iter("tr") if words(row).startswith(title)]
        return found


@pytest.fixture(scope="module")
def pages(module_url: str) -> Iterator[Pages]:
    world = World(module_url, keeps=True)
    fill(world)
    with world.database.begin("test") as connection:
        key = create_key(connection, name="reader", scopes=["role:reader"])
    app = create_app(world.database)
    yield Pages(TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False))
    world.database.close()


def links(element: Any) -> list[str]:
    return [a.get("href") for a in element.iter("a")]


def test_every_figure_has_its_formula_and_source_beside_it(pages: Pages) -> None:
    page = pages.read("/kpis?per=all")
    said = words(page)
    for formula in FORMULAS.values():
        assert formula.title in said
        if "all" in formula.scopes:
            assert formula.text in said
            assert f"{formula.source} v{formula.version}" in said


def test_a_figure_shows_value_numerator_and_denominator_and_leads_to_its_rows(pages: Pages) -> None:
    row = pages.row(pages.read("/kpis?per=all"), "Right first time")
    assert words(row).startswith("Right first time 1 4 rows that it is made of 2 / 2 ")
    _, rows_at = links(row)
    made_of = pages.read(rows_at)
    assert "Right first time, all time" in words(made_of)
    batches = {link for link in links(made_of) if link.startswith("/batches/")}
    assert len(batches) == 2
    for link in batches:
        assert pages.client.get(link, headers=HTML).status_code == 200
    (json,) = [link for link in links(made_of) if link.startswith("/v1/")]
    terms = pages.client.get(json).json()["items"]
    assert [len(term["rows"]) for term in terms] == [2, 2]


def test_rows_say_whether_they_are_all(pages: Pages) -> None:
    path = "/v1/kpis/batches_ended/rows?per=all&day=2026-03-10"
    for limit, whole in ((3, False), (4, True), (5, True)):
        (term,) = pages.client.get(f"{path}&limit={limit}").json()["items"]
        assert (len(term["rows"]), term["is_complete"]) == (min(limit, 4), whole)


def test_what_is_incomplete_says_what_lacks_instead_of_a_number(pages: Pages) -> None:
    found = [row for row in pages.read("/kpis?per=all").iter("tr") if row.findall(".//small[@class='lack']")]
    assert found
    for row in found:
        assert "incomplete" in words(row)
        assert row.find(".//strong") is None
    made_of = pages.read(links(found[0])[-1])
    assert "incomplete" in words(made_of)


def test_a_row_that_does_not_say_what_is_added_up_is_marked(pages: Pages) -> None:
    lacking = pages.row(pages.read("/kpis?per=all"), "Mean yield of a batch")
    assert re.search(r"x: 1 of \d rows of fact_batch have no yield_ratio", words(lacking))
    made_of = pages.read(links(lacking)[-1])
    assert [cell.text for cell in made_of.iterfind(".//td/span")] == ["not known"]


def test_the_list_is_of_the_month_in_which_a_batch_ended_last_and_steps_from_there(pages: Pages) -> None:
    page = pages.read("/kpis")
    assert page.find(".//h2").text == "2026-03"
    (before,) = page.iterfind(".//a[@rel='prev']")
    assert pages.read(before.get("href")).find(".//h2").text == "2026-02"
    (after,) = page.iterfind(".//a[@rel='next']")
    assert pages.read(after.get("href")).find(".//h2").text == "2026-04"


def test_a_place_is_chosen_from_those_of_which_there_is_anything(pages: Pages) -> None:
    page = pages.read("/kpis?per=all")
    offered = {one.text: one.get("value") for one in page.iterfind(".//option") if ":" in one.get("value")}
    assert {"BSL", "CRK"} <= set(offered)
    chosen = pages.read(f"/kpis?per=all&of={offered['CRK']}")
    assert [one.text for one in chosen.iterfind(".//select[@id='of']//option[@selected]")] == ["CRK"]
    row = pages.row(chosen, "Batches ended")
    assert words(row).startswith("Batches ended 2 ")
    assert "of CRK" in words(pages.read(links(row)[-1]))
    assert "cp" not in {link.partition("?")[0] for link in links(chosen)}


def test_one_figure_is_shown_in_all_places_and_periods(pages: Pages) -> None:
    page = pages.read("/kpis/batches_ended?of=site&per=month")
    assert [words(row).split()[:3] for row in page.iterfind(".//tbody/tr")][:2] == [
        ["BSL", "2026-03", "2"],
        ["CRK", "2026-03", "2"],
    ]
    assert "fact_batch" in words(page)
    none = pages.read("/kpis/batches_ended?of=site&from=2020-01-01&to=2020-12-31")
    assert "nothing that it could be made of" in words(none)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/kpis/nonsense", 404),
        ("/kpis/nonsense/rows?day=2026-03-01", 404),
        ("/kpis?of=site:999999", 404),
        ("/kpis?of=fax:1", 422),
        ("/kpis?day=2026-02-30", 422),
        ("/kpis?day=9999-12-31", 422),
        ("/kpis?per=fortnight", 422),
        ("/kpis/cp?of=all", 422),
        ("/kpis/oos_rate?from=yesterday", 422),
        ("/kpis/oos_rate/rows", 422),
        ("/kpis/oos_rate/rows?day=", 422),
        ("/kpis/oos_rate/rows?day=1999-01-01", 404),
        ("/kpis/oos_rate/rows?day=9999-12-31&per=year", 422),
    ],
)
def test_a_wrong_question_is_a_page_that_says_so(pages: Pages, path: str, status: int) -> None:
    response = pages.client.get(path, headers=HTML)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")


def test_the_last_day_of_the_calendar_ends_no_period_for_programs_either(pages: Pages) -> None:
    response = pages.client.get("/v1/kpis/oos_rate/rows?day=9999-12-31&per=year")
    assert response.status_code == 422


def test_strangers_are_sent_to_log_in(looked_at: Counter) -> None:
    for path in ("/kpis", "/kpis/oos_rate", "/kpis/oos_rate/rows?day=2026-03-10"):
        answer = looked_at.client.get(path, headers={**HTML, "X-API-Key": ""}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "s", ("", "")),
        (90.0, "s", ("90", "s")),
        (5_400.0, "s", ("90", "min")),
        (180_000.0, "s", ("2.083", "d")),
        (0.123456, "1", ("0.1235", "")),
        (12_345.0, "1", ("12 345", "")),
    ],
)
def test_values_are_told_with_four_digits_in_a_unit_of_their_size(
    value: float | None, unit: str, shown: tuple[str, str]
) -> None:
    assert show_measure(value, unit) == shown


@pytest.mark.parametrize(
    ("per", "name"),
    [
        ("all", "all time"),
        ("year", "2026"),
        ("quarter", "2026 Q1"),
        ("month", "2026-03"),
        ("week", "2026-W11"),
        ("day", "2026-03-10"),
    ],
)
def test_periods_have_names(per: Grain, name: str) -> None:
    assert name_period(find_period(20260310, per), per) == name


def test_what_has_no_day_is_named_so_beside_the_months() -> None:
    assert name_period(ALWAYS, "month") == "without a day"
