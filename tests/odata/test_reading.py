"""Sets, single rows, properties and counts: what is asked for is what comes, and nothing beside it."""

import base64
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hub.odata.model import list_sets
from hub.store.questions.collections import list_collections
from tests.api.factories import add_thing
from tests.odata.conftest import Odata

B117 = "code eq 'B26-0117'"


def codes(rows: list[Any]) -> list[str]:
    return [row["code"] for row in rows]


def uid_of(odata: Odata, where: str = "batches", code: str = "B26-0117") -> str:
    (row,) = odata.rows(f"/{where}", filter=f"code eq '{code}'", select="uid")
    return row["uid"]


def follow(odata: Odata, path: str, **query: Any) -> list[list[Any]]:
    """Give the pages of a set by its next links."""
    document = odata.get(path, **query)
    pages = [document["value"]]
    while link := document.get("@odata.nextLink"):
        response = odata.client.get(link)
        assert response.status_code == 200, response.text
        document = response.json()
        pages.append(document["value"])
    return pages


def test_the_service_lists_every_collection_and_the_samples_of_tags(odata: Odata) -> None:
    document = odata.get("/")
    assert document["@odata.context"] == "http://testserver/odata/$metadata"
    assert [one["url"] for one in document["value"]] == [*list_collections(), "samples"]
    assert odata.client.get("http://testserver/odata").json() == document


def test_every_set_answers_with_exactly_the_properties_of_its_type(odata: Odata) -> None:
    for one in list_sets():
        if one.name != "samples":
            for row in odata.get(f"/{one.name}", top=2)["value"]:
                assert list(row) == [member.name for member in one.members], one.name
            first = one.members[0].name
            assert all(list(row) == [first] for row in odata.get(f"/{one.name}", select=first)["value"])


def test_each_property_of_each_set_can_be_filtered_and_ordered_by(odata: Odata) -> None:
    for one in list_sets():
        if one.name != "samples":
            condition = " and ".join(f"({member.name} eq null or true)" for member in one.members)
            order = ",".join(member.name for member in one.members)
            found = odata.get(f"/{one.name}", filter=condition, orderby=order)["value"]
            assert len(found) == int(odata.ask(f"/{one.name}/$count").text), one.name


def test_a_set_is_filtered_selected_ordered_cut_and_counted(odata: Odata) -> None:
    document = odata.get(
        "/batches",
        select="code,product_code,actual_size",
        filter="product_code eq '300214' and startswith(code,'B26')",
        orderby="actual_start desc",
        skip=1,
        top=1,
        count="true",
    )
    assert document == {
        "@odata.context": "http://testserver/odata/$metadata#batches(code,product_code,actual_size)",
        "@odata.count": 3,
        "value": [{"code": "B26-0118", "product_code": "300214", "actual_size": None}],
    }


def test_functions_and_quantifiers_reach_through_navigations(odata: Odata) -> None:
    for condition, found in (
        ("phases/any(p:p/name eq 'Growth')", ["B26-0117"]),
        ("phases/$count gt 2", ["B26-0117"]),
        ("product/code eq '300214' and actual_size ge 118", ["B26-0117"]),
        ("substring(code,4) eq '0118' or indexof(code,'0119') eq 4", ["B26-0118", "B26-0119"]),
        (
            "year(actual_start) eq 2026 and day(actual_start) eq 15 and second(actual_start) eq 0",
            ["B26-0118"],
        ),
        ("lifecycle eq 'stub'", ["B26-0199"]),
        ("code in ('B26-0117','nothing')", ["B26-0117"]),
    ):
        assert codes(odata.rows("/batches", filter=condition, orderby="code")) == found, condition
    said = odata.rows(
        "/results", filter="contains(source,'im') and toupper(source) gt 'LIMA' and value_comparator eq '<'"
    )
    assert [(row["test_code"], row["value"], row["value_text"]) for row in said] == [("ENDO", 0.05, "<0.05")]


def test_pages_follow_one_another_by_next_links_until_all_is_read_once(odata: Odata) -> None:
    whole = odata.rows("/phases", select="id", orderby="name desc")
    response = odata.client.get(
        "/phases",
        params={"$select": "id", "$orderby": "name desc", "$count": "true"},
        headers={"Prefer": "odata.maxpagesize=4"},
    )
    document = response.json()
    assert document["@odata.count"] == len(whole)
    rows = document["value"]
    while link := document.get("@odata.nextLink"):
        document = odata.client.get(link, headers={"Prefer": "maxpagesize=4"}).json()
        assert len(document["value"]) <= 4
        rows += document["value"]
    assert rows == whole


def test_top_is_kept_over_pages(odata: Odata) -> None:
    headers = {"Prefer": "odata.maxpagesize=2"}
    params = {"$top": "5", "$skip": "1", "$orderby": "id", "$select": "id"}
    document = odata.client.get("/phases", params=params, headers=headers).json()
    rows = list(document["value"])
    while link := document.get("@odata.nextLink"):
        assert "$skip" not in parse_qs(urlsplit(link).query)
        document = odata.client.get(link, headers=headers).json()
        rows += document["value"]
    assert rows == odata.rows("/phases", select="id", orderby="id")[1:6]


def test_a_page_of_nothing_counts_all(odata: Odata) -> None:
    document = odata.get("/batches", top=0, count="true")
    assert document["value"] == []
    assert document["@odata.count"] == int(odata.ask("/batches/$count").text) == 8
    assert odata.ask("/batches/$count", filter=B117).text == "1"


def test_a_row_a_property_and_its_bare_value_have_addresses(odata: Odata) -> None:
    uid = uid_of(odata)
    one = odata.get(f"/batches('{uid}')")
    assert one["@odata.context"].endswith("/$metadata#batches/$entity")
    assert one["code"] == "B26-0117"
    assert odata.get(f"/batches(uid='{uid}')", select="code") == {
        "@odata.context": "http://testserver/odata/$metadata#batches(code)/$entity",
        "code": "B26-0117",
    }
    assert odata.get(f"/batches('{uid}')/actual_size")["value"] == 118.2
    assert odata.ask(f"/batches('{uid}')/actual_start/$value").text == "2026-03-02T06:00:00Z"
    assert odata.ask(f"/batches('{uid}')/campaign_code").status_code == 204
    first = odata.rows("/phases", orderby="id")[0]
    assert odata.get(f"/phases({first['id']})")["name"] == first["name"]
    star = odata.rows("/fact_batch", filter="actual_size eq 118.2")[0]
    assert odata.get(f"/fact_batch({star['batch_key']})/dim_batch")["code"] == "B26-0117"


def test_what_a_row_leads_to_has_an_address_too(odata: Odata) -> None:
    uid = uid_of(odata)
    assert odata.get(f"/batches('{uid}')/product")["code"] == "300214"
    assert odata.ask(f"/batches('{uid}')/campaign").status_code == 204
    phases = odata.rows(f"/batches('{uid}')/phases", orderby="id", filter="level eq 'operation'")
    assert [one["name"] for one in phases][:2] == ["Inoculate", "Growth"]
    assert odata.ask(f"/batches('{uid}')/phases/$count").text == "10"
    assert odata.get(f"/batches('{uid}')/phases({phases[0]['id']})/equipment/code")["value"] == "BR2000-01"
    other = uid_of(odata, code="B26-0118")
    odata.refused(404, f"/batches('{other}')/phases({phases[0]['id']})")


def test_what_is_expanded_stands_inside_as_much_as_is_asked_for(odata: Odata) -> None:
    (row,) = odata.rows(
        "/batches",
        filter=B117,
        select="code",
        expand="product($select=code),phases($select=name;$filter=level eq 'operation';$orderby=name desc;"
        "$top=2;$expand=equipment($select=code)),campaign,lab_samples($expand=results($select=test_code))",
    )
    sample = row.pop("lab_samples")[0]
    assert row == {
        "code": "B26-0117",
        "product": {"code": "300214"},
        "phases": [
            {"name": "Production", "equipment": {"code": "BR2000-01"}},
            {"name": "Load", "equipment": {"code": "CH-01"}},
        ],
        "campaign": None,
    }
    assert sample["code"] == "S-2026-004811"
    assert sorted(one["test_code"] for one in sample["results"]) == ["ENDO", "HCP", "HCP", "TITRE"]


def test_words_are_found_in_every_text_of_a_row_in_any_case(odata: Odata) -> None:
    assert codes(odata.rows("/batches", search="FED-batch", orderby="code")) == ["B26-0117"]
    assert codes(odata.rows("/batches", search='"campaign c26" OR 0118', orderby="code")) == [
        "B26-0117",
        "B26-0118",
    ]
    assert codes(odata.rows("/batches", search="b26 NOT complete", orderby="code")) == [
        "B26-0118",
        "B26-0199",
    ]
    odata.refused(400, "/batches", search="a b c d")
    odata.refused(400, "/batches", search="(a")


def test_an_answer_that_still_stands_is_not_sent_again(odata: Odata) -> None:
    first = odata.ask("/batches", select="code")
    tag = first.headers["ETag"]
    again = odata.client.get("/batches?$select=code", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = odata.client.get("/batches?$select=uid", headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert odata.ask("/batches", select="code").content == first.content


def test_what_is_remembered_is_forgotten_with_the_next_write_and_excuses_no_mistake(odata: Odata) -> None:
    address = "/batches?$select=code&$orderby=code"
    first = odata.client.get(address)
    assert odata.client.get(address).content == first.content
    with odata.database.begin("test") as connection:
        add_thing(connection, "batch", "A-FIRST")
    after = odata.client.get(address)
    assert after.json()["value"][0]["code"] == "A-FIRST"
    assert after.headers["ETag"] != first.headers["ETag"]
    assert odata.client.get(address, headers={"OData-MaxVersion": "3.0"}).status_code == 400
    assert odata.client.get("/batches?$nope=1", headers={"If-None-Match": "*"}).status_code == 400


def test_an_instant_of_the_past_is_answered_from_what_was_known_then(odata: Odata) -> None:
    response = odata.ask("/batches", select="code")
    then = response.headers["Known-At"]
    assert odata.ask("/batches", select="code", as_known_at=then).json() == response.json()
    assert odata.get("/batches", as_known_at="2020-01-01T00:00:00Z")["value"] == []


def test_a_key_may_be_the_password_of_basic(odata: Odata) -> None:
    basic = base64.b64encode(f"anybody:{odata.keys['all']}".encode()).decode()
    client = odata.client
    headers = {"X-API-Key": "", "Authorization": f"Basic {basic}"}
    del client.headers["X-API-Key"]
    try:
        assert client.get("/batches", headers={"Authorization": headers["Authorization"]}).status_code == 200
        assert client.get("/batches").status_code == 401
    finally:
        client.headers["X-API-Key"] = odata.keys["all"]


def test_the_calendar_has_every_day_and_the_star_leads_to_it(odata: Odata) -> None:
    rows = [row for page in follow(odata, "/dim_time", orderby="date") for row in page]
    days = [date.fromisoformat(row["date"]) for row in rows]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    for day, row in zip(days, rows, strict=True):
        iso = day.isocalendar()
        assert (row["iso_year"], row["iso_week"], row["iso_weekday"]) == (iso.year, iso.week, iso.weekday)
        assert (row["day_key"], row["quarter"]) == (int(f"{day:%Y%m%d}"), (day.month + 2) // 3)
    (batch,) = odata.rows("/fact_batch", filter="actual_size eq 118.2", expand="time_of_start($select=date)")
    assert batch["time_of_start"]["date"] == batch["actual_start"][:10] == "2026-03-02"
    weeks = odata.rows("/fact_batch", apply="groupby((time_of_start/year_month),aggregate($count as n))")
    assert {(one["time_of_start"]["year_month"], one["n"]) for one in weeks} >= {("2026-03", 3)}
    assert odata.rows("/dim_time", as_known_at="2020-01-01T00:00:00Z") == []
    assert odata.ask("/dim_time/$count", "cork").text == str(len(days))


POWER_QUERY = {
    "User-Agent": "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)",
    "MaxDataServiceVersion": "3.0",
    "OData-MaxVersion": "4.0",
    "Accept": "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,"
    "application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7",
}
"""What Power Query says of itself, in Excel and Power BI."""


def test_what_power_query_says_of_itself_is_understood(odata: Odata) -> None:
    client = odata.client
    for path in (
        "http://testserver/odata",
        "/",
        "/batches?$top=1000&$select=uid,code,product&$expand=product",
    ):
        response = client.get(path, headers=POWER_QUERY)
        assert response.status_code == 200, response.text
        assert response.headers.get_list("OData-Version") == ["4.0"]
        assert response.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
    accept = {**POWER_QUERY, "Accept": "application/xml"}
    assert client.get("/$metadata", headers=accept).headers["Content-Type"] == "application/xml"


def test_the_most_wanted_metadata_is_sent(odata: Odata) -> None:
    for accept, level in (
        ("application/json;odata.metadata=none;q=0.5,application/json;odata.metadata=minimal", "minimal"),
        ("application/json;odata.metadata=minimal;q=0,application/json;odata.metadata=none", "none"),
        ("text/html,application/json;odata.metadata=full,*/*;q=0.1", "minimal"),
    ):
        response = odata.client.get("/batches", headers={"Accept": accept})
        assert f"odata.metadata={level}" in response.headers["Content-Type"], accept


def test_no_metadata_is_sent_to_those_who_want_none(odata: Odata) -> None:
    response = odata.ask("/batches", select="code", format="application/json;odata.metadata=none")
    assert set(response.json()) == {"value"}
    assert "odata.metadata=none" in response.headers["Content-Type"]
