"""Reads are noted where that is asked for, whichever door they take, and nowhere else."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.agents.door import make_door as make_agents
from hub.api.app import create_app
from hub.api.products import NO_PRODUCT, PRODUCTS, Policy, list_products
from hub.api.rights import KNOWN, RIGHTS
from hub.api.room import ApiSettings
from hub.api.witness import Noting, clean
from hub.i3x.door import make_door as make_i3x
from hub.odata.door import make_door as make_odata
from hub.shift.scribe import Scribe
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.permissions import Permission
from hub.store.reads.notebook import Notebook, Read
from tests.api.conftest import Filled, fill
from tests.api.factories import NOW, add_thing
from tests.api.test_streaming import running

BATCH = "/v1/batches/B26-0117"


@dataclass
class Noted:
    """A hub with all doors that notes what a policy wants, and clients with keys."""

    database: Database
    app: Any
    notebook: Notebook
    filled: Filled
    clients: dict[str, TestClient] = field(default_factory=dict[str, TestClient])

    def ask(self, path: str, method: str = "GET", who: str = "analyst", **options: Any) -> Any:
        return self.clients[who].request(method, path, **options)

    def take(self) -> list[Read]:
        """Give what was noted since the last time."""
        return self.notebook.take(1_000)[0]

    def one(self, path: str, method: str = "GET", **options: Any) -> Read:
        """Give what was noted of a request: one read, answered."""
        self.take()
        response = self.ask(path, method, **options)
        assert response.status_code < 400, response.text
        (read,) = self.take()
        return read


def open_noted(filled: Filled, tmp_path: Path, *entries: str) -> Iterator[Noted]:
    database = Database(filled.url)
    notebook = Notebook()
    policy = Policy.of(entries)
    noting = Noting(policy, notebook) if policy else None
    settings = ApiSettings(jobs_folder=tmp_path / "jobs", stream_poll_s=0.05)
    doors = [make_i3x(), make_odata(), make_agents()]
    app = create_app(database, settings=settings, doors=doors, noting=noting)
    with database.begin("test") as connection:
        analyst = create_key(connection, name="analyst", scopes=["role:analyst"])
    noted = Noted(database, app, notebook, filled)
    keys = {"reader": filled.reader, "administrator": filled.administrator, "analyst": analyst}
    for who, key in keys.items():
        noted.clients[who] = TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False)
    yield noted
    database.close()


@pytest.fixture
def noted(migrated_url: str, tmp_path: Path) -> Iterator[Noted]:
    """All reads are noted."""
    yield from open_noted(fill(migrated_url), tmp_path, "*")


def test_every_route_that_readers_may_use_gives_a_product_or_says_that_it_gives_none() -> None:
    looking = (Permission.READ, Permission.ANALYSE, KNOWN)
    reading = {name for name, right in RIGHTS.items() if right.needs in looking}
    assert reading - PRODUCTS.keys() - NO_PRODUCT == set(), "name them in hub/api/products.py"
    assert (PRODUCTS.keys() | NO_PRODUCT) - RIGHTS.keys() == set()
    assert PRODUCTS.keys() & NO_PRODUCT == set()


def test_without_a_policy_nothing_is_noted(filled: Filled, tmp_path: Path) -> None:
    assert Policy.of([]) is None
    (noted,) = open_noted(filled, tmp_path)
    noted.database.engine.connect().close()
    assert noted.ask("/v1/batches").status_code == 200
    assert noted.take() == []


def test_a_read_says_who_when_what_how_much_and_of_which_instant(noted: Noted) -> None:
    read = noted.one("/v1/batches?limit=1&filter=code eq 'B26-0117'", who="reader")
    assert read.reader
    assert read.actor == f"reader ({read.reader})"
    assert (read.kind, read.door, read.product, read.route) == ("read", "rest", "batches", "GET /v1/batches")
    assert read.asked == "GET /v1/batches?limit=1&filter=code eq 'B26-0117'"
    assert (read.status, read.rows) == (200, 1)
    assert read.size is not None
    assert read.size > 100
    assert read.known_at is not None
    assert read.asked_at <= read.ended_at


@pytest.mark.parametrize(
    ("path", "product", "rows"),
    [
        ("/v1/collections/results?limit=2", "results", 2),
        ("/v1/collections/fact_batch", "fact_batch", None),
        (f"{BATCH}/results", "results", None),
        (f"{BATCH}/phases", "phases", None),
        ("/v1/equipment", "equipment", None),
        ("/v1/kpis/oos_rate?per=all", "kpis", None),
        ("/v1/audit/events?limit=3", "audit", 3),
        ("/v1/events?limit=2", "news", None),
        ("/v1/reads", "reads", 0),
    ],
)
def test_routes_of_v1_are_noted(noted: Noted, path: str, product: str, rows: int | None) -> None:
    who = "administrator" if "/reads" in path else "analyst"
    read = noted.one(path, who=who)
    assert (read.door, read.product, read.status) == ("rest", product, 200)
    assert rows in (None, read.rows)
    assert read.rows is not None


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "arrow"])
def test_rows_of_a_whole_collection_are_counted_as_they_are_sent(noted: Noted, form: str) -> None:
    read = noted.one(f"/v1/collections/results?format={form}")
    assert read.rows == len(noted.ask("/v1/collections/results").json()["items"]) > 0


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.apache.arrow.stream"])
def test_rows_of_samples_are_counted(noted: Noted, accept: str) -> None:
    window = "start=2026-03-01T00:00:00Z&end=2026-04-01T00:00:00Z"
    read = noted.one(f"/v1/samples?tag=PLC7.AI_0042&{window}", headers={"Accept": accept})
    assert read.product == "samples"
    assert read.rows


def test_an_answer_from_memory_and_one_that_still_stands_are_noted_too(noted: Noted) -> None:
    first = noted.ask("/v1/batches")
    assert noted.take()[0].rows == 4
    again = noted.one("/v1/batches")
    assert (again.status, again.rows, again.size) == (200, 4, len(first.content))
    unchanged = noted.one("/v1/batches", headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status, unchanged.size) == (304, 0)
    assert unchanged.known_at is not None


def test_a_page_that_people_read_is_noted(noted: Noted) -> None:
    read = noted.one("/batches/B26-0117", who="reader")
    assert (read.door, read.product) == ("page", "batches")


def test_a_question_about_the_past_says_of_which_instant(noted: Noted) -> None:
    then = noted.ask("/v1/batches").headers["Known-At"]
    read = noted.one("/v1/batches", params={"as_known_at": then})
    assert read.asked == f"GET /v1/batches?as_known_at={then}"
    assert read.known_at is not None
    assert read.known_at.isoformat()[:19] == then[:19]


def test_a_set_of_odata_is_the_collection_of_its_name(noted: Noted) -> None:
    for _ in range(2):  # the second time from memory
        read = noted.one("/odata/results?$top=2", who="analyst")
        assert (read.door, read.product, read.rows) == ("odata", "results", 2)
        assert read.asked == "GET /odata/results?$top=2"
    assert noted.one("/odata/batches?$apply=aggregate($count as n)").product == "batches"
    noted.ask("/odata/$metadata")
    noted.ask("/odata/nonsense")
    assert noted.take() == []


def test_each_question_of_an_odata_batch_is_a_read(noted: Noted) -> None:
    parts = [
        {"id": "1", "method": "GET", "url": "batches?$top=1"},
        {"id": "2", "method": "GET", "url": "tags/$count"},
        {"id": "3", "method": "GET", "url": "batches('nothing')"},
    ]
    headers = {"Prefer": "continue-on-error"}
    assert noted.ask("/odata/$batch", "POST", json={"requests": parts}, headers=headers).status_code == 200
    reads = noted.take()
    assert [(one.product, one.rows, one.status) for one in reads] == [
        ("batches", 1, 200),
        ("tags", None, 200),
        ("batches", None, reads[2].status),
    ]
    assert reads[2].status in (400, 404)
    assert reads[0].asked == "GET /odata/batches?$top=1"


def test_values_of_i3x_are_noted_with_the_objects_that_were_asked_for(noted: Noted) -> None:
    objects = noted.ask("/i3x/v1/objects").json()["result"]
    assert noted.take()[0].product == "objects"
    wanted = objects[0]["elementId"]
    read = noted.one("/i3x/v1/objects/value", "POST", json={"elementIds": [wanted]})
    assert (read.door, read.product, read.rows) == ("i3x", "object_values", 1)
    assert wanted in (read.asked or "")
    noted.ask("/i3x/v1/info")
    noted.ask("/i3x/v1/namespaces")
    assert noted.take() == []


def call(noted: Noted, tool: str, **arguments: Any) -> Any:
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    response = noted.ask("/mcp", "POST", json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


def test_what_a_tool_reads_is_noted_with_the_tool(noted: Noted) -> None:
    call(noted, "find_batch", name="B26-0117")
    (read,) = noted.take()
    assert (read.door, read.tool, read.product, read.rows) == ("mcp", "find_batch", "batches", 1)
    assert read.actor
    assert read.actor.startswith("analyst (")


def test_a_stream_is_noted_when_it_begins_and_when_it_ends(noted: Noted) -> None:
    read = [one for one in _stream_once(noted) if one.product == "news"]
    assert [one.kind for one in read] == ["opened", "read"]
    assert read[1].size


def _stream_once(noted: Noted) -> list[Read]:
    assert noted.ask("/v1/events/stream?once=true").status_code == 200
    return noted.take()


def test_a_stream_that_a_client_leaves_has_an_end_too(noted: Noted) -> None:
    with running(noted.app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/v1/events/stream", headers={"X-API-Key": noted.filled.reader})
        answer = connection.getresponse()
        answer.readline()
        (opened,) = noted.take()
        assert (opened.kind, opened.status) == ("opened", 200)
        answer.close()
        connection.close()
        noted.app.state.room.live.is_stopping = True
    assert [one.kind for one in noted.take()] == ["read"]


def test_what_a_job_reads_is_noted_when_its_answer_is_fetched(noted: Noted) -> None:
    with noted.clients["analyst"] as client:
        begun = client.get("/v1/collections/results?limit=2", headers={"Prefer": "respond-async"})
        assert begun.status_code == 202
        client.get(begun.json()["events"])  # to its end
        assert noted.take() == []
        assert client.get(f"/v1/jobs/{begun.json()['id']}/result").status_code == 200
    (read,) = noted.take()
    assert (read.product, read.asked) == ("results", "GET /v1/collections/results?limit=2")


def test_who_is_refused_is_noted_without_what_they_wrote(noted: Noted) -> None:
    assert noted.ask("/v1/reads?product=secret-name").status_code == 403
    assert noted.ask("/v1/batches?nonsense=hunter2").status_code == 422
    reads = noted.take()
    assert [(one.product, one.status, one.asked) for one in reads] == [
        ("reads", 403, "GET /v1/reads"),
        ("batches", 422, "GET /v1/batches"),
    ]


def test_who_is_not_known_is_not_noted(noted: Noted) -> None:
    assert noted.ask("/v1/batches", headers={"X-API-Key": "pw_none_none"}).status_code == 401
    assert noted.take() == []


def test_writes_and_descriptions_are_no_reads(noted: Noted) -> None:
    for path in ("/v1/info", "/v1/units", "/v1/collections", "/v1/openapi.json", "/livez"):
        assert noted.ask(path).status_code == 200
    noted.ask("/v1/quarantine/replay", "POST", json={"ids": [1]}, who="administrator")
    assert noted.take() == []


def test_noting_changes_no_answer(noted: Noted, tmp_path: Path) -> None:
    (plain,) = open_noted(noted.filled, tmp_path)
    for path in ("/v1/batches", "/v1/equipment", "/odata/batches", "/i3x/v1/objects"):
        with_it, without = noted.ask(path, who="reader"), plain.ask(path, who="reader")
        assert with_it.content == without.content
        assert dict(with_it.headers) == dict(without.headers)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["samples"], []),
        (["batches"], ["rest", "page", "odata"]),
        (["odata:*"], ["odata"]),
        (["page:batches", "odata:samples"], ["page"]),
        (["*:batches"], ["rest", "page", "odata"]),
    ],
)
def test_only_what_the_policy_names_is_noted(
    filled: Filled, tmp_path: Path, entries: list[str], expected: list[str]
) -> None:
    (noted,) = open_noted(filled, tmp_path, *entries)
    for path in ("/v1/batches", "/batches/B26-0117", "/odata/batches"):
        assert noted.ask(path).status_code == 200
    assert [one.door for one in noted.take()] == expected


def test_all_reads_of_one_reader_may_be_noted(filled: Filled, tmp_path: Path) -> None:
    (noted,) = open_noted(filled, tmp_path, f"reader:{filled.reader.split('_')[1]}")
    for who in ("reader", "analyst"):
        noted.ask("/v1/equipment", who=who)
    assert [one.actor for one in noted.take()] == [f"reader ({filled.reader.split('_')[1]})"]


@pytest.mark.parametrize("entry", ["", "batch", "rest:batch", "fax:batches", "reader:", "batches:rest"])
def test_a_policy_that_names_nothing_there_is_says_what_there_is(entry: str) -> None:
    with pytest.raises(ValueError, match=r"audit_reads: .* products are .*batches"):
        Policy.of([entry])


def test_products_are_known_by_one_name_each() -> None:
    assert {"batches", "fact_batch", "samples", "kpis", "matrix", "results"} <= set(list_products())


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("GET /v1/batches/pw_3fa9c1d20b7e_x-Y_z", "GET /v1/batches/…"),
        ("a eyJhbGciOi.eyJzdWIi.c2ln b", "a … b"),
        ("line\nline\x1b[31m", "line line [31m"),
    ],
)
def test_keys_and_tokens_are_kept_by_nobody(told: str, kept: str) -> None:
    assert clean(told) == kept


def test_what_was_asked_is_kept_within_bounds(noted: Noted) -> None:
    read = noted.one("/v1/batches", params={"filter": f"code eq '{'x' * 900}'", "name": "B26-0117"})
    assert len(read.asked or "") < 700
    body = {"elementIds": [f"{number:0100d}" for number in range(50)]}
    assert len(noted.one("/i3x/v1/objects/value", "POST", json=body).asked or "") < 1_100


# ------------------------------------------------------------------ the log, read
def write(noted: Noted) -> None:
    scribe = Scribe(noted.database, noted.notebook, lambda: NOW, node="here", about="*")
    while scribe.write_some():
        pass


def test_the_log_is_read_by_administrators_alone(noted: Noted) -> None:
    for who in ("reader", "analyst"):
        for path in ("/v1/reads", "/v1/reads/summary"):
            assert noted.ask(path, who=who).status_code == 403


def test_the_log_is_read_line_by_line_and_summed(noted: Noted) -> None:
    for who in ("reader", "analyst", "analyst"):
        noted.ask("/v1/batches", who=who)
    noted.ask("/v1/equipment", who="analyst")
    write(noted)
    ask = partial(noted.ask, who="administrator")
    listed = ask("/v1/reads?product=batches&limit=2").json()
    assert [one["actor"].partition(" ")[0] for one in listed["items"]] == ["analyst", "analyst"]
    assert listed["items"][0]["rows"] == 4
    rest = ask("/v1/reads", params={"product": "batches", "limit": 2, "cursor": listed["next"]}).json()
    assert [one["actor"].partition(" ")[0] for one in rest["items"]] == ["reader"]
    analyst = listed["items"][0]["reader"]
    summed = ask(f"/v1/reads/summary?actor={analyst}").json()
    first = summed["items"][0]
    assert (first["product"], first["reads"], first["rows"]) == ("batches", 2, 8)
    assert (summed["lost"], summed["next"]) == (0, None)
    page = ask("/v1/reads/summary?limit=1")
    assert page.json()["next"] in page.headers["Link"]
    second = ask("/v1/reads/summary", params={"limit": 1, "cursor": page.json()["next"]}).json()
    assert second["items"][0]["reader"] != page.json()["items"][0]["reader"]


@pytest.mark.parametrize("path", ["/v1/reads", "/v1/reads/summary"])
@pytest.mark.parametrize(
    "query", ["cursor=nonsense", "door=fax", "limit=0", "start=yesterday", "cursor=WzFd"]
)
def test_a_wrong_question_about_the_log_is_refused(noted: Noted, path: str, query: str) -> None:
    assert noted.ask(f"{path}?{query}", who="administrator").status_code == 422


def test_writing_the_log_does_not_make_the_plants_answers_others(noted: Noted) -> None:
    tag = noted.ask("/v1/batches").headers["ETag"]
    write(noted)
    assert noted.ask("/v1/batches", headers={"If-None-Match": tag}).status_code == 304
    with noted.database.begin("test", at=NOW + timedelta(days=1)) as connection:
        add_thing(connection, "batch", "A")
    assert noted.ask("/v1/batches", headers={"If-None-Match": tag}).status_code == 200
