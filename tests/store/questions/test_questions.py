"""Questions over a small plant on both engines: functions, paths, quantifiers, pages, expansions, columns."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from hub.store.answers.pages import CursorError
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.questions.collections import (
    FACTS,
    THINGS,
    NoSuchCollection,
    find_collection,
    list_collections,
)
from hub.store.questions.columns import flat_columns, stream_columns
from hub.store.questions.documents import count, read_page, stream_documents
from hub.store.questions.expression import FilterError
from hub.store.questions.kept import take_keys
from hub.store.questions.question import ask
from hub.store.questions.scope import RowScope, narrow_connection
from hub.store.tables import ENTITY_TABLES
from hub.store.upgrade import upgrade
from tests.api.factories import add_fact, add_plant, add_record, add_system, add_thing
from tests.databases import fresh_postgres


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    def fill(url: str) -> Iterator[Connection]:
        database = Database(url)
        upgrade(database)
        with database.begin("test") as connection:
            add_plant(connection)
            create_key(connection, name="reader", scopes=["read"])
            for code, status, text in (("X1", "Other", "Quarantine hold"), ("X2", "Other", None)):
                add_thing(connection, "batch", code, status=status, status_text=text, actual_size=12.5)
            add_what_no_longer_counts(connection)
        with database.read() as connection:
            yield connection
        database.close()

    if request.param == "sqlite":
        yield from fill(f"sqlite:///{tmp_path_factory.mktemp('questions') / 'hub.db'}")
    else:
        with fresh_postgres(request.getfixturevalue("postgres_server")) as url:
            yield from fill(url)


def add_what_no_longer_counts(connection: Connection) -> None:
    """Take back a phase of the batch X1, and merge the batch X3 of a product of its own into another."""
    system = add_system(connection, "withdrawing")
    batch = ENTITY_TABLES["batch"].c
    taken_back = connection.scalar(select(batch.id).where(batch.code == "X1"))
    add_fact(connection, "segment_response", system=system, record=add_record(connection, system),
             batch_id=taken_back, name="Taken back", is_retracted=True)  # fmt: skip
    product = add_thing(connection, "material_definition", "OF-X3")
    add_thing(
        connection, "batch", "X3", lifecycle="merged", merged_into_id=taken_back, product_id=product,
        status="Aborted",
    )  # fmt: skip


def codes(connection: Connection, filter: str, collection: str = "batches", **more: Any) -> list[str]:
    page = read_page(connection, ask(collection, filter=filter, **more), limit=1000)
    return [item["code"] for item in page.items]


def test_a_status_is_found_by_what_a_source_wrote_beside_other(connection: Connection) -> None:
    assert codes(connection, "status eq 'Quarantine hold'") == ["X1"]
    assert codes(connection, "status eq 'Other'", order="code") == ["X1", "X2"]
    assert codes(connection, "status in ('Quarantine hold')") == ["X1"]
    assert codes(connection, "contains(status, 'antine')") == ["X1"]
    assert "X1" not in codes(connection, "status ne 'Quarantine hold'")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("tolower(code) eq 'x1'", ["X1"]),
        ("toupper(code) eq 'X1' and length(code) eq 2", ["X1"]),
        ("concat(code, status) eq 'X2Other'", ["X2"]),
        ("trim(code) eq 'X1'", ["X1"]),
        ("(actual_size mul 2) sub 1 eq 24 and startswith(code, 'X')", ["X1", "X2"]),
        ("actual_size div 0 eq null and code eq 'X1'", ["X1"]),
        ("-1 lt actual_size mod 5 and code eq 'X1'", ["X1"]),
        ("round(actual_size) eq 13 and code eq 'X1'", ["X1"]),
        ("floor(actual_size) eq 12 and ceiling(actual_size) eq 13 and code eq 'X1'", ["X1"]),
        ("year(actual_start) eq 2026 and month(actual_start) eq 3 and code eq 'B26-0117'", ["B26-0117"]),
        ("date(actual_start) eq 2026-03-02", ["B26-0117"]),
        ("product/code eq '300214' and code eq 'B26-0117'", ["B26-0117"]),
        ("product eq '300214' and code eq 'B26-0117'", ["B26-0117"]),
        ("phases/any(p:p/name ne null) and code eq 'B26-0117'", ["B26-0117"]),
        ("phases/any() and code eq 'B26-0117'", ["B26-0117"]),
        ("not phases/any() and startswith(code, 'X')", ["X1", "X2"]),
        ("phases/any(p:p/name eq 'Taken back')", []),
        ("phases/any(p:p/name eq 'Taken back' and p/is_retracted eq true)", ["X1"]),
        ("startswith(code, 'X') and phases/all(p:p/name eq 'Growth')", ["X1", "X2"]),
        ("startswith(code, 'X') and phases/all(p:p/name eq 'Growth' and p/is_retracted eq false)", ["X2"]),
        ("phases/all(p:p/name ne null) and code eq 'X1'", ["X1"]),
        ("has_conflict eq false and (code eq 'X1')", ["X1"]),
    ],
)
def test_functions_paths_and_quantifiers(connection: Connection, filter: str, found: list[str]) -> None:
    assert codes(connection, filter, order="code") == found


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ("nope eq 1", "unknown name"),
        ("product/nope eq 1", "unknown name"),
        ("phases/name eq 'x'", "unknown reference"),
        ("nope/any(p:p/name eq 'x')", "unknown way"),
        ("product/any(p:p/code eq 'x')", "leads to one"),
        ("code add 1 eq 2", "takes numbers"),
        ("year(code) eq 1", "takes a time"),
        ("length(actual_size) eq 1", "takes text"),
        ("length(code) eq 'a'", "takes a number"),
        ("(code)", "expected one of eq"),
        ("(code) and has_conflict eq true", "expected one of eq"),
        ("not (code)", "expected one of eq"),
        ("phases/any(p:(p/name))", "no condition"),
        ("contains(code, status)", "text in single quotes"),
        ("code eq actual_size", "cannot be compared"),
        ("tolower(code, code) eq 'a'", "takes 1"),
        ("a/b/c/d/e eq 1", "at most 4 steps"),
        (" or ".join(["code eq 'a'"] * 500), "more than 400 conditions"),
    ],
)
def test_what_cannot_be_answered_says_why(connection: Connection, filter: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        codes(connection, filter)


@pytest.mark.parametrize("name", list_collections())
def test_every_collection_can_be_asked_whole_and_every_name_of_it_filtered_and_ordered(
    connection: Connection, name: str
) -> None:
    collection = find_collection(name)
    whole = list(stream_documents(connection, ask(name), limit=None))
    assert count(connection, ask(name)) == len(whole)
    batches = list(stream_columns(connection, ask(name)))
    assert sum(batch.num_rows for batch in batches) == len(whole)
    assert batches[0].schema.names == [one.name for one in flat_columns(name)]
    assert len(set(batches[0].schema.names)) == len(batches[0].schema.names)
    filter = " and ".join(f"({n} eq null or {n} ne null)" for n in collection.properties)
    assert count(connection, ask(name, filter=filter)) >= len(whole)
    plain = [n for n, p in collection.properties.items() if p.kind not in ("reference", "source")]
    order = ", ".join(f"{n} desc" if at % 2 else n for at, n in enumerate(plain[:8]))
    paged = pages(connection, name, order=order, limit=3)
    assert paged == list(stream_documents(connection, ask(name, order=order), limit=None))
    assert sorted(map(repr, paged)) == sorted(map(repr, whole))


def pages(connection: Connection, name: str, *, limit: int, **asked: Any) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(1000):
        page = read_page(connection, ask(name, **asked), cursor=cursor, limit=limit)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError("pages without an end")


@settings(max_examples=20)
@given(
    st.lists(
        st.sampled_from(["status", "actual_size", "actual_start", "code", "product/code", "has_conflict"]),
        min_size=1, max_size=3, unique=True,
    ),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.integers(1, 4),
)  # fmt: skip
def test_pages_of_any_order_are_the_whole_in_that_order(
    connection: Connection, names: list[str], down: list[bool], limit: int
) -> None:
    order = ", ".join(f"{n} desc" if d else n for n, d in zip(names, down, strict=False))
    whole = list(stream_documents(connection, ask("batches", order=order), limit=None))
    assert pages(connection, "batches", order=order, limit=limit) == whole
    for name, is_down in [*zip(names, down, strict=False)][:1]:
        values = [_value(d, name) for d in whole]
        known = [v for v in values if v is not None]
        assert values[: len(known)] == known
        assert known == sorted(known, reverse=is_down)


def _value(document: Any, name: str) -> Any:
    value = document[name.partition("/")[0]]
    return value if not isinstance(value, dict) else value["code" if "/" in name else "value"]


def test_a_cursor_belongs_to_its_question(connection: Connection) -> None:
    cursor = read_page(connection, ask("batches", filter="code ne 'a'"), limit=1).next
    for other in (ask("batches"), ask("batches", filter="code ne 'b'"), ask("lots", filter="code ne 'a'")):
        with pytest.raises(CursorError, match="another question"):
            read_page(connection, other, cursor=cursor)


def test_an_expansion_shows_what_is_referred_to_and_what_refers(connection: Connection) -> None:
    asked = ask(
        "batches",
        filter="code eq 'B26-0117'",
        select="code",
        expand="product(select=code),phases($select=name;$orderby=name desc;$top=2;$expand=equipment($select=code))",
    )
    (item,) = read_page(connection, asked).items
    assert set(item) == {"code", "product", "phases"}
    assert item["product"] == {"code": "300214"}
    assert len(item["phases"]) == 2
    assert set(item["phases"][0]) == {"name", "equipment"}
    assert item["phases"][0]["name"] >= item["phases"][1]["name"]


@pytest.mark.parametrize(
    ("expand", "words"),
    [
        ("nope", "unknown expansion"),
        ("phases(expand=batch(expand=phases(expand=batch(expand=phases))))", "4 deep"),
        ("phases(select=nope)", "unknown name"),
        ("phases(nope=1)", "expected select"),
        ("phases(top=-1)", "whole number"),
        ("phases(", "expected ="),
    ],
)
def test_an_expansion_that_cannot_be_shown_says_why(connection: Connection, expand: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        read_page(connection, ask("batches", expand=expand))


def test_columns_of_an_answer_are_its_documents_flat(connection: Connection) -> None:
    asked = ask("batches", filter="code eq 'B26-0117'", select="code,product,actual_size,actual_start")
    (row,) = next(stream_columns(connection, asked)).to_pylist()
    (document,) = stream_documents(connection, asked, limit=None)
    assert row["product"] == document["product"]["code"]
    assert row["product_uid"] == document["product"]["uid"]
    assert row["actual_size"] == document["actual_size"]["value"]
    assert row["actual_size_unit"] == document["actual_size"]["unit"]
    assert row["actual_start"] == document["actual_start"]


def test_every_type_of_the_model_is_a_collection() -> None:
    assert len(set(THINGS.values())) == len(ENTITY_TABLES)
    assert {*THINGS, *FACTS} < set(list_collections())
    with pytest.raises(NoSuchCollection):
        find_collection("nope")


def test_merged_things_are_asked_for_by_their_lifecycle(connection: Connection) -> None:
    table = ENTITY_TABLES["batch"]
    merged = set(connection.scalars(select(table.c.code).where(table.c.lifecycle == "merged")))
    assert set(codes(connection, "lifecycle eq 'merged'")) == merged


def test_what_a_thing_was_merged_with_is_found_through_it_only_when_it_is_asked_for(
    connection: Connection,
) -> None:
    asked = "batches/any(b:b/code eq 'X3')"
    assert codes(connection, asked, "materials") == []
    assert codes(connection, "code eq 'OF-X3' and batches/any()", "materials") == []
    assert codes(connection, f"{asked} and batches/$count eq 0", "materials") == []
    aloud = "batches/any(b:b/code eq 'X3' and b/lifecycle eq 'merged')"
    assert codes(connection, aloud, "materials") == ["OF-X3"]


_TEXTS = st.sampled_from(["'B26-0117'", "'X1'", "'Other'", "'300214'", "'Quarantine hold'", "''", "'nobody'"])
_NUMBERS = st.sampled_from(["0", "-1", "1", "12.5", "13", "1e3", "9223372036854775808"])
_INSTANTS = st.sampled_from(["2026-03-02T00:00:00Z", "2026-03-02T08:30:00+02:00", "1999-01-01T00:00:00Z"])
_DAYS = st.sampled_from(["2026-03-02", "1999-01-01"])
_FORMS = st.sampled_from(
    [
        "version ge {n}",
        "actual_size gt {n} or actual_size eq null",
        "{n} lt actual_size",
        "year(actual_start) ge {n} and code ne {t}",
        "code ge {t}",
        "status eq {t} or not (status in ({u}, null))",
        "product eq {t}",
        "product/code in ({t}, {u})",
        "actual_start lt {i}",
        "date(actual_start) ne {d}",
        "has_conflict eq false and code ne {t}",
        "phases/any(p:p/name ne {t} and p/actual_start gt {i})",
        "contains(code, {t})",
        "actual_size add {n} gt {n}",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    form=_FORMS,
    values=st.lists(
        st.fixed_dictionaries({"n": _NUMBERS, "t": _TEXTS, "u": _TEXTS, "i": _INSTANTS, "d": _DAYS}),
        min_size=2,
        max_size=3,
    ),
    order=st.sampled_from([None, "code", "actual_start desc", "status, actual_size desc"]),
    skip=st.sampled_from([0, 1]),
    scope=st.sampled_from([None, RowScope(products=("300214",)), RowScope(products=("300214", "X"))]),
)
def test_questions_of_one_form_find_each_their_own_rows(
    connection: Connection,
    form: str,
    values: list[dict[str, str]],
    order: str | None,
    skip: int,
    scope: RowScope | None,
) -> None:
    narrowed = narrow_connection(connection, scope)
    batch = ENTITY_TABLES["batch"].c
    codes_of = {row.id: row.code for row in connection.execute(select(batch.id, batch.code))}
    for some in values:
        question = ask("batches", filter=form.format(**some), order=order)
        cursor: str | None = None
        for _ in range(3):
            more = skip if cursor is None else 0
            page = read_page(narrowed, question, cursor=cursor, limit=1, skip=more)
            found = take_keys(narrowed, question, cursor=cursor, limit=1, skip=more)
            assert [codes_of[key] for key in found.keys] == [item["code"] for item in page.items]
            assert found.next == page.next
            cursor = page.next
            if cursor is None:
                break


def test_a_value_of_another_kind_is_refused_where_it_stands_though_the_form_was_asked(
    connection: Connection,
) -> None:
    take_keys(connection, ask("batches", filter="version gt 1"), cursor=None, limit=1)
    with pytest.raises(FilterError, match=r"takes a number .*character 17"):
        take_keys(connection, ask("batches", filter="     version gt 'x'"), cursor=None, limit=1)
