"""Keys that see one site or one product: through i3X what is not theirs is not there, and what is theirs is whole."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.i3x.door import make_door
from hub.i3x.settings import I3xSettings
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.tables import ENTITY_TABLES
from tests.api.factories import START, add_record, add_samples, add_system, add_thing
from tests.api.test_row_scope import BASEL, CORK, add_site
from tests.i3x.conftest import check_bulk, fill

ME = {"clientId": "narrow-5f1d"}
SPAN = {"startTime": "2026-03-01T00:00:00Z", "endTime": "2027-01-01T00:00:00Z"}
WHOS = {"all": [], "cork": [f"site:{CORK}"], "mine": ["product:300214"], "other": ["product:OTHER"]}


class Asker:
    """Somebody with a key, at the door."""

    def __init__(self, app: Any, key: str) -> None:
        self.client = TestClient(
            app,
            base_url="http://testserver/i3x/v1",
            headers={"X-API-Key": key},
            raise_server_exceptions=False,
        )

    def objects(self, **query: Any) -> dict[str, Any]:
        """Give the objects by id."""
        response = self.client.get("/objects", params=query)
        assert response.status_code == 200, response.text
        return {one["elementId"]: one for one in response.json()["result"]}

    def everything(self) -> dict[str, Any]:
        """Give the objects by id: those that are listed, and those that others lead to."""
        found = self.objects()
        waiting = list(found)
        while waiting:
            items = self.ask("/objects/related", waiting)
            there = {edge["object"]["elementId"]: edge["object"] for item in items for edge in item["result"]}
            waiting = [one for one in there if one not in found]
            found |= {one: there[one] for one in waiting}
        return found

    def ask(self, path: str, ids: list[str], **more: Any) -> list[Any]:
        """Give one answer for each object."""
        response = self.client.post(path, json={"elementIds": ids, **more})
        assert response.status_code == 200, response.text
        return check_bulk(response.json(), ids)

    def result(self, path: str, **body: Any) -> Any:
        """Give the result of a request that is no bulk."""
        response = self.client.post(path, json={**ME, **body})
        assert response.status_code == 200, response.text
        return response.json()["result"]


@pytest.fixture(scope="module")
def askers(module_url: str) -> Iterator[dict[str, Asker]]:
    """Two sites that make one product, the small plant that makes another, and those who ask."""
    database = Database(module_url)
    with database.begin("test") as connection:
        fill(connection)
        system = add_system(connection, "mes2", "MES")
        record = add_record(connection, system)
        product = add_thing(connection, "material_definition", "300299")
        for site in (CORK, BASEL):
            add_site(connection, site, product, system, record)
        keys = {who: create_key(connection, name=who, scopes=["read", *more]) for who, more in WHOS.items()}
    app = create_app(database, doors=[make_door(I3xSettings())])
    object.__setattr__(app.state.room, "clock", lambda: START + timedelta(days=3))
    yield {who: Asker(app, key) for who, key in keys.items()} | {"database": database}  # type: ignore[dict-item]
    database.close()


def test_a_site_sees_its_own_objects_only(askers: dict[str, Asker]) -> None:
    for metadata in (False, True):
        every = askers["all"].objects(includeMetadata=metadata)
        mine = askers["cork"].objects(includeMetadata=metadata)
        assert set(mine) < set(every)
        names = {one["displayName"] for one in mine.values()}
        assert {f"{CORK}-U1", f"{CORK}-B1", f"{CORK}-T1", f"{CORK}-L1", f"{CORK}-U1 batch"} <= names
        assert not [name for name in names if BASEL in name or "BR2000" in name]
        assert askers["all"].objects(includeMetadata=metadata) == every


def test_whatever_one_sees_hangs_from_something_that_one_sees(askers: dict[str, Asker]) -> None:
    for who in WHOS:
        mine = askers[who].objects()
        roots = askers[who].objects(root=True)
        assert all((one["parentId"] or one["elementId"]) in mine for one in mine.values())
        assert set(roots) == {one for one, told in mine.items() if told["parentId"] is None}


def test_what_is_not_ones_own_is_found_by_no_id(askers: dict[str, Asker]) -> None:
    for who in ("cork", "other"):
        hidden = sorted(set(askers["all"].everything()) - set(askers[who].everything()))
        assert len(hidden) > 10
        for path, more in (
            ("/objects/list", {"includeMetadata": True}),
            ("/objects/value", {"maxDepth": 0}),
            ("/objects/related", {}),
            ("/objects/history", {**SPAN, "maxDepth": 0}),
        ):
            items = askers[who].ask(path, hidden, **more)
            assert {item["responseDetail"]["status"] for item in items} == {404}


@pytest.mark.parametrize("who", ["cork", "mine", "other"])
def test_what_one_sees_tells_of_nothing_that_one_does_not(askers: dict[str, Asker], who: str) -> None:
    asker, ids = askers[who], sorted(askers[who].everything())
    for path in ("/objects/value", "/objects/history"):
        for item in asker.ask(path, ids, maxDepth=0, **(SPAN if path.endswith("history") else {})):
            if who != "cork" and item["elementId"].startswith("tag/"):
                assert item["responseDetail"]["status"] == 403
                continue
            assert set(item["result"].get("components") or ()) <= set(ids)
    found: set[tuple[str, str]] = set()
    for item in asker.ask("/objects/related", ids, includeMetadata=True):
        found |= {(item["elementId"], edge["object"]["elementId"]) for edge in item["result"]}
        assert all(edge["object"]["parentId"] in {None, *ids} for edge in item["result"])
    assert {other for _, other in found} <= set(ids)
    assert {(other, one) for one, other in found} == found
    for item in asker.ask("/objects/list", ids, includeMetadata=True):
        related = item["result"]["metadata"]["relationships"]
        assert {one for some in related.values() for one in some} <= set(ids)


def test_no_answer_to_a_site_names_another(askers: dict[str, Asker]) -> None:
    asker, ids = askers["cork"], sorted(askers["cork"].everything())
    for path in ("/objects/list", "/objects/value", "/objects/related", "/objects/history"):
        more = SPAN if path.endswith("history") else {}
        told = str(asker.ask(path, ids, **more))
        assert CORK in told
        assert BASEL not in told


def test_ones_own_objects_say_what_they_say_to_all(askers: dict[str, Asker]) -> None:
    ids = [one for one in sorted(askers["cork"].everything()) if not one.startswith("folder/")]
    assert askers["cork"].ask("/objects/value", ids) == askers["all"].ask("/objects/value", ids)


def test_a_folder_counts_what_one_sees(askers: dict[str, Asker]) -> None:
    [whole], [mine], [none] = (
        askers[who].ask("/objects/value", ["folder/batch"]) for who in ("all", "cork", "other")
    )
    assert whole["result"]["value"]["objects"] > mine["result"]["value"]["objects"] == 2
    assert none["result"]["value"] == {"objects": 0}


def test_what_runs_in_a_unit_is_told_of_ones_own_batches_only(askers: dict[str, Asker]) -> None:
    [signal] = [
        one
        for one, told in askers["all"].objects().items()
        if told["displayName"] == "BR2000-01 batch" and one.startswith("context/")
    ]
    whole, mine, other = (
        {
            value["value"]
            for value in askers[who].ask("/objects/history", [signal], **SPAN)[0]["result"]["values"]
        }
        for who in ("all", "mine", "other")
    )
    assert "B26-0117" in whole
    assert "B26-0117" in mine <= whole
    assert other == {None}


def test_one_follows_ones_own_signals_only(askers: dict[str, Asker]) -> None:
    every = {told["displayName"]: one for one, told in askers["all"].objects().items()}
    mine, theirs = every[f"{CORK}-T1"], every[f"{BASEL}-T1"]
    cork = askers["cork"]
    subscription = {"subscriptionId": cork.result("/subscriptions")["subscriptionId"]}
    good, bad = cork.ask("/subscriptions/register", [mine, theirs], **ME, **subscription)
    assert good["success"]
    assert bad["responseDetail"]["status"] == 404
    cork.result("/subscriptions/sync", **subscription, lastSequenceNumber=-1)
    database: Any = askers["database"]
    tag = ENTITY_TABLES["tag"]
    with database.begin("test") as connection:
        for site in (CORK, BASEL):
            row = connection.scalar(
                tag.select().with_only_columns(tag.c.id).where(tag.c.code == f"{site}-T1")
            )
            add_samples(connection, row, [7.5], seq=1)
    batches = cork.result("/subscriptions/sync", **subscription)
    told = [(one["elementId"], one["value"]) for batch in batches for one in batch["updates"]]
    assert told == [(mine, 7.5)]


@pytest.mark.parametrize("who", ["mine", "other"])
def test_whoever_sees_a_product_is_told_no_sample_by_tag_and_time(askers: dict[str, Asker], who: str) -> None:
    asker, every = askers[who], {told["displayName"]: one for one, told in askers["all"].objects().items()}
    tag, unit = every["BR2000-01.TEMP"], every["BR2000-01"]
    for path, more in (("/objects/value", {}), ("/objects/history", SPAN)):
        [whole] = askers["all"].ask(path, [unit], maxDepth=0, **more)
        assert "Good" in str(whole["result"]["components"][tag])
        [refused] = asker.ask(path, [tag], **more)
        assert refused["responseDetail"]["status"] == 403
        assert "batch" in refused["responseDetail"]["detail"]
        [told] = asker.ask(path, [unit], maxDepth=0, **more)
        part = told["result"]["components"][tag]
        [said] = part["values"] if path.endswith("history") else [part]
        assert (said["value"], said["quality"]) == (None, "Bad")


@pytest.mark.parametrize("who", ["mine", "other"])
def test_whoever_sees_a_product_follows_no_signal(askers: dict[str, Asker], who: str) -> None:
    asker, every = askers[who], {told["displayName"]: one for one, told in askers["all"].objects().items()}
    tag, unit = every[f"{BASEL}-T1"], every[f"{BASEL}-U1"]
    subscription = {"subscriptionId": asker.result("/subscriptions")["subscriptionId"]}
    [refused] = asker.ask("/subscriptions/register", [tag], **ME, **subscription)
    assert refused["responseDetail"]["status"] == 403
    assert asker.ask("/subscriptions/register", [unit], maxDepth=0, **ME, **subscription)[0]["success"]
    first = asker.result("/subscriptions/sync", **subscription)
    told = [
        (one["value"], one["quality"]) for some in first for one in some["updates"] if one["elementId"] == tag
    ]
    assert told == [(None, "Bad")]
    database: Any = askers["database"]
    row = ENTITY_TABLES["tag"]
    with database.begin("test") as connection:
        key = connection.scalar(row.select().with_only_columns(row.c.id).where(row.c.code == f"{BASEL}-T1"))
        add_samples(connection, key, [8.25], seq=9 + len(who), start=START + timedelta(hours=len(who)))
    asker.result("/subscriptions/sync", **subscription, lastSequenceNumber=first[-1]["sequenceNumber"])
    assert "8.25" not in str(asker.result("/subscriptions/sync", **subscription))


def test_whoever_sees_a_product_reads_what_was_measured_in_its_batches(askers: dict[str, Asker]) -> None:
    every = {told["displayName"]: one for one, told in askers["all"].objects().items()}
    mine, theirs = every["B26-0117"], every[f"{CORK}-B1"]
    asker = askers["mine"]
    [inside] = asker.ask("/objects/related", [f"{mine}/signal"], relationshipType="HasComponent")
    ids = [edge["object"]["elementId"] for edge in inside["result"]]
    assert len(ids) == 4
    for path, more in (("/objects/value", {}), ("/objects/history", SPAN), ("/objects/related", {})):
        told = asker.ask(path, [*ids, f"{mine}/signal"], **more)
        assert told == askers["all"].ask(path, [*ids, f"{mine}/signal"], **more)
        assert "Good" in str(told) or path.endswith("related")
        hidden = [f"{theirs}/signal"]
        assert all(item["success"] for item in askers["cork"].ask(path, hidden, **more))
        for who, ids_of in (("mine", hidden), ("cork", ids), ("other", [*ids, *hidden])):
            refused = askers[who].ask(path, ids_of, **more)
            assert {item["responseDetail"]["status"] for item in refused} == {404}


def test_whoever_sees_a_product_follows_what_is_measured_in_its_batches(askers: dict[str, Asker]) -> None:
    every = {told["displayName"]: one for one, told in askers["all"].objects().items()}
    batch, tag = every["B26-0117"], every["BR2000-01.DO"]
    signal = f"{batch}/signal/{tag.removeprefix('tag/')}"
    mine = askers["mine"]
    subscription = {"subscriptionId": mine.result("/subscriptions")["subscriptionId"]}
    good, bad = mine.ask("/subscriptions/register", [signal, tag], **ME, **subscription)
    assert (good["success"], bad["responseDetail"]["status"]) == (True, 403)
    mine.result("/subscriptions/sync", **subscription, lastSequenceNumber=-1)
    database: Any = askers["database"]
    row = ENTITY_TABLES["tag"]
    with database.begin("test") as connection:
        key = connection.scalar(row.select().with_only_columns(row.c.id).where(row.c.code == "BR2000-01.DO"))
        add_samples(connection, key, [61.5], seq=7, start=START + timedelta(minutes=5))
        add_samples(connection, key, [62.5], seq=8, start=START + timedelta(days=40))
    told = str(mine.result("/subscriptions/sync", **subscription))
    assert "61.5" in told
    assert "62.5" not in told


def test_a_narrow_key_writes_nothing(askers: dict[str, Asker]) -> None:
    for path in ("/objects/value", "/objects/history"):
        assert askers["cork"].client.put(path, json={"updates": []}).status_code == 403
