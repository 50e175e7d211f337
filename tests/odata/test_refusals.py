"""Whatever cannot be answered is an error document that says what to do instead."""

from typing import Any

import orjson
import pytest

from hub.odata.refusals import refuse
from hub.store.past.compiler import NotKept
from tests.odata.conftest import Odata, check_error
from tests.odata.test_reading import uid_of


@pytest.mark.parametrize(
    ("path", "query", "told"),
    [
        ("/batches", {"filter": "nope eq 1"}, "unknown name nope; known are actual_end"),
        ("/batches", {"filter": "actual_size eq 'much'"}, "takes a number"),
        ("/batches", {"filter": "actual_start gt 5"}, "takes a time such as"),
        ("/batches", {"filter": "code eq"}, "expected"),
        ("/batches", {"filter": "code eq 'x'" + " or code eq 'y'" * 600}, "at most 8000 characters"),
        ("/batches", {"filter": "(" * 60 + "code eq 'x'" + ")" * 60}, "nested deeper than 40"),
        ("/batches", {"select": "code,nope"}, "no property nope; it has actual_end"),
        ("/batches", {"orderby": "nope"}, "unknown name nope"),
        ("/batches", {"orderby": "product"}, "order by a value: product/code"),
        ("/batches", {"expand": "nope"}, "no navigation nope; known are"),
        ("/batches", {"expand": "product($expand=batches($expand=product($expand=batches($expand=product))))"}, "at most 4 deep"),
        ("/batches", {"top": "-1"}, "whole number from 0"),
        ("/batches", {"skip": "1001"}, "@odata.nextLink"),
        ("/batches", {"count": "yes"}, "true or false"),
        ("/batches", {"skiptoken": "abc"}, "start again without it"),
        ("/batches", {"nonsense": "1"}, "no query option $nonsense"),
        ("/batches", {"apply": "groupby((nope))"}, "unknown name nope"),
        ("/batches", {"apply": "groupby((product))"}, "product/code"),
        ("/batches", {"apply": "aggregate(code with sum as n)"}, "sum takes a number"),
        ("/batches", {"apply": "groupby((status))", "select": "code"}, "makes no code"),
        ("/batches", {"apply": "groupby((status))", "filter": "code eq 'x'"}, "unknown name code"),
        ("/batches('x')/phases", {"as_known_at": "yesterday"}, "time with its zone"),
        ("/batches", {"as_known_at": "2999-01-01T00:00:00Z"}, "lies in the future"),
        ("/phases(abc)", {}, "a whole number"),
        ("/batches(5)", {}, "text in single quotes"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_what_to_write_instead(
    odata: Odata, path: str, query: dict[str, Any], told: str
) -> None:
    assert told in odata.refused(400, path, **query)["message"]


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("/batches", {"filter": "geo.distance(code,code) lt 1"}, "geo.distance"),
        ("/batches", {"filter": "cast(code,'x') eq 1"}, "cast"),
        ("/batches", {"filter": "status has 'x'"}, "has"),
        ("/batches", {"filter": "$it/code eq 'x'"}, "$it"),
        ("/batches", {"apply": "topcount(5,actual_size)"}, "topcount"),
        ("/batches", {"apply": "groupby((rollup($all,code)))"}, "rollup"),
        ("/batches", {"apply": "aggregate(actual_size with stdev as x)"}, "stdev"),
        ("/batches", {"expand": "phases($skip=1)"}, "$skip inside $expand"),
        ("/batches", {"expand": "phases($levels=2)"}, "$levels inside $expand"),
        ("/batches", {"compute": "1 as x"}, "$compute"),
        ("/batches", {"deltatoken": "1"}, "$deltatoken"),
        ("/$all", {}, "$all"),
        ("/$crossjoin(batches,lots)", {}, "$crossjoin"),
        ("/batches('x')/product/$ref", {}, "$ref"),
        ("/samples('x')", {}, "samples by key"),
    ],
)
def test_what_is_not_compiled_is_501_with_its_name(
    odata: Odata, path: str, query: dict[str, Any], name: str
) -> None:
    error = odata.refused(501, path, **query)
    assert error["code"] == "not-compiled"
    assert name in error["message"]


def test_a_token_of_another_question_is_refused(odata: Odata) -> None:
    headers = {"Prefer": "odata.maxpagesize=2"}
    link = odata.client.get("/phases", params={"$orderby": "name"}, headers=headers).json()["@odata.nextLink"]
    for other in (
        link.replace("orderby=name", "orderby=level"),
        link.replace("/phases", "/equipment_times").replace("orderby=name", "orderby=id"),
    ):
        response = odata.client.get(other)
        assert response.status_code == 400
        assert "another question" in check_error(response)["message"]


def test_a_filter_of_five_megabytes_is_refused(odata: Odata) -> None:
    # No HTTP client writes such an address, and servers cut it off: so the application is called as they do.
    query = b"$filter=code eq '" + b"x" * 5_000_000 + b"'"
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        headers = [(b"x-api-key", odata.keys["all"].encode()), (b"host", b"testserver")]
        scope = {"type": "http", "method": "GET", "path": "/odata/batches", "query_string": query}
        extra = {"headers": headers, "scheme": "http", "root_path": "", "server": ("testserver", 80)}
        await odata.client.app({**scope, **extra}, receive, send)

    assert odata.client.portal is not None
    odata.client.portal.call(call)
    assert sent[0]["status"] == 400
    error = orjson.loads(sent[1]["body"])["error"]
    assert error["target"] == "$filter"
    assert "at most 8000 characters" in error["message"]


@pytest.mark.parametrize("path", ["/batches('nope')", "/batches('nope')/phases", "/nope", "/batches('x')/nope", "/phases(999999)"])  # fmt: skip
def test_what_is_not_there_is_404(odata: Odata, path: str) -> None:
    odata.refused(404, path)


def test_a_key_that_is_missing_or_over_opens_nothing(odata: Odata) -> None:
    response = odata.ask("/batches", "expired")
    assert response.status_code == 401
    assert "Basic" in response.headers["WWW-Authenticate"]
    assert "plantwide key create" in check_error(response)["message"]
    assert check_error(odata.client.get("/", headers={"X-API-Key": "pw_x_y"}))["code"] == "key-needed"
    assert (
        check_error(odata.client.get("/$metadata", headers={"X-API-Key": "pw_x_y"}))["code"] == "key-needed"
    )


def test_a_key_sees_its_own_site_alone_by_whatever_way(odata: Odata) -> None:
    mine, other = uid_of(odata, code="CORK-B1"), uid_of(odata, code="BASEL-B1")

    def rows(path: str, **query: Any) -> Any:
        response = odata.ask(path, "cork", **query)
        assert response.status_code == 200, response.text
        return response.json()

    assert [one["code"] for one in rows("/batches", orderby="code")["value"]] == ["CORK-B1", "CORK-B2"]
    assert odata.ask("/batches/$count", "cork").text == "2"
    assert rows(f"/batches('{mine}')")["code"] == "CORK-B1"
    for path in ("", "/phases", "/product", "/code", "/code/$value", "/phases/$count"):
        odata.refused(404, f"/batches('{other}'){path}", "cork")
    assert rows("/batches", apply="aggregate($count as n)")["value"] == [{"n": 2}]
    grouped = rows("/phases", apply="groupby((batch/code),aggregate($count as n))")
    assert grouped["value"] == [{"batch": {"code": "CORK-B1"}, "n": 1}]
    assert rows("/batches", search="basel")["value"] == []
    (product,) = rows("/materials", filter="code eq '300214'", expand="batches($select=code)")["value"]
    assert sorted(one["code"] for one in product["batches"]) == ["CORK-B1", "CORK-B2"]
    assert rows(f"/materials('{product['uid']}')/batches/$count") == 2
    (counted,) = rows("/materials", filter="batches/$count eq 2 and code eq '300214'")["value"]
    assert counted["uid"] == product["uid"]
    assert rows("/fact_batch", count="true", top=0)["@odata.count"] == 2


def test_nothing_is_written_here(odata: Odata) -> None:
    for method in ("POST", "PATCH", "PUT", "DELETE", "OPTIONS"):
        response = odata.client.request(method, "/batches", json={})
        assert response.status_code == 405
        assert "GET" in response.headers["Allow"]
        check_error(response)


def test_a_moment_that_is_not_kept_is_gone_and_one_before_all_is_empty(odata: Odata) -> None:
    response = refuse(NotKept("what was read"))
    assert response.status_code == 410
    assert b"ask without `as_known_at`" in response.body
    link = odata.client.get(
        "/phases?as_known_at=2020-01-01T00:00:00Z", headers={"Prefer": "odata.maxpagesize=1"}
    )
    assert link.json()["value"] == []


def test_what_a_client_cannot_take_is_not_sent(odata: Odata) -> None:
    for headers, status in (
        ({"Accept": "application/atom+xml"}, 406),
        ({"Accept": "application/json;odata.metadata=full"}, 406),
        ({"OData-MaxVersion": "3.0"}, 400),
        ({"Prefer": "odata.maxpagesize=none"}, 400),
    ):
        response = odata.client.get("/batches", headers=headers)
        assert response.status_code == status
        check_error(response)
    assert odata.refused(415, "/batches", format="atom")["target"] == "$format"


def test_an_option_without_its_sign_is_not_ignored(odata: Odata) -> None:
    response = odata.client.get("/batches", params={"filter": "code eq 'x'"})
    assert response.status_code == 400
    assert "Did you mean $filter?" in check_error(response)["message"]
    twice = odata.client.get("/batches?$top=1&$top=2")
    assert twice.status_code == 400
    assert "twice" in check_error(twice)["message"]
