"""Keys that see one site or one product: what is not theirs is not there, by whatever way it is asked for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import update

from hub.api.app import create_app
from hub.odata.door import make_door
from hub.records.b2mml import OF
from hub.store.answers.things import find_thing
from hub.store.database import Database
from hub.store.keys import UnknownScope, create_key
from hub.store.questions.collections import list_collections
from hub.store.tables import ENTITY_TABLES
from hub.store.upgrade import upgrade
from tests.api.factories import NOW, add_fact, add_name, add_record, add_samples, add_system, add_thing
from tests.api.routes import OPERATIONS, PAGES, address

CORK, BASEL = "CORK", "BASEL"
NARROWED = (
    "/v1/batches",
    "/v1/batches/{name}",
    "/v1/batches/{name}/phases",
    "/v1/batches/{name}/materials",
    "/v1/batches/{name}/results",
    "/v1/batches/{name}/events",
    "/v1/batches/{name}/conflicts",
    "/v1/batches/{name}/assertions",
    "/v1/batches/{name}/balance",
    "/v1/batches/{name}/changes",
    "/v1/batches/{name}/completeness",
    "/v1/batches/{name}/samples",
    "/v1/batches/{name}/signals",
    "/v1/lots/{name}/balance",
    "/v1/{noun}/{name}/b2mml",
    "/v1/lots",
    "/v1/lots/{name}",
    "/v1/equipment/{name}",
    "/v1/collections",
    "/v1/collections/{collection}",
    "/v1/collections/{collection}/{name}",
)


def add_site(connection: Any, site: str, product: int, system: int, record: int) -> int:
    """Add a site with a unit, an order, a batch with its lot, a phase, a sample and a result; give its tag's key."""
    place = add_thing(connection, "equipment", site, level="Site", path=f"/{site}/")
    unit = add_thing(
        connection, "equipment", f"{site}-U1", level="Unit", path=f"/{site}/U1/", parent_id=place
    )
    order = add_thing(connection, "operations_request", f"{site}-O1", site_id=place, product_id=product)
    lot = add_thing(connection, "material_lot", f"{site}-L1", kind="lot", material_id=product)
    batch = add_thing(
        connection, "batch", f"{site}-B1", product_id=product, equipment_id=unit, output_lot_id=lot,
        operations_request_id=order, actual_start=NOW,
    )  # fmt: skip
    add_thing(connection, "batch", f"{site}-B2", product_id=product, operations_request_id=order)
    add_thing(connection, "quality_event", f"{site}-Q1", batch_id=batch)
    tag = add_thing(connection, "tag", f"{site}-T1", equipment_id=unit)
    add_name(connection, "batch", batch, f"{site}-B1")
    told = {"system": system, "record": record}
    add_fact(connection, "segment_response", **told, batch_id=batch, name=f"{site} phase")
    for kind in ("operations_event", "equipment_time", "sample"):  # of a unit, whatever ran there
        add_fact(connection, kind, **told, equipment_id=unit)
    sample = add_fact(connection, "sample", **told, batch_id=batch, code=f"{site}-S1")
    add_fact(connection, "test_result", **told, sample_id=sample, test_code=f"{site}-test")
    step = add_thing(connection, "segment_requirement", f"{site}-R1", operations_request_id=order)
    named = add_name(connection, "segment_requirement", step, f"{site}-R1", scheme="erp:step")
    add_fact(connection, "material_requirement", **told, segment_requirement_id=step, use="Consumed",
             segment_requirement_identifier_id=named, material_id=product,
             source_key=f"{site}-R1/material/10")  # fmt: skip
    return tag


def add_both_sites(connection: Any) -> dict[str, int]:
    """Add both sites, which make one product; give by whom and in which record they were told of."""
    system = add_system(connection)
    told = {"system": system, "record": add_record(connection, system)}
    product = add_thing(connection, "material_definition", "300214")
    for site in (CORK, BASEL):
        add_site(connection, site, product, **told)
    return told


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def clients(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, TestClient]]:
    """Clients by who they are: all, cork, and one who sees another product than there is."""
    from tests.databases import fresh_postgres

    def serve(url: str) -> Iterator[dict[str, TestClient]]:
        database = Database(url)
        upgrade(database)
        with database.begin("test") as connection:
            system = add_system(connection)
            record = add_record(connection, system)
            product = add_thing(connection, "material_definition", "300214")
            called = add_name(connection, "material_definition", product, "300214", scheme="erp:material")
            add_fact(connection, "resource_property", system=system, record=record, name="pI",
                     material_id=product, material_identifier_id=called)  # fmt: skip
            for site in (CORK, BASEL):
                tag = add_site(connection, site, product, system, record)
                add_samples(connection, tag, [7.5], start=NOW - timedelta(hours=1))  # before its batch
                add_samples(connection, tag, [8.5], start=NOW, seq=2)
            keys = {
                "all": create_key(connection, name="all", scopes=["read"]),
                "cork": create_key(connection, name="cork", scopes=["read", f"site:{CORK}"]),
                "other": create_key(connection, name="other", scopes=["read", "product:OTHER"]),
                "mine": create_key(connection, name="mine", scopes=["read", "product:300214"]),
                "both": create_key(
                    connection, name="both", scopes=["read", f"site:{CORK}", "product:300214"]
                ),
            }
        app = create_app(database, doors=[make_door()])
        yield {
            who: TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False)
            for who, key in keys.items()
        }
        database.close()

    if request.param == "sqlite":
        yield from serve(f"sqlite:///{tmp_path_factory.mktemp('scope') / 'hub.db'}")
    else:
        with fresh_postgres(request.getfixturevalue("postgres_server")) as url:
            yield from serve(url)


@pytest.mark.parametrize("name", list_collections())
def test_no_collection_shows_what_is_of_another_site(clients: dict[str, TestClient], name: str) -> None:
    asked = f"/v1/collections/{name}?format={'csv' if name < 'l' else 'jsonl'}"
    whole, narrow = clients["all"].get(asked), clients["cork"].get(asked)
    assert whole.status_code == narrow.status_code == 200
    assert BASEL not in narrow.text
    assert narrow.text.count(CORK) in (whole.text.count(CORK), 0)
    assert BASEL not in clients["other"].get(asked).text or name in ("equipment", "tags")  # what they are


@pytest.mark.parametrize(
    "name", ["batches", "lots", "orders", "equipment", "tags", "quality_events", "phases", "lab_samples",
             "results", "dim_batch", "dim_lot", "dim_order", "dim_equipment", "dim_site", "fact_batch", "fact_phase",
             "fact_test_result"],
)  # fmt: skip
def test_a_site_sees_its_own(clients: dict[str, TestClient], name: str) -> None:
    whole = clients["all"].get(f"/v1/collections/{name}").json()["items"]
    narrow = clients["cork"].get(f"/v1/collections/{name}").json()["items"]
    assert len(whole) == 2 * len(narrow) > 0


def test_a_product_sees_its_own(clients: dict[str, TestClient]) -> None:
    for name in ("batches", "lots", "orders", "phases", "results", "fact_batch"):
        page = f"/v1/collections/{name}"
        assert clients["mine"].get(page).json()["items"] == clients["all"].get(page).json()["items"]
        assert clients["other"].get(page).json()["items"] == []


def test_a_product_sees_of_a_unit_what_it_is_and_not_what_happened_there(
    clients: dict[str, TestClient],
) -> None:
    for name in ("equipment", "tags"):
        page = f"/v1/collections/{name}"
        assert clients["other"].get(page).json()["items"] == clients["all"].get(page).json()["items"] != []
    for name in ("events", "equipment_times", "lab_samples"):
        page = f"/v1/collections/{name}?filter=batch eq null"
        assert len(clients["all"].get(page).json()["items"]) == 2
        assert len(clients["cork"].get(page).json()["items"]) == 1
        assert clients["mine"].get(page).json()["items"] == []
        assert clients["both"].get(page).json()["items"] == []


def test_a_product_reads_samples_through_its_batches_and_in_their_time_only(
    clients: dict[str, TestClient],
) -> None:
    page = f"/v1/batches/{CORK}-B1/samples?tag={CORK}-T1"
    wide = f"{page}&start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"
    for who in ("all", "mine"):
        for asked in (page, wide):
            assert [one["value"] for one in clients[who].get(asked).json()["items"]] == [8.5]
    assert (
        clients["mine"].get(f"{page}&start=2020-01-01T00:00:00Z&end=2020-01-02T00:00:00Z").json()["items"]
        == []
    )
    assert clients["other"].get(page).status_code == 404
    for path in ("", "/stream"):
        asked = f"/v1/samples{path}?tag={CORK}-T1&start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"
        assert clients["mine"].get(asked).status_code == 403


def test_a_product_reads_no_samples_by_tag_and_time_through_odata(clients: dict[str, TestClient]) -> None:
    by_tag = f"tag eq '{CORK}-T1' and time ge 2020-01-01T00:00:00Z and time lt 2100-01-01T00:00:00Z"
    for path in ("/odata/samples", "/odata/samples/$count"):
        for who, status in (("all", 200), ("cork", 200), ("mine", 403), ("other", 403)):
            told = clients[who].get(path, params={"$filter": by_tag})
            assert told.status_code == status, (who, told.text)
    error = clients["mine"].get("/odata/samples", params={"$filter": by_tag}).json()["error"]
    assert "batch eq" in error["message"]
    mine = clients["mine"].get("/odata/samples", params={"$filter": f"batch eq '{CORK}-B1' and {by_tag}"})
    assert [one["value"] for one in mine.json()["value"]] == [8.5]


@pytest.mark.parametrize(
    "page",
    [f"/v1/batches/{BASEL}-B1", f"/v1/batches/{BASEL}-B1/phases", f"/v1/collections/batches/{BASEL}-B1",
     f"/v1/batches/{BASEL}-B1/balance", f"/v1/batches/{BASEL}-B1/changes?since=2026-01-01T00:00:00Z",
     f"/v1/batches/{BASEL}-B1/completeness", f"/v1/batches/{BASEL}-B1/samples", f"/v1/batches/{BASEL}-B1/signals",
     f"/v1/batches/{BASEL}-B1/b2mml", f"/v1/lots/{BASEL}-L1/b2mml", f"/v1/orders/{BASEL}-O1/b2mml",
     f"/v1/lots/{BASEL}-L1/balance", f"/v1/lots/{BASEL}-L1", f"/v1/equipment/{BASEL}-U1", f"/v1/collections/equipment/{BASEL}"],
)  # fmt: skip
def test_another_sites_batch_is_not_found_and_ones_own_is(clients: dict[str, TestClient], page: str) -> None:
    assert clients["all"].get(page).status_code == 200
    answer = clients["cork"].get(page)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("not-found")
    assert clients["cork"].get(page.replace(BASEL, CORK)).status_code == 200


@pytest.mark.parametrize("page", ["balance", "completeness", "signals", "samples", "conflicts"])
def test_ones_own_batch_says_what_it_says_to_all_and_nothing_of_another_site(
    clients: dict[str, TestClient], page: str
) -> None:
    asked = f"/v1/batches/{CORK}-B1/{page}"
    narrow = clients["cork"].get(asked)
    assert narrow.json() == clients["all"].get(asked).json()
    assert BASEL not in narrow.text


@pytest.mark.parametrize(
    "page",
    [*(f"batches/{CORK}-B1/b2mml?document={kind}" for kind in OF["batch"]), f"orders/{CORK}-O1/b2mml",
     f"lots/{CORK}-L1/b2mml", "materials/300214/b2mml"],
)  # fmt: skip
def test_a_document_of_ones_own_says_what_it_says_to_all(clients: dict[str, TestClient], page: str) -> None:
    whole, narrow = clients["all"].get(f"/v1/{page}"), clients["cork"].get(f"/v1/{page}")
    assert (whole.status_code, whole.content) == (narrow.status_code, narrow.content)
    then = clients["cork"].get(
        f"/v1/{page}{'&' if '?' in page else '?'}as_known_at={narrow.headers['Known-At']}"
    )
    assert then.content == narrow.content
    assert BASEL not in narrow.text
    is_schedule, is_material = ("Schedule" in page or "orders" in page), "material" in page.casefold()
    assert (">10</ID><MaterialDefinitionID" in narrow.text.replace("\n", "").replace(" ", "")) is is_schedule
    assert (">pI<" in narrow.text) is (is_material or "lots" in page)


def test_a_document_names_anothers_lot_as_the_batch_does_and_tells_nothing_of_it(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.begin("test") as connection:
        told = add_both_sites(connection)
        mine, theirs = (find_thing(connection, kind, name).id for kind, name in
                        (("batch", f"{CORK}-B1"), ("material_lot", f"{BASEL}-L1")))  # fmt: skip
        add_name(connection, "material_lot", theirs, "4711", scheme="erp:batch")
        add_fact(connection, "material_actual", **told, batch_id=mine, lot_id=theirs, use="Consumed")
        keys = [create_key(connection, name="x", scopes=["read", *more]) for more in ([], [f"site:{CORK}"])]
    client = TestClient(create_app(database))

    def ask(key: str, **params: str) -> str:
        page = f"/v1/batches/{CORK}-B1/b2mml"
        return client.get(page, params={"names": "erp", **params}, headers={"X-API-Key": key}).text

    whole, narrow = (ask(key) for key in keys)
    assert '<MaterialLotID schemeID="erp:batch">4711</MaterialLotID>' in whole
    assert f"<MaterialLotID>{BASEL}-L1</MaterialLotID>" in narrow
    assert "4711" not in narrow
    whole, narrow = (ask(key, document="MaterialInformation") for key in keys)
    assert "4711" in whole
    assert BASEL not in narrow
    assert "4711" not in narrow
    assert f"{CORK}-L1" in narrow
    database.close()


def test_what_moved_of_anothers_lot_is_not_told_though_ones_own_batch_made_it(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.begin("test") as connection:
        told = add_both_sites(connection)
        mine, theirs = (find_thing(connection, kind, name).id for kind, name in
                        (("batch", f"{CORK}-B1"), ("material_lot", f"{BASEL}-L1")))  # fmt: skip
        add_fact(connection, "material_actual", **told, batch_id=mine, lot_id=theirs, use="Produced")
        add_fact(connection, "disposition", **told, lot_id=theirs, decision="Restricted")
        keys = [create_key(connection, name="x", scopes=["read", *more]) for more in ([], [f"site:{CORK}"])]
    client = TestClient(create_app(database))
    page = f"/v1/batches/{CORK}-B1/changes?since=2020-01-01T00:00:00Z"
    whole, narrow = (client.get(page, headers={"X-API-Key": key}).json()["items"] for key in keys)
    for items, seen in ((whole, {f"{CORK}-L1", f"{BASEL}-L1"}), (narrow, {f"{CORK}-L1"})):
        assert {one["entity"]["code"] for one in items if one["entity_type"] == "material_lot"} == seen
        assert any(one["of"] == "disposition" for one in items) is (len(seen) == 2)
        assert any(one["entity_type"] == "quality_event" for one in items)
    database.close()


def test_a_signal_of_another_site_is_not_found_through_ones_own_batch(clients: dict[str, TestClient]) -> None:
    told = clients["cork"].get(f"/v1/batches/{CORK}-B1/samples?tag={BASEL}-T1")
    assert told.status_code == 404


def test_another_sites_row_is_not_found_by_its_key_or_uid(clients: dict[str, TestClient]) -> None:
    for name, key in (("phases", "id"), ("results", "id"), ("fact_batch", "batch_key"), ("batches", "uid")):
        whole = clients["all"].get(f"/v1/collections/{name}").json()["items"]
        found = [clients["cork"].get(f"/v1/collections/{name}/{row[key]}").status_code for row in whole]
        assert sorted(found) == sorted([200] * (len(whole) // 2) + [404] * (len(whole) // 2))


@pytest.mark.parametrize(
    "filter",
    [
        f"batches_by_product/any(b:b/code eq '{BASEL}-B1')",
        f"batches/any(b:b/code eq '{BASEL}-B1')",
        f"lots/any(l:l/code eq '{BASEL}-L1')",
    ],
)
def test_no_condition_tells_of_another_site(clients: dict[str, TestClient], filter: str) -> None:
    page = "/v1/collections/materials"
    every = clients["all"].get(page, params={"filter": filter})
    narrow = clients["cork"].get(page, params={"filter": filter})
    assert every.status_code == narrow.status_code
    if every.status_code == 200:
        assert len(every.json()["items"]) == 1
        assert narrow.json()["items"] == []


def test_no_expansion_shows_another_site(clients: dict[str, TestClient]) -> None:
    page = "/v1/collections/materials?expand=batches,lots,orders"
    assert BASEL in clients["all"].get(page).text
    answer = clients["cork"].get(page)
    assert CORK in answer.text
    assert BASEL not in answer.text


def test_what_one_was_answered_is_not_given_to_another(clients: dict[str, TestClient]) -> None:
    first = clients["all"].get("/v1/batches")
    for _ in range(2):
        narrow = clients["cork"].get("/v1/batches", headers={"If-None-Match": first.headers["etag"]})
        assert narrow.status_code == 200
        assert BASEL not in narrow.text
    then = {"as_known_at": first.headers["known-at"]}
    assert BASEL not in clients["cork"].get("/v1/batches", params=then).text


def test_what_has_gone_to_another_site_is_not_seen_in_the_past_either(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.begin("test") as connection:
        add_both_sites(connection)
        keys = [create_key(connection, name="x", scopes=["read", *more]) for more in ([], [f"site:{CORK}"])]
    client = TestClient(create_app(database))

    def ask(key: str, page: str, **params: str) -> Response:
        return client.get(f"/v1/{page}", params=params, headers={"X-API-Key": key})

    pages = [f"batches/{CORK}-B1", "collections/phases", "collections/lots", "collections/results",
             "collections/dim_batch", "collections/quality_events", "batches"]  # fmt: skip
    then = ask(keys[1], "batches").headers["Known-At"]
    before = [ask(keys[1], page, as_known_at=then) for page in pages]
    assert [
        (page, answer.text) for page, answer in zip(pages, before, strict=True) if CORK not in answer.text
    ] == []
    assert [ask(keys[1], page, as_known_at=then).content for page in pages] == [one.content for one in before]
    batch = ENTITY_TABLES["batch"]
    with database.begin("test", reason="it ran elsewhere") as connection:
        unit = find_thing(connection, "equipment", f"{BASEL}-U1").id
        connection.execute(update(batch).where(batch.c.code == f"{CORK}-B1").values(equipment_id=unit))
    narrow = [ask(keys[1], page, as_known_at=then) for page in pages]
    assert narrow[0].status_code == 404
    assert [f"{CORK}-{what}" in one.text for one, what in zip(narrow[1:], ("phase", "L1", "test", "B1", "Q1", "B1"), strict=True)] == [False] * 6  # fmt: skip
    assert f"{CORK}-B2" in narrow[-1].text
    assert [ask(keys[0], page, as_known_at=then).status_code for page in pages] == [200] * len(pages)
    assert f"{CORK}-B1" in ask(keys[0], "batches", as_known_at=then).text
    database.close()


def test_an_address_that_cannot_be_narrowed_is_closed_to_a_narrow_key(clients: dict[str, TestClient]) -> None:
    for method, path in [*OPERATIONS, *(("GET", page) for page in PAGES)]:
        if path in ("/livez", "/readyz", "/v1/info"):
            continue
        body = {} if method in ("POST", "PUT") else None
        answer = clients["cork"].request(method, address(path), json=body)
        # jobs are the caller's own, whatever rows it sees
        is_open = (path in NARROWED and method == "GET") or path.startswith("/v1/jobs/")
        assert answer.status_code in ((200, 404) if is_open else (403,)), (method, path, answer.text)


def test_a_narrow_key_only_reads(database_url: str) -> None:
    database = Database(database_url)
    upgrade(database)
    with database.begin("test") as connection:
        for scopes in (
            ["operate", "site:X"],
            ["admin", "product:X"],
            ["site:X"],
            ["read", "site:"],
            ["read", "x:Y"],
        ):
            with pytest.raises(UnknownScope):
                create_key(connection, name="x", scopes=scopes)
    database.close()
