"""Transport and exploratory requirements of i3X 1.0, each test named by the id of its requirement."""

import unicodedata
from typing import Any

from fastapi.testclient import TestClient

from hub.i3x.naming import ISA88
from tests.i3x.conftest import BOGUS, I3x, check_bulk

Edge = tuple[str, str, str]


def edges_of(i3x: I3x, ids: list[str], **more: Any) -> set[Edge]:
    """Give (from, relationship, to) of these objects."""
    items = i3x.bulk("/objects/related", elementIds=ids, **more)
    return {
        (one, edge["sourceRelationship"], edge["object"]["elementId"])
        for one, item in zip(ids, items, strict=True)
        for edge in item["result"]
    }


def without_key(i3x: I3x) -> TestClient:
    return TestClient(i3x.client.app, base_url=str(i3x.client.base_url))


def test_core_01_info_answers_json(i3x: I3x) -> None:
    response = i3x.client.get("/info")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")


def test_core_02_info_needs_no_key(i3x: I3x) -> None:
    assert without_key(i3x).get("/info").status_code == 200


def test_core_03_info_says_the_version_and_what_is_offered(i3x: I3x) -> None:
    info = i3x.get("/info")
    assert info["specVersion"].startswith("1")
    assert info["capabilities"] == {
        "query": {"history": True},
        "update": {"current": False, "history": False},
        "subscribe": {"stream": True},
    }


def test_core_04_what_is_asked_for_as_gzip_comes_as_gzip(i3x: I3x) -> None:
    response = i3x.client.get("/namespaces", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    plain = i3x.client.get("/namespaces", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == response.json()


def test_core_05_a_client_that_came_by_https_is_answered_the_same(i3x: I3x) -> None:
    # Encryption is the proxy's; the door builds no address of its own that would leave it.
    secure = TestClient(
        i3x.client.app, base_url="https://testserver/i3x/v1", headers=dict(i3x.client.headers)
    )
    assert secure.get("/namespaces").json() == i3x.client.get("/namespaces").json()


def test_core_06_without_a_key_nothing_else_answers_and_says_so_in_its_envelope(i3x: I3x) -> None:
    for given in ({}, {"X-API-Key": "pw_0_0"}):
        response = without_key(i3x).get("/namespaces", headers=given)
        assert response.status_code == 401
        assert response.json()["success"] is False
        assert response.json()["responseDetail"]["status"] == 401
        assert "WWW-Authenticate" in response.headers


def test_exp_01_namespaces_have_uri_and_name(i3x: I3x) -> None:
    assert all(set(one) == {"uri", "displayName"} for one in i3x.get("/namespaces"))


def test_exp_02_there_is_a_namespace(i3x: I3x) -> None:
    assert i3x.get("/namespaces")


def test_exp_03_namespace_uris_are_unique(i3x: I3x) -> None:
    uris = [one["uri"] for one in i3x.get("/namespaces")]
    assert len(set(uris)) == len(uris)


def test_exp_04_object_types_have_a_json_schema(i3x: I3x) -> None:
    types = i3x.get("/objecttypes")
    for one in types:
        assert set(one) == {
            "elementId",
            "displayName",
            "namespaceUri",
            "sourceTypeId",
            "version",
            "schema",
        }
        assert "type" in one["schema"]
    assert any(one["schema"]["type"] == "object" for one in types)


def test_exp_05_object_types_belong_to_declared_namespaces(i3x: I3x) -> None:
    uris = {one["uri"] for one in i3x.get("/namespaces")}
    assert {one["namespaceUri"] for one in i3x.get("/objecttypes")} <= uris


def test_exp_06_object_types_are_filtered_by_namespace(i3x: I3x) -> None:
    some = i3x.get("/objecttypes", namespaceUri=ISA88)
    assert some == [one for one in i3x.get("/objecttypes") if one["namespaceUri"] == ISA88] != []
    assert i3x.get("/objecttypes", namespaceUri="urn:none") == []


def test_exp_07_object_types_come_in_the_order_asked_for(i3x: I3x) -> None:
    ids = [one["elementId"] for one in i3x.get("/objecttypes")][::-1]
    found = i3x.bulk("/objecttypes/query", elementIds=ids)
    assert [one["result"]["elementId"] for one in found] == ids


def test_exp_08_an_unknown_object_type_is_a_404_of_its_own(i3x: I3x) -> None:
    good, bad = i3x.bulk("/objecttypes/query", elementIds=["type:batch", BOGUS])
    assert good["success"]
    assert bad["responseDetail"]["status"] == 404


def test_exp_09_relationship_types_have_their_members(i3x: I3x) -> None:
    for one in i3x.get("/relationshiptypes"):
        assert set(one) == {"elementId", "displayName", "namespaceUri", "relationshipId", "reverseOf"}


def test_exp_10_every_relationship_type_has_a_reverse_that_leads_back(i3x: I3x) -> None:
    types = {one["elementId"]: one for one in i3x.get("/relationshiptypes")}
    assert all(types[one["reverseOf"]]["reverseOf"] == name for name, one in types.items())


def test_exp_11_relationship_types_are_asked_for_in_bulk(i3x: I3x) -> None:
    good, bad = i3x.bulk("/relationshiptypes/query", elementIds=["HasParent", BOGUS])
    assert good["result"]["reverseOf"] == "HasChildren"
    assert bad["responseDetail"]["status"] == 404


def test_exp_12_objects_have_their_members(i3x: I3x) -> None:
    for one in i3x.get("/objects"):
        assert set(one) == {
            "elementId",
            "displayName",
            "typeElementId",
            "parentId",
            "isComposition",
            "isExtended",
        }
        assert isinstance(one["parentId"], str | None)
        assert isinstance(one["isComposition"], bool)
        assert one["isExtended"] is False
        assert one["displayName"]


def test_exp_13_every_object_has_a_registered_type(i3x: I3x) -> None:
    types = {one["elementId"] for one in i3x.get("/objecttypes")}
    assert {one["typeElementId"] for one in i3x.everything().values()} <= types


def test_exp_14_element_ids_are_unique_and_printable(i3x: I3x) -> None:
    types = [one["elementId"] for path in ("/objecttypes", "/relationshiptypes") for one in i3x.get(path)]
    ids = [*(one["elementId"] for one in i3x.get("/objects")), *types]
    assert not set(types) & set(i3x.everything())
    assert len(set(ids)) == len(ids)
    assert all(one == one.strip() and not any(unicodedata.category(c)[0] == "C" for c in one) for one in ids)


def test_exp_15_roots_hang_from_nothing(i3x: I3x) -> None:
    roots = i3x.get("/objects", root="true")
    assert roots
    assert {one["parentId"] for one in roots} == {None}
    orphans = [one for one in i3x.get("/objects") if one["parentId"] is None]
    assert sorted(one["elementId"] for one in orphans) == sorted(one["elementId"] for one in roots)


def test_exp_16_objects_are_filtered_by_type(i3x: I3x) -> None:
    every = i3x.get("/objects")
    for kind in {one["typeElementId"] for one in every}:
        some = i3x.get("/objects", typeElementId=kind)
        assert sorted(one["elementId"] for one in some) == sorted(
            one["elementId"] for one in every if one["typeElementId"] == kind
        )
    assert i3x.get("/objects", typeElementId=BOGUS) == []


def test_exp_17_metadata_say_where_a_type_comes_from(i3x: I3x) -> None:
    types = {one["elementId"]: one for one in i3x.get("/objecttypes")}
    for one in i3x.get("/objects", includeMetadata="true"):
        kind = types[one["typeElementId"]]
        assert one["metadata"]["typeNamespaceUri"] == kind["namespaceUri"]
        assert one["metadata"]["sourceTypeId"] == kind["sourceTypeId"]
        assert None not in one["metadata"].values()


def test_exp_18_objects_are_asked_for_in_bulk_as_they_are_listed(i3x: I3x) -> None:
    listed = i3x.everything()
    ids = [*listed, BOGUS, f"batch/{BOGUS}", "sample/99999999999999999999", "folder/none", "context/x/batch"]
    found = i3x.bulk("/objects/list", elementIds=ids)
    assert [item.get("result") for item in found] == [*listed.values(), None, None, None, None, None]
    assert {item["responseDetail"]["status"] for item in found[-5:]} == {404}


def test_exp_19_relationships_are_of_registered_types_and_lead_to_objects(i3x: I3x) -> None:
    types = {one["elementId"] for one in i3x.get("/relationshiptypes")}
    listed = i3x.everything()
    edges = edges_of(i3x, list(listed))
    assert {name for _, name, _ in edges} <= types
    assert {other for _, _, other in edges} <= set(listed)
    assert i3x.bulk("/objects/related", elementIds=[BOGUS])[0]["responseDetail"]["status"] == 404


def test_exp_20_every_relationship_leads_back(i3x: I3x) -> None:
    reverse = {one["elementId"]: one["reverseOf"] for one in i3x.get("/relationshiptypes")}
    edges = edges_of(i3x, list(i3x.everything()))
    assert {(other, reverse[name], one) for one, name, other in edges} == edges
    assert len({name for _, name, _ in edges}) > 12


def test_exp_21_what_an_object_hangs_from_is_found_by_its_relationships(i3x: I3x) -> None:
    listed = i3x.everything()
    edges = edges_of(i3x, list(listed))
    up = {(one, other) for one, name, other in edges if name in ("HasParent", "ComponentOf")}
    assert up == {(one["elementId"], one["parentId"]) for one in listed.values() if one["parentId"]}
    wholes = {one for one, name, _ in edges if name == "HasComponent"}
    assert wholes == {one["elementId"] for one in listed.values() if one["isComposition"]}


def test_exp_22_relationships_are_filtered_by_type(i3x: I3x) -> None:
    batch = i3x.id_of("B26-0117", "batch")
    every = edges_of(i3x, [batch])
    for name in {name for _, name, _ in every}:
        assert edges_of(i3x, [batch], relationshipType=name) == {e for e in every if e[1] == name}
    assert edges_of(i3x, [batch], relationshipType=None) == every
    assert edges_of(i3x, [batch], relationshipType=BOGUS) == set()


# ------------------------------------------------------------------ what the guide asks for beyond
def test_inherited_and_referenced_schemas_are_written_out(i3x: I3x) -> None:
    assert "$ref" not in i3x.client.get("/objecttypes").text
    assert "allOf" not in i3x.client.get("/objecttypes").text


def test_metadata_of_objects_asked_for_name_their_relationships(i3x: I3x) -> None:
    batch = i3x.id_of("B26-0117", "batch")
    (item,) = i3x.bulk("/objects/list", elementIds=[batch], includeMetadata=True)
    told = item["result"]["metadata"]["relationships"]
    assert {(batch, name, other) for name, others in told.items() for other in others} == edges_of(
        i3x, [batch]
    )
    assert item["result"]["metadata"]["system"]["href"] == f"/v1/batches/{batch.removeprefix('batch/')}"


def test_genealogy_and_orders_are_relationships(i3x: I3x) -> None:
    batch, lot = i3x.id_of("B26-0117", "batch"), i3x.id_of("B26-0117-DS", "material_lot")
    medium, cells = i3x.id_of("MP-26-0012", "material_lot"), i3x.id_of("WCB-214-07", "material_lot")
    order = i3x.id_of("1004711", "operations_request")
    edges = edges_of(i3x, [batch, lot, medium])
    assert {
        (lot, "DerivedFrom", medium),
        (medium, "DerivedFrom", cells),
        (batch, "Consumes", medium),
        (batch, "Produces", lot),
        (batch, "Fulfills", order),
        (batch, "ExecutedOn", i3x.id_of("BR2000-01", "equipment")),
    } <= edges


def test_what_does_not_fit_is_said_to_be_cut(make_i3x: Any) -> None:
    small = make_i3x(objects=10)
    response = small.client.get("/objects")
    assert response.status_code == 206
    body = response.json()
    assert (body["success"], len(body["result"]), body["responseDetail"]["status"]) == (True, 10, 206)


def test_more_related_objects_than_fit_are_said_to_be_cut(make_i3x: Any) -> None:
    small = make_i3x(related=2)
    folder = "folder/tag"
    response = small.client.post("/objects/related", json={"elementIds": [folder]})
    assert response.status_code == 206
    check_bulk(response.json(), [folder])
    assert len(response.json()["results"][0]["result"]) == 2


def test_a_list_is_new_when_something_is_new(make_i3x: Any) -> None:
    i3x = make_i3x()
    before = i3x.client.get("/objects").content
    assert i3x.client.get("/objects").content == before
    from tests.api.factories import add_thing

    with i3x.database.begin("test") as connection:
        add_thing(connection, "batch", "B26-0200")
    assert "B26-0200" in i3x.client.get("/objects").text
