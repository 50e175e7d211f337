"""What the REST connector does when sources change under its hands, fail, or answer nonsense."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.rest import Rest, RestConfig
from hub.model import TestResult
from hub.sdk import Cursor, Document, Misconfigured, Rejected, Unauthorized, Unavailable
from tests.connectors.rest.laboratory import TOKEN, Laboratory, item
from tests.connectors.rest.test_rest_conformance import STREAM, make_rest


def read(rest: Rest, cursor: Cursor | None = None) -> tuple[list[Document], Cursor | None]:
    """Read the stream to its end."""
    documents: list[Document] = []
    with rest:
        for page in rest.read("samples", cursor):
            documents += page.documents
            cursor = page.cursor
    return documents, cursor


def move_first_to_the_end(laboratory: Laboratory) -> None:
    """Change a sample already given: all that follow move up by one."""
    if len(laboratory.asked) == 1:
        laboratory.items[0] = {**laboratory.items[0], "modified": "2026-03-01T12:00:00Z"}


def remove_the_first(laboratory: Laboratory) -> None:
    """Delete a sample already given: all that follow move up by one."""
    if len(laboratory.asked) == 1:
        del laboratory.items[0]


@pytest.mark.parametrize("shift", [move_first_to_the_end, remove_the_first])
@pytest.mark.parametrize("stream", [{}, {"incremental": None, "changed_at": None}], ids=["sorted", "plain"])
def test_items_that_move_to_another_page_meanwhile_are_not_lost(
    laboratory: Laboratory, shift: Callable[[Laboratory], None], stream: dict[str, Any]
) -> None:
    laboratory.on_page = shift
    documents, _ = read(make_rest(laboratory.base, **stream))
    assert {d.key for d in documents} == {f"S-{n:03d}" for n in range(1, 8)}


def test_a_change_at_a_page_already_passed_is_found_next_time(laboratory: Laboratory) -> None:
    laboratory.sorts = False
    laboratory.items[-1]["modified"] = "2999-01-01T00:00:00Z"

    def correct(lab: Laboratory) -> None:
        if len(lab.asked) == 2:
            lab.items[0] = item(1, "2998-01-01T00:00:00Z", "9.9")

    laboratory.on_page = correct
    stable = {"paging": {"kind": "page", "size": 2, "stable": True}, "incremental": {"param": "since"}}
    _, cursor = read(make_rest(laboratory.base, **stable))
    documents, _ = read(make_rest(laboratory.base, **stable), cursor)
    assert "S-001" in {d.key for d in documents}


@pytest.mark.parametrize(
    "paging", [{"kind": "page", "size": 2}, {"kind": "offset", "size_param": "size", "size": 2}]
)
def test_an_item_dated_in_the_future_hides_no_change(laboratory: Laboratory, paging: dict[str, Any]) -> None:
    laboratory.items.append(item(50, "9999-01-01T00:00:00Z"))
    documents, cursor = read(make_rest(laboratory.base, paging=paging))
    newest = max(i["modified"] for i in laboratory.items[:-1])
    assert cursor == {"since": newest}
    assert "S-050" in {d.key for d in documents}
    laboratory.items.append(item(51, "2026-03-01T13:00:00Z"))
    documents, _ = read(make_rest(laboratory.base, paging=paging), cursor)
    assert {"S-050", "S-051"} <= {d.key for d in documents}
    assert "S-001" not in {d.key for d in documents}


@pytest.mark.parametrize("is_sorted", [True, False])
def test_a_cursor_that_lies_in_the_future_already_begins_anew(
    laboratory: Laboratory, is_sorted: bool
) -> None:
    incremental = {"param": "since", "sorted": is_sorted}
    paging = {"kind": "page", "size": 2, "stable": True}
    wrong = {"since": "9999-01-01T00:00:00Z", "at": 3}
    documents, cursor = read(make_rest(laboratory.base, incremental=incremental, paging=paging), wrong)
    assert {d.key for d in documents} == {f"S-{n:03d}" for n in range(1, 8)}
    assert cursor is not None
    assert cursor["since"] < "2026-03-02"


def test_numbers_stay_as_the_source_wrote_them(laboratory: Laboratory) -> None:
    laboratory.body = b'{"data": {"samples": [{"id": 7, "modified": "2026-03-01T08:00:00Z", "results": [{"id": "R", "test": "T", "entry": 3.10, "unit": "%"}]}]}}'
    rest = make_rest(laboratory.base, paging=None)
    documents, _ = read(rest)
    assert '"entry":3.10' in documents[0].payload
    _, result = rest.parse(documents[0])
    assert isinstance(result, TestResult)
    assert (result.value.text, result.value.value) == ("3.10", 3.1)


@pytest.mark.parametrize(
    ("fault", "raised", "after"),
    [
        ((500, {}), Unavailable, None),
        ((429, {"Retry-After": "7"}), Unavailable, 7.0),
        ((404, {}), Misconfigured, None),
        ((302, {"Location": "/login"}), Misconfigured, None),
    ],
)
def test_refusals_become_the_doors_errors(
    laboratory: Laboratory, fault: tuple[int, dict[str, str]], raised: type[Exception], after: float | None
) -> None:
    laboratory.fault = fault
    with pytest.raises(raised) as error:
        read(make_rest(laboratory.base))
    assert getattr(error.value, "retry_after", None) == after


def test_a_wrong_token_is_unauthorized_and_never_repeated(laboratory: Laboratory) -> None:
    with pytest.raises(Unauthorized) as error:
        read(make_rest(laboratory.base, token="stolen"))
    assert "stolen" not in str(error.value)


@pytest.mark.parametrize(
    "auth", [{"user": "lab", "password": TOKEN}, {"header": "X-API-Key", "api_key": TOKEN}, {"bearer": TOKEN}]
)
def test_every_kind_of_login_is_accepted(laboratory: Laboratory, auth: dict[str, str]) -> None:
    config = RestConfig.model_validate(
        {"base_url": laboratory.base, "auth": auth, "streams": {"samples": STREAM}}
    )
    assert len(read(Rest(config))[0]) == 7


def test_a_source_that_answers_200_to_strangers_is_unmasked_by_its_probe(laboratory: Laboratory) -> None:
    laboratory.body = b'{"items": [{"authenticated": false}], "data": {"samples": []}}'
    config = {
        "base_url": laboratory.base,
        "auth": {"bearer": TOKEN},
        "probe": "/users/current",
        "login_proof": "items[0].authenticated",
        "streams": {"samples": STREAM},
    }
    with Rest(RestConfig.model_validate(config)) as rest, pytest.raises(Unauthorized, match="not accepted"):
        rest.check()


def test_credentials_never_follow_a_next_page_to_another_server(laboratory: Laboratory) -> None:
    laboratory.body = b'{"data": {"samples": []}, "next": "http://192.0.2.7/steal"}'
    with pytest.raises(Misconfigured, match=r"next page is said to be on 192\.0\.2\.7"):
        read(make_rest(laboratory.base, paging={"kind": "next_url"}))


def test_a_page_for_people_is_a_clear_error(laboratory: Laboratory) -> None:
    laboratory.body = b"<html>Please log in</html>"
    with pytest.raises(Misconfigured, match="a page for people"):
        read(make_rest(laboratory.base))


def test_broken_json_is_tried_again_later(laboratory: Laboratory) -> None:
    laboratory.body = b'{"data": {"samples": [{"id"'
    with pytest.raises(Unavailable, match="broken JSON"):
        read(make_rest(laboratory.base))


def test_an_answer_without_its_items_names_what_it_has(laboratory: Laboratory) -> None:
    laboratory.body = b'{"error": "no such view", "status": 1}'
    with pytest.raises(Misconfigured, match=r"has no 'data\.samples'; it has error, status"):
        read(make_rest(laboratory.base))


def test_an_item_without_name_or_with_a_naive_time_is_rejected_and_the_rest_goes_on(
    laboratory: Laboratory,
) -> None:
    laboratory.body = (
        b'{"data": {"samples": [{"modified": "2026-03-01T08:00:00Z"}, {"id": "A", "modified": "2026-03-01T08:00:00"},'
        b' {"id": "B", "modified": "2026-03-01T08:00:00Z"}]}}'
    )
    with make_rest(laboratory.base, paging=None) as rest:
        (page, *_) = rest.read("samples", None)
    assert [d.key for d in page.documents] == ["B"]
    assert "has no 'id'" in page.rejected[0].reason
    assert "set the source's `timezone`" in page.rejected[1].reason


def test_an_unknown_unit_costs_one_result(laboratory: Laboratory) -> None:
    laboratory.items[0]["results"][0]["unit"] = "mg/pint"
    rest = make_rest(laboratory.base)
    documents, _ = read(rest)
    parts = [part for d in documents for part in rest.parse(d)]
    assert [p.where for p in parts if isinstance(p, Rejected)] == ["results[0]: entry -> test_result.value"]
    assert len(parts) == 14


def test_a_deleted_item_is_said_to_be_deleted(laboratory: Laboratory) -> None:
    laboratory.items[2]["cancelled"] = True
    documents, _ = read(make_rest(laboratory.base, deleted="cancelled"))
    assert [d.key for d in documents if d.deleted] == ["S-003"]


def test_a_kept_place_that_has_expired_begins_anew(laboratory: Laboratory) -> None:
    stream = {"paging": {"kind": "offset", "size_param": "size", "size": 2}, "incremental": None}
    laboratory.fault = (404, {})
    with pytest.raises(Misconfigured):
        read(make_rest(laboratory.base, **stream))
    laboratory.fault = None
    documents, _ = read(make_rest(laboratory.base, **stream), {"at": 600})
    assert len(documents) == 7


def test_a_source_that_is_down_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="check that the source is up"):
        read(make_rest("http://127.0.0.1:9"))


def test_the_time_is_asked_for_as_the_source_writes_it(laboratory: Laboratory) -> None:
    asked = {"param": "q", "template": "modified ge {since}", "format": "%d.%m.%Y %H:%M", "sorted": True}
    _, cursor = read(make_rest(laboratory.base, incremental=asked))
    laboratory.asked.clear()
    read(make_rest(laboratory.base, incremental=asked), cursor)
    assert "q=modified+ge+01.03.2026+10%3A59" in laboratory.asked[0]


def test_settings_that_cannot_work_are_refused() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"changed_at": None}, "incremental needs `changed_at`"),
        ({"snapshot": True}, "a snapshot is read whole"),
        ({"paging": {"kind": "pages"}}, "page"),
    ]
    for wrong, said in cases:
        with pytest.raises(ValidationError, match=said):
            make_rest("http://127.0.0.1:9", **wrong)
