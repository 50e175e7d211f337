import html
import re
from itertools import pairwise
from typing import Any

import pytest
from lxml import etree

from tests.api.conftest import Counter
from tests.api.factories import add_assertion, add_held, add_name, add_record, add_thing
from tests.api.routes import PAGES


def read_page(counter: Counter, path: str) -> Any:
    response = counter.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200, response.text
    return etree.fromstring(response.content, etree.HTMLParser(encoding="utf-8"))


def words(page: Any) -> str:
    return " ".join(" ".join(page.itertext()).split())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_built_for_everybody(either_looked_at: Counter, path: str) -> None:
    page = read_page(either_looked_at, path)
    assert len(page.findall(".//h1")) == 1
    assert page.find(".//main") is not None
    levels = [int(str(e.tag)[1]) for e in page.iter("h1", "h2", "h3")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for table in page.iter("table"):
        assert table.find("caption") is not None
        assert all(th.get("scope") for th in table.iter("th"))
    for svg in page.iter("svg"):
        assert svg.get("aria-hidden") == "true" or (
            svg.find("title") is not None and svg.find("desc") is not None
        )
    ids = [e.get("id") for e in page.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    labels = {label.get("for") for label in page.iter("label")}
    assert all(field.get("id") in labels for field in page.iter("input") if field.get("type") != "hidden")


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(looked_at: Counter, path: str) -> None:
    page = read_page(looked_at, path)
    ids = {e.get("id") for e in page.iter() if e.get("id")}
    for link in {a.get("href") for a in page.iter("a") if a.get("href")}:
        target, _, fragment = link.partition("#")
        if not target:
            assert fragment in ids, link
        elif target.startswith("/"):
            assert looked_at.client.get(target).status_code == 200, link


def test_the_start_page_shows_what_waits_for_a_person(looked_at: Counter) -> None:
    said = words(read_page(looked_at, "/"))
    for expected in (
        "B26-0117",
        "conflict",
        "EBR-2026-0131.xml",
        "PLC7.AI_0042",
        "B26-0199",
        "disputed",
        "reversal",
        "TITRE",
        "sap_odata",
        "118.2 kg",
    ):
        assert expected in said


def test_the_start_page_finds_a_batch_by_the_name_another_system_uses(looked_at: Counter) -> None:
    page = read_page(looked_at, "/?name=b26+0117")
    assert "B26-0117" in words(page)
    assert "B26-0118" not in words(page)


def test_the_batch_page_puts_every_systems_version_side_by_side(looked_at: Counter) -> None:
    page = read_page(looked_at, "/batches/B26-0117")
    table = next(t for t in page.iter("table") if t.get("class") == "compare")
    heads = [th.text for th in table.find("thead").iter("th")]
    assert heads[:2] == ["Attribute", "In one view"]
    assert set(heads[2:]) >= {"lims", "mes", "sap.prd"}, "a system that only named it has a column too"
    row = next(tr for tr in table.find("tbody") if "actual size" in words(tr))
    cells = dict(zip(heads[1:], row.findall("td"), strict=True))
    assert words(cells["In one view"]) == "118.2 kg"
    assert words(cells["mes"]) == "117.30 kg"
    assert cells["mes"].get("class") == "conflict"
    assert "118200.000 G" in words(cells["sap.prd"])
    assert cells["sap.prd"].get("class") == "winner"
    called = dict(zip(heads[1:], table.find("tbody").find("tr").findall("td"), strict=True))
    assert (words(called["mes"]), words(called["lims"])) == ("B26-0117", "b26 0117")
    seen = {words(tr.find("th")): tr for tr in table.find("tbody") if tr.get("class") == "seen"}
    assert "results seen" in seen


def test_every_value_of_the_comparison_is_one_click_from_its_source(looked_at: Counter) -> None:
    page = read_page(looked_at, "/batches/B26-0117")
    table = next(t for t in page.iter("table") if t.get("class") == "compare")
    for cell in table.find("tbody").iter("td"):
        if cell.get("class") in ("winner", "conflict"):
            assert cell.find("a").get("href").startswith("/source-records/")


def test_the_batch_page_draws_phases_signals_and_the_bad_stretch(looked_at: Counter) -> None:
    page = read_page(looked_at, "/batches/B26-0117")
    timeline = next(svg for svg in page.iter("svg") if svg.get("role") == "group")
    titles = [a.get("aria-label") for a in timeline.iter("a")]
    assert len(titles) == 9
    assert not any("FedBatch " in title for title in titles)
    assert any("Aborted" in title for title in titles)
    trends = [svg for svg in page.iter("svg") if svg.get("role") == "img"]
    assert len(trends) == 4
    bad = [rect for rect in page.iter("rect") if rect.get("class") == "bad"]
    assert len(bad) == 1
    acid = next(svg for svg in trends if "pH" in svg.find("title").text)
    assert acid.find("path").get("d").count("M") == 2


def test_the_batch_page_leads_to_the_statistics_of_its_phases(looked_at: Counter) -> None:
    page = read_page(looked_at, "/batches/B26-0117")
    [link] = [
        a.get("href") for a in page.iter("a") if (a.get("href") or "").startswith("/v1/phases/statistics")
    ]
    items = looked_at.client.get(link).json()["items"]
    assert "Growth" in {item["name"] for item in items}
    assert {item["batch"] for item in items} == {"B26-0117"}
    assert all(item["statistics"]["count"] is not None for item in items)


def test_the_batch_page_tells_what_counts_and_what_broke_its_limits(looked_at: Counter) -> None:
    said = words(read_page(looked_at, "/batches/B26-0117"))
    assert "mass 1 500 kg 118.2 kg 1381.8 kg 92.12 %" in said  # in, out, unexplained
    assert "in MEDIA-PRD Production medium 1 500 kg 1 3 out 300214" in said
    assert "117.30 kg disputed -0.9 kg" in said
    assert "118.2 kg · sap.prd · rule v1" in said
    assert "117.30 kg (-0.9 kg) mes" in said
    assert "seen twice" in said
    assert "disputed" in said
    assert "out of specification" in said
    assert "retest of R-91203" in said
    assert "<0.05 EU/mg" in said


def test_what_sources_say_is_never_markup(counter: Counter) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x>"
    with counter.database.begin("test") as connection:
        batch = add_thing(connection, "batch", nasty, description=nasty)
        add_name(connection, "batch", batch, nasty)
        held = add_held(connection, counter.plant["mes"], source_key=nasty, reason=nasty, payload=nasty)
        record = add_record(connection, counter.plant["mes"], nasty, source_key=nasty)
    for path in ("/", "/quarantine", f"/quarantine/{held}", f"/source-records/{record}"):
        text = counter.client.get(path).text
        assert "<script>" not in text
        assert "<img" not in text
        assert html.escape("<script>") in text


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"a":{"b":1}}', '"b": 1'),
        ("<a><b>1</b></a>", "  <b>1</b>"),
        ("a,b\n1,2", "a,b"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "&x;"),
        ("<a><b>", "<a><b>"),
        ("{broken", "{broken"),
    ],
)
def test_a_source_record_is_shown_as_it_was_said(counter: Counter, payload: str, expected: str) -> None:
    with counter.database.begin("test") as connection:
        record = add_record(connection, counter.plant["mes"], payload)
    page = read_page(counter, f"/source-records/{record}")
    shown = [pre.text for pre in page.iter("pre")]
    assert payload in shown
    assert any(expected in text for text in shown)


def test_an_unfinished_phase_and_a_batch_without_anything_are_shown(counter: Counter) -> None:
    said = words(read_page(counter, "/batches/B26-0199"))
    assert "No system has reported a phase" in said
    assert "No result is known" in said


def test_a_quality_event_says_its_state_beside_its_name_and_leads_to_who_says_it(counter: Counter) -> None:
    mes = counter.plant["mes"]
    with counter.database.begin("test") as connection:
        batch = add_thing(connection, "batch", "B26-0300")
        add_name(connection, "batch", batch, "B26-0300")
        unit = add_thing(connection, "equipment", "BR9000")
        values = {"batch_id": batch, "equipment_id": unit, "state": "under_review", "has_conflict": True}
        event = add_thing(connection, "quality_event", "DEV-7", **values)
        add_name(connection, "quality_event", event, "DEV-7", scheme="mes:quality_event")
        record = add_record(connection, mes, source_key="deviation 7")
        add_assertion(connection, "quality_event", event, "batch", system=mes, record=record)
    page = read_page(counter, "/batches/B26-0300")
    table = next(t for t in page.iter("table") if "DEV-7" in words(t) and "Where" in words(t))
    heads = [words(head) for head in table.find("thead").iter("th")]
    row = next(dict(zip(heads, tr, strict=True)) for tr in table.find("tbody") if "DEV-7" in words(tr))
    assert words(row["What"]) == "DEV-7 under review systems disagree"
    assert words(row["Where"]) == "BR9000"
    chain = row["Source"].find(".//a").get("href")
    assert "deviation 7" in words(read_page(counter, chain))


def test_on_paper_a_page_still_says_in_which_zone_its_times_are(looked_at: Counter) -> None:
    assert "All times are UTC" in words(read_page(looked_at, "/batches/B26-0117").find(".//footer"))
    style = looked_at.client.get("/static/plantwide.css").text
    printed = style.partition("@media print {")[2]
    hidden = re.findall(r"([^{}]+)\{[^}]*display: none", printed.partition("\n}")[0])
    assert hidden
    assert "footer" not in {selector.strip() for rule in hidden for selector in rule.split(",")}
