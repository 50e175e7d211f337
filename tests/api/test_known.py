"""Every read takes `as_known_at` and answers, byte for byte, what the same call answered then."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, LargeBinary, delete, null, update
from sqlalchemy.exc import IntegrityError

from hub.api.moment import PRESENT_ONLY, Moment
from hub.api.pages.instant import keep_instant
from hub.store.audited import AUDITED
from hub.store.guards import PROTECTED
from hub.store.tables import lot_genealogy
from tests.api.conftest import Counter
from tests.api.factories import add, add_fact, add_name, add_record, add_samples, add_thing
from tests.api.routes import DOCUMENT, OPERATIONS, PAGES, address, check_problem

READS = sorted(path for method, path in OPERATIONS if method == "GET")
OF_PAST = [path for path in READS if path not in PRESENT_ONLY]
ARROW = {"accept": "application/vnd.apache.arrow.stream"}
SPAN = {"start": "2026-03-10T00:00:00Z", "end": "2026-03-11T00:00:00Z", "tag": "BR2000-01.PH"}


def parameters(path: str) -> set[str]:
    """Give the names of the query parameters that a route declares."""
    return {
        one["name"] for one in DOCUMENT["paths"][path]["get"].get("parameters", ()) if one["in"] == "query"
    }


def ask(counter: Counter, address: str, then: str | None = None, **headers: str) -> tuple[int, bytes, str]:
    """Give status, body and `Known-At` of a call."""
    if then is not None:
        address += f"{'&' if '?' in address else '?'}as_known_at={then}"
    answer = counter.client.get(address, headers=headers)
    return answer.status_code, answer.content, answer.headers.get("Known-At", "")


def disturb(connection: Connection) -> None:
    """Empty every column that may be empty, and delete whatever nothing refers to."""
    for table in AUDITED:
        if table in PROTECTED or table.name == "api_key":
            continue
        if any(isinstance(column.type, LargeBinary) for column in table.c):
            continue
        for column in table.c:
            if column.nullable:
                _try(connection, update(table).values({column.name: null()}))
        for row in list(connection.scalars(table.select().with_only_columns(table.c.id))):
            _try(connection, delete(table).where(table.c.id == row))


def _try(connection: Connection, statement: Any) -> None:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        pass


def write_more(connection: Connection, plant: dict[str, int]) -> None:
    """Let everybody say more: a batch, names, a phase, samples, a document."""
    record = add_record(connection, plant["mes"], '{"late": true}')
    add_name(connection, "batch", plant["batch"], "0117-LATE", scheme="late:batch")
    other = add_thing(connection, "batch", "B26-0300", actual_start=datetime(2026, 4, 1, tzinfo=UTC))
    for batch in (other, plant["batch"]):
        add_fact(
            connection, "segment_response", system=plant["mes"], record=record, batch_id=batch, name="Late"
        )
    add_samples(connection, plant["BR2000-01.PH"], [9.0] * 50, seq=77)
    add_samples(connection, plant["stray"], [4.0], start=datetime(2026, 4, 2, tzinfo=UTC), seq=78)


@pytest.mark.parametrize("path", READS)
def test_a_read_takes_an_instant_or_tells_only_of_the_present(path: str) -> None:
    assert ("as_known_at" in parameters(path)) == (path not in PRESENT_ONLY)


def test_what_tells_only_of_the_present_is_there_and_says_why() -> None:
    assert set(PRESENT_ONLY) <= set(READS)
    assert all(len(reason.split()) > 5 for reason in PRESENT_ONLY.values())


@pytest.mark.parametrize("path", sorted(PRESENT_ONLY))
def test_asked_for_the_past_it_says_what_is_not_kept(looked_at: Counter, path: str) -> None:
    response = looked_at.client.get(
        path, params={"as_known_at": "2026-01-01T00:00:00Z"}, headers=looked_at.headers_for(path)
    )
    assert response.status_code == 422, response.text
    problem = check_problem(response.json())
    assert problem["type"].endswith(":not-kept")
    assert problem["detail"] == PRESENT_ONLY[path]


def test_every_read_answers_byte_for_byte_as_it_did(either_counter: Counter) -> None:
    counter = either_counter
    calls: list[tuple[str, dict[str, str]]] = [(address(path), {}) for path in OF_PAST]
    calls += [(f"/v1/samples?{'&'.join(f'{k}={v}' for k, v in SPAN.items())}", ARROW)]
    before = {(path, *headers): ask(counter, path, **headers) for path, headers in calls}
    assert {status for status, _, _ in before.values()} == {200}
    with counter.database.begin("test") as connection:
        write_more(connection, counter.plant)
    later = {(path, *headers): ask(counter, path, **headers) for path, headers in calls}
    with counter.database.begin("test") as connection:
        disturb(connection)
    for seen in (before, later):
        for path, headers in calls:
            status, body, known = seen[path, *headers]
            assert ask(counter, path, known, **headers) == (status, body, known), path
    now = {(path, *headers): ask(counter, path, **headers) for path, headers in calls}
    assert sum(now[key][1] != before[key][1] for key in now) > len(now) / 2


def test_every_page_shows_what_it_showed_and_keeps_the_instant_in_its_links(either_counter: Counter) -> None:
    counter = either_counter
    before = {page: ask(counter, page, accept="text/html") for page in PAGES}
    with counter.database.begin("test") as connection:
        write_more(connection, counter.plant)
    with counter.database.begin("test") as connection:
        disturb(connection)
    for page, (status, body, known) in before.items():
        then = ask(counter, page, known, accept="text/html")
        assert (then[0], then[2]) == (status, known)
        instant = f"as_known_at={known.replace(':', '%3A')}"
        links = re.findall(r'(?<!data-present )href="(/[^"]*|[?][^"]*)"', main_of(then[1]))
        assert [link for link in links if instant not in link] == []
        assert f"As known at {known[:10]}" in then[1].decode()
        if page != "/":  # there the running state of the sources is not kept
            hidden = f'<input type="hidden" name="as_known_at" value="{known}">'
            plain = re.sub(f"[?]{instant}|(&amp;){instant}", "", main_of(then[1]).replace(hidden, ""))
            assert plain == main_of(body)


def main_of(page: bytes) -> str:
    """Give the content of a page, without what stands around every page and what can only be done now."""
    content = page.decode().partition('<main id="content">')[2].partition("</main>")[0]
    return re.sub(r"<section data-present .*?</section>\s*", "", content, flags=re.DOTALL)


def test_a_person_types_an_instant_of_a_page_in_utc(looked_at: Counter) -> None:
    page = looked_at.client.get("/batches/B26-0117", headers={"accept": "text/html"})
    assert 'type="datetime-local"' in page.text
    old = looked_at.client.get("/?as_known_at=2020-01-01T00:00:00", headers={"accept": "text/html"})
    assert "As known at 2020-01-01 00:00:00.000000 UTC." in old.text
    assert "No batch yet." in old.text
    missing = looked_at.client.get(
        "/batches/B26-0117?as_known_at=2020-01-01T00:00", headers={"accept": "text/html"}
    )
    assert missing.status_code == 404
    assert "As known at 2020-01-01" in missing.text
    assert 'href="/batches/B26-0117">Show the present' in missing.text


def test_nobody_judges_from_a_page_of_the_past() -> None:
    page = '<form method="post" action="/rules"><input name="reason"></form><form method="get" action="/"></form>'
    snapshot: Any = SimpleNamespace(asked=datetime(2026, 3, 1, tzinfo=UTC), known_at=None)
    shown = keep_instant(page, Moment(snapshot, "/", ()))
    assert '<form inert title="Judge in the present" method="post" action="/rules' in shown
    assert '<form method="get" action="/?as_known_at=2026-03-01T00%3A00%3A00.000000Z">' in shown
    assert shown.count('type="hidden"') == 1


def test_before_anything_was_known_there_is_nothing(either_counter: Counter) -> None:
    then = "2020-01-01T00:00:00Z"
    assert either_counter.get("/v1/batches", as_known_at=then)["items"] == []
    assert either_counter.get("/v1/equipment", as_known_at=then)["items"] == []
    assert either_counter.problem("/v1/batches/B26-0117", 404, as_known_at=then)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("2026-03-01T00:00:00", "timezone"),
        ("yesterday", "valid"),
        ("", "valid"),
        ("0001-01-01T00:00:00+14:00", "between the years"),
        ("9000-01-01T00:00:00Z", "future"),
    ],
)
def test_an_instant_that_means_nothing_is_refused_with_what_would(
    looked_at: Counter, then: str, said: str
) -> None:
    problem = looked_at.problem("/v1/batches", 422, as_known_at=then)
    assert problem["type"].endswith(":invalid-parameter")
    assert said in str(problem)


def test_the_next_page_of_the_past_is_of_the_same_past(counter: Counter) -> None:
    _, whole, known = ask(counter, "/v1/batches")
    with counter.database.begin("test") as connection:
        disturb(connection)
    first = counter.client.get("/v1/batches", params={"limit": 1, "as_known_at": known})
    found = [first.json()["items"]]
    link = first.links.get("next")
    while link:
        answer = counter.client.get(link["url"])
        found.append(answer.json()["items"])
        link = answer.links.get("next")
    assert len(found) > 2
    assert [one for page in found for one in page] == counter.client.get(
        "/v1/batches", params={"as_known_at": known}
    ).json()["items"]
    assert whole


def test_one_answer_stands_for_one_instant_though_others_write_meanwhile(
    either_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hub.api.routes.samples as route

    counter = either_counter
    address = f"/v1/samples?{'&'.join(f'{k}={v}' for k, v in SPAN.items())}"
    before = ask(counter, address)
    answer_samples = route.answer_samples

    def answer_late(*arguments: Any) -> Any:
        with counter.database.begin("test") as connection:
            add_samples(connection, counter.plant["BR2000-01.PH"], [9.0] * 50, seq=77)
        return answer_samples(*arguments)

    monkeypatch.setattr(route, "answer_samples", answer_late)
    assert ask(counter, address) == before
    assert ask(counter, address)[1] != before[1]


def test_what_changed_since_an_instant_is_listed_for_a_batch(either_counter: Counter) -> None:
    counter = either_counter
    _, _, known = ask(counter, "/v1/batches/B26-0117")
    assert counter.get("/v1/batches/B26-0117/changes", since=known)["items"] == []
    with counter.database.begin("late shift", reason="a record was found") as connection:
        write_more(connection, counter.plant)
    answer = counter.get("/v1/batches/b26 0117/changes", since=known)
    assert answer["counts"] == [
        {"of": "name", "count": 1},
        {"of": "phase", "count": 1},
        {"of": "signal", "count": 1},
    ]
    phase = next(one for one in answer["items"] if one["of"] == "phase")
    assert (phase["actor"], phase["reason"], phase["cause"]) == ("late shift", "a record was found", "new")
    assert {"attribute": "name", "from": None, "to": "Late"} in phase["moved"]
    late = counter.get("/v1/batches/B26-0117/changes", since=known, cause="late")["items"]
    assert [one["of"] for one in late] == ["signal"]
    assert (
        counter.get("/v1/batches/B26-0117/changes", since="2026-01-01T00:00:00Z", until=known)["until"]
        == known
    )
    nothing = counter.get("/v1/batches/B26-0117/changes", since=known, until=known)
    assert nothing["items"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"since": "2026-03-01T00:00:00"},
        {"since": "9000-01-01T00:00:00Z"},
        {"since": "2026-03-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        {
            "since": "2020-01-01T00:00:00Z",
            "until": "2026-02-02T00:00:00Z",
            "as_known_at": "2026-02-01T00:00:00Z",
        },
        {"since": "0001-01-01T00:00:00+14:00"},
        {},
    ],
)
def test_instants_that_cannot_be_compared_are_refused(looked_at: Counter, params: dict[str, str]) -> None:
    problem = looked_at.problem("/v1/batches/B26-0117/changes", 422, **params)
    assert problem["type"].endswith(":invalid-parameter")


def test_the_page_of_changes_shows_from_and_to_and_why(counter: Counter) -> None:
    _, _, known = ask(counter, "/v1/batches/B26-0117")
    with counter.database.begin("late shift", reason="a record was found") as connection:
        write_more(connection, counter.plant)
    html = {"accept": "text/html"}
    page = counter.client.get("/batches/B26-0117/changes", params={"since": known}, headers=html).text
    assert "3 things moved between" in page
    assert "late shift" in page
    assert "a record was found" in page
    assert re.search(r"samples: <del>[\d  ]+</del> .* <ins>[\d  ]+</ins>", page)
    assert 'href="/batches/' in counter.client.get("/batches/B26-0117/changes", headers=html).text


def test_a_genealogy_that_is_cut_is_cut_at_the_same_lots(either_counter: Counter) -> None:
    counter = either_counter
    with counter.database.begin("test") as connection:
        many = [add_thing(connection, "material_lot", f"IN-{number}") for number in range(9)]
        for lot in reversed(many):
            edge = {"input_lot_id": lot, "output_lot_id": counter.plant["cells"], "kind": "consume"}
            add(connection, lot_genealogy, **edge)
    cut = "/v1/lots/B260117/genealogy?limit=5"
    before = ask(counter, cut)
    with counter.database.begin("test") as connection:
        connection.execute(delete(lot_genealogy).where(lot_genealogy.c.input_lot_id.in_(many[:6])))
    with counter.database.begin("test") as connection:
        connection.execute(update(lot_genealogy).values(kind="split"))
    assert ask(counter, cut, before[2]) == before
    assert b'"is_complete":false' in before[1]
