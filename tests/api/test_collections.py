"""Collections over HTTP: one grammar, five formats, and problems that say what to do."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from hub.api.problems import MEDIA_TYPE
from hub.api.writers import MEDIA
from hub.store.database import Database
from tests.api.conftest import Counter
from tests.api.factories import add_thing

_csv: Any = pyarrow.csv
_parquet: Any = pyarrow.parquet


def read_rows(body: bytes, form: str) -> list[dict[str, Any]]:
    match form:
        case "json":
            return json.loads(body)["items"]
        case "jsonl":
            return [json.loads(line) for line in body.splitlines()]
        case "csv":
            return _csv.read_csv(io.BytesIO(body)).to_pylist()
        case "parquet":
            return _parquet.read_table(io.BytesIO(body)).to_pylist()
        case _:
            return pa.ipc.open_stream(body).read_all().to_pylist()


@pytest.mark.parametrize("form", sorted(MEDIA))
@pytest.mark.parametrize("is_named", [True, False])
def test_one_question_has_the_same_rows_in_every_format(
    either_looked_at: Counter, form: Any, is_named: bool
) -> None:
    asked = {"filter": "actual_start ne null", "order": "code desc", "select": "code,status"}
    headers = {} if is_named else {"Accept": f"text/html;q=0.5, {MEDIA[form]}"}
    params = {**asked, "format": form} if is_named else asked
    answer = either_looked_at.client.get("/v1/collections/batches", params=params, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(MEDIA[form])
    assert answer.headers["known-at"]
    expected = either_looked_at.get("/v1/collections/batches", **asked)["items"]
    assert read_rows(answer.content, form) == expected
    assert [row["code"] for row in expected] == sorted((row["code"] for row in expected), reverse=True)
    assert len(expected) > 1


def test_an_answer_without_rows_still_has_its_columns(looked_at: Counter) -> None:
    for form in ("csv", "parquet", "arrow"):
        answer = looked_at.client.get(f"/v1/collections/lots?filter=code eq 'nope'&format={form}")
        assert answer.status_code == 200
        assert read_rows(answer.content, form) == []
    assert looked_at.client.get("/v1/collections/lots?filter=code eq 'nope'&format=jsonl").content == b""
    assert looked_at.client.get("/v1/collections/lots?filter=code eq 'nope'&format=csv").text.startswith(
        '"uid"'
    )


def test_pages_follow_each_other_through_the_link(looked_at: Counter) -> None:
    address = "/v1/collections/phases?limit=2&order=name desc,actual_start&select=name,key"
    found: list[Any] = []
    while address:
        answer = looked_at.client.get(address)
        found += answer.json()["items"]
        address = answer.links.get("next", {}).get("url", "")
    assert (
        found
        == looked_at.get(
            "/v1/collections/phases", order="name desc,actual_start", select="name,key", limit=1000
        )["items"]
    )
    assert len(found) > 2


def test_a_single_item_is_found_by_name_or_key(looked_at: Counter) -> None:
    batch = looked_at.get("/v1/collections/batches/b26 0117", expand="phases(select=name)", select="code,uid")
    assert batch["code"] == "B26-0117"
    assert batch["phases"]
    assert looked_at.get(f"/v1/collections/batches/{batch['uid']}", select="code") == {"code": "B26-0117"}
    (phase, *_) = looked_at.get("/v1/collections/phases", limit=1)["items"]
    assert looked_at.get(f"/v1/collections/phases/{phase['id']}") == phase
    (row, *_) = looked_at.get("/v1/collections/dim_batch", limit=1)["items"]
    assert looked_at.get(f"/v1/collections/dim_batch/{row['batch_key']}") == row


def test_the_catalogue_names_what_each_collection_takes(looked_at: Counter) -> None:
    cards = {card["name"]: card for card in looked_at.get("/v1/collections")["items"]}
    assert {"batches", "phases", "results", "fact_batch", "dim_time"} <= set(cards)
    for name in ("batches", "results", "fact_batch"):
        (first, *_) = looked_at.get(f"/v1/collections/{name}", limit=1)["items"]
        assert list(first) == cards[name]["members"]
    product = next(p for p in cards["batches"]["properties"] if p["name"] == "product")
    assert product == {"name": "product", "kind": "reference", "target": "materials", "values": []}


def test_the_star_is_asked_like_the_model(either_looked_at: Counter) -> None:
    asked = {"filter": "dim_batch/code eq 'B26-0117'", "expand": "dim_batch,dim_material", "limit": 1}
    (row,) = either_looked_at.get("/v1/collections/fact_batch", **asked)["items"]
    assert row["dim_batch"]["code"] == "B26-0117"
    assert row["dim_material"]["code"] == "300214"


def test_the_past_is_asked_in_every_format(counter: Counter) -> None:
    before = counter.client.get("/v1/collections/batches?format=csv&select=code")
    with counter.database.begin("test") as connection:
        add_thing(connection, "batch", "A-NEW")
    then = {"as_known_at": before.headers["known-at"], "select": "code"}
    for form in MEDIA:
        old = counter.client.get("/v1/collections/batches", params={**then, "format": form})
        new = counter.client.get("/v1/collections/batches", params={"select": "code", "format": form})
        assert "A-NEW" not in {r["code"] for r in read_rows(old.content, form)}
        assert "A-NEW" in {r["code"] for r in read_rows(new.content, form)}


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/collections/nope", 404, "not-found"),
        ("/v1/collections/batches/nope", 404, "not-found"),
        ("/v1/collections/phases/999999999", 404, "not-found"),
        ("/v1/collections/phases/nope", 404, "not-found"),
        ("/v1/collections/batches?filter=nope eq 1", 422, "invalid-filter"),
        ("/v1/collections/batches?filter=actual_size eq 'x'", 422, "invalid-filter"),
        ("/v1/collections/batches?select=nope", 422, "invalid-filter"),
        ("/v1/collections/batches?select=nope&format=arrow", 422, "invalid-filter"),
        ("/v1/collections/batches?filter=nope eq 1&format=csv", 422, "invalid-filter"),
        ("/v1/collections/batches?order=product", 422, "invalid-filter"),
        ("/v1/collections/batches?expand=phases&format=parquet", 422, "invalid-filter"),
        (
            "/v1/collections/batches?expand=phases(expand=batch(expand=phases(expand=batch(expand=phases))))",
            422,
            "invalid-filter",
        ),
        ("/v1/collections/batches?limit=5000", 422, "too-much-asked"),
        ("/v1/collections/batches?format=xml", 422, "invalid-parameter"),
        ("/v1/collections/batches?cursor=W10&format=csv", 422, "invalid-cursor"),
        ("/v1/collections/batches?filter=" + "x" * 60_000, 422, "invalid-parameter"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_answered_is_a_problem(looked_at: Counter, path: str, status: int, kind: str) -> None:
    answer = looked_at.client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["type"].endswith(f":{kind}")
    assert len(problem["detail"]) > 20


def test_a_cursor_of_another_question_is_refused(looked_at: Counter) -> None:
    cursor = looked_at.get("/v1/collections/batches", limit=1)["next"]
    for other in ({"filter": "code ne 'x'"}, {"order": "code"}, {"name": "B26-0117"}):
        problem = looked_at.problem("/v1/collections/batches", 422, cursor=cursor, **other)
        assert "another question" in problem["detail"]


def test_a_format_that_nobody_offers_is_refused(looked_at: Counter) -> None:
    for accepted in ("application/xml", "application/json;q=0", "text/html"):
        answer = looked_at.client.get("/v1/collections/batches", headers={"Accept": accepted})
        assert answer.status_code == 406
        assert answer.headers["content-type"] == MEDIA_TYPE


def test_more_rows_than_may_be_asked_are_refused_before_any_is_sent(counter: Counter) -> None:
    room = counter.app.state.room
    object.__setattr__(room, "settings", room.settings.model_copy(update={"rows_at_once": 2}))
    for form in ("jsonl", "csv", "parquet", "arrow"):
        counter.problem("/v1/collections/phases", 422, format=form)
        assert counter.client.get(f"/v1/collections/phases?limit=2&format={form}").status_code == 200


def test_a_stream_lets_go_of_its_connection(counter: Counter) -> None:
    database: Database = counter.database
    for form in MEDIA:
        counter.client.get(f"/v1/collections/phases?format={form}")
    pool: Any = database.engine.pool
    assert pool.checkedout() == 0
