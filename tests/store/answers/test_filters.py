"""The filter language against an evaluation by hand, over rows and filters that Hypothesis invents."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from hub.store.database import Database
from hub.store.questions.collections import find_collection
from hub.store.questions.compiler import compile_condition
from hub.store.questions.expression import (
    COMPARISONS,
    Both,
    Call,
    Comparison,
    Either,
    Expression,
    FilterError,
    Literal,
    Membership,
    Not,
    Path,
)
from hub.store.questions.grammar import MAX_LENGTH, parse_filter
from hub.store.tables import ENTITY_TABLES
from hub.store.upgrade import upgrade
from tests.api.factories import add_name, add_thing
from tests.databases import fresh_postgres

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
TEXTS = ["", "a", "A", "ab", "it's", "100%", "_", "é", "a%b", "B26-0117", "𝔘x"]
NUMBERS = [-1.5, 0.0, 0.1, 118.2, 1e12]
TIMES = [MOMENT + timedelta(seconds=s) for s in (-86400, 0, 1, 0.000001, 86400)]
NAMES = {
    "code": TEXTS, "description": TEXTS, "actual_size": NUMBERS, "actual_start": TIMES,
    "has_conflict": [True, False], "product": ["300214", "MAB", "b"],
}  # fmt: skip
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip


@dataclass
class Rows:
    connection: Connection
    rows: dict[int, dict[str, Any]]


def make_rows(connection: Connection) -> dict[int, dict[str, Any]]:
    """Insert batches with every kind of value and none; a product is known by three names."""
    product = add_thing(connection, "material_definition", "300214")
    add_name(connection, "material_definition", product, "MAB", scheme="mes:material")
    rows: dict[int, dict[str, Any]] = {}
    for at, code in enumerate(TEXTS):
        row: dict[str, Any] = {
            "code": code,
            "description": TEXTS[(at * 7) % len(TEXTS)] if at % 2 else None,
            "actual_size": NUMBERS[at % 5] if at % 4 else None,
            "actual_start": TIMES[at % 5] if at % 3 != 1 else None,
            "has_conflict": at % 2 == 0,
        }
        key = add_thing(connection, "batch", row.pop("code"), **row, product_id=product if at % 2 else None)
        rows[key] = {**row, "code": code, "product": {"300214", "MAB"} if at % 2 else None}
    return rows


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    def fill(url: str) -> Iterator[Rows]:
        database = Database(url)
        upgrade(database)
        with database.begin("test") as connection:
            rows = make_rows(connection)
        with database.read() as connection:
            yield Rows(connection, rows)
        database.close()

    if request.param == "sqlite":
        yield from fill(f"sqlite:///{tmp_path_factory.mktemp('filters') / 'hub.db'}")
    else:
        with fresh_postgres(request.getfixturevalue("postgres_server")) as url:
            yield from fill(url)


def evaluate(node: Expression, row: dict[str, Any]) -> bool:
    """Say by hand whether a row meets a filter."""
    match node:
        case Not(part):
            return not evaluate(part, row)
        case Both(parts):
            return all(evaluate(part, row) for part in parts)
        case Either(parts):
            return any(evaluate(part, row) for part in parts)
        case Comparison("eq", Path((name,)), Literal(value)):
            return equals(row[name], value)
        case Comparison("ne", Path((name,)), Literal(value)):
            return not equals(row[name], value)
        case Comparison(sign, Path((name,)), Literal(value)):
            return row[name] is not None and COMPARE[sign](row[name], value)
        case Membership(Path((name,)), values):
            return any(equals(row[name], value.value) for value in values)
        case Call(function, (Path((name,)), Literal(text))):
            texts = row[name] if isinstance(row[name], set) else {row[name]} - {None}
            test = {
                "contains": lambda t: text in t,
                "startswith": lambda t: t.startswith(text),
                "endswith": lambda t: t.endswith(text),
            }
            return any(test[function](one) for one in texts or ())
        case _:
            raise AssertionError(node)


def equals(stored: Any, value: Any) -> bool:
    return value in stored if isinstance(stored, set) else stored == value


def say(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case _:
            return repr(value)


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, Expression]:
    name = draw(st.sampled_from(sorted(NAMES)))
    values = NAMES[name]
    form = draw(st.sampled_from(["compare", "in", "match"]))
    if (form == "match" and values is TEXTS) or (form == "match" and name == "product"):
        function = draw(st.sampled_from(["contains", "startswith", "endswith"]))
        text = draw(st.sampled_from([*TEXTS, "0", "B"]))
        return f"{function}({name}, {say(text)})", Call(function, (Path((name,)), Literal(text)))
    if form == "in":
        chosen = draw(st.lists(st.sampled_from([*values, None]), min_size=1, max_size=3))
        return f"{name} in ({', '.join(say(v) for v in chosen)})", Membership(
            Path((name,)), tuple(map(Literal, chosen))
        )
    plain = ("eq", "ne") if name in ("product", "has_conflict") else COMPARISONS
    sign = draw(st.sampled_from(plain))
    value = draw(st.sampled_from([*values, None] if sign in ("eq", "ne") else values))
    return f"{name} {sign} {say(value)}", Comparison(sign, Path((name,)), Literal(value))


def combine(inner: st.SearchStrategy[tuple[str, Expression]]) -> st.SearchStrategy[tuple[str, Expression]]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", Not(one[1]))),
        pairs.map(lambda two: (f"({two[0][0]}) and ({two[1][0]})", Both((two[0][1], two[1][1])))),
        pairs.map(lambda two: (f"({two[0][0]}) or ({two[1][0]})", Either((two[0][1], two[1][1])))),
    )


FILTERS = st.recursive(conditions(), combine, max_leaves=6)


@given(FILTERS)
def test_the_store_finds_what_an_evaluation_by_hand_finds(
    stored: Rows, filter: tuple[str, Expression]
) -> None:
    text, tree = filter
    table = ENTITY_TABLES["batch"]
    condition = compile_condition(
        parse_filter(text), find_collection("batches"), dialect=stored.connection.dialect.name
    )
    found = set(stored.connection.scalars(select(table.c.id).where(condition)))
    assert found == {key for key, row in stored.rows.items() if evaluate(tree, row)}


@given(st.text(max_size=60) | st.text(alphabet="()' ,.eqandortfc0123456789-:TZ_", max_size=80))
def test_any_text_is_a_filter_or_an_error_that_says_where(text: str) -> None:
    place: int | None = 0
    try:
        parse_filter(text)
    except FilterError as error:
        place = error.position
    assert place is not None
    assert 0 <= place <= len(text)


@given(st.text(alphabet="abc'", min_size=9, max_size=40))
def test_an_error_never_repeats_a_literal(text: str) -> None:
    quoted = text.replace("'", "''")
    for filter in (
        f"description eq '{quoted}' x",
        f"description gt_ '{quoted}'",
        f"actual_size eq '{quoted}'",
    ):
        with pytest.raises(FilterError) as caught:
            compile_condition(parse_filter(filter), find_collection("batches"), dialect="sqlite")
        assert text not in str(caught.value)


def test_or_binds_weaker_than_and_and_both_weaker_than_not() -> None:
    tree = parse_filter("not code eq 'a' and code eq 'b' or code eq 'c'")
    assert isinstance(tree, Either)
    assert isinstance(tree.parts[0], Both)
    assert isinstance(tree.parts[0].parts[0], Not)


def test_a_filter_has_an_end() -> None:
    with pytest.raises(FilterError, match=f"at most {MAX_LENGTH}"):
        parse_filter("code eq '" + "x" * MAX_LENGTH + "'")
