"""Samples against a dictionary: the newest write of a (tag, time) wins, and windows are half-open."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.model import SAMPLE_SCHEMA
from hub.store.database import Connection, Database
from hub.store.identifiers import ensure_tags
from hub.store.samples import BadSamples, put_samples, read_samples
from hub.store.tables import tag_latest
from tests.swift import swift

START = datetime(2026, 3, 1, tzinfo=UTC)
Row = tuple[str, int, float | None, str | None, int]


def moment(second: int) -> datetime:
    return START + timedelta(seconds=second)


def table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"tag": t, "ts": moment(s), "value": v, "text": x, "quality": q} for t, s, v, x, q in rows],
        schema=SAMPLE_SCHEMA,
    )


@pytest.fixture(scope="module")
def database(module_url: str) -> Iterator[Database]:
    one = swift(module_url)
    yield one
    one.close()


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("a", "b")),
        st.integers(0, 9),
        st.none() | st.sampled_from((0.0, -1.5, 3.25)),
        st.none() | st.sampled_from(("", "Bad Input")),
        st.sampled_from((0, 0x40000000, 0x80000000)),
    ),
    max_size=8,
)


class _TakenBack(Exception):
    """Ends a transaction without a commit."""


@contextmanager
def taken_back(database: Database) -> Iterator[Connection]:
    """Give a writing transaction of which nothing stays, so that every example starts empty."""
    with suppress(_TakenBack), database.begin("test") as connection:
        yield connection
        raise _TakenBack


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    puts=st.lists(st.tuples(st.integers(1, 4), ROWS), max_size=6),
    first=st.integers(0, 9),
    length=st.integers(0, 10),
)
def test_reading_equals_a_dictionary_of_the_newest_writes(
    database: Database, puts: list[tuple[int, list[Row]]], first: int, length: int
) -> None:
    oracle: dict[tuple[str, int], Row] = {}
    latest: dict[str, int] = {}
    seen: set[int] = set()
    with taken_back(database) as connection:
        tag_ids = ensure_tags(connection, "pi", ["a", "b"], now=START)
        for seq, rows in puts:
            stored = put_samples(connection, "pi/samples", seq, table(rows), tag_ids, now=START)
            if seq in seen or not rows:
                assert stored == 0
                continue
            seen.add(seq)
            oracle |= {(t, s): (t, s, v, x, q) for t, s, v, x, q in rows}
            for tag, second, *_ in rows:
                latest[tag] = max(second, latest.get(tag, 0))
            assert stored == len({(t, s) for t, s, *_ in rows})
        found = read_samples(connection, list(tag_ids.values()), moment(first), moment(first + length))
        last = {r.tag_id: r.ts for r in connection.execute(select(tag_latest.c.tag_id, tag_latest.c.ts))}
    names = {i: name for name, i in tag_ids.items()}
    got = [(names[r["tag_id"]], r["ts"], r["value"], r["text"], r["quality"]) for r in found.to_pylist()]
    wanted = [
        (t, moment(s), v, x, q) for (t, s), (_, _, v, x, q) in oracle.items() if first <= s < first + length
    ]
    assert sorted(got, key=lambda r: r[:2]) == sorted(wanted, key=lambda r: r[:2])
    assert [r[:2] for r in got] == sorted((r[:2] for r in got), key=lambda r: (tag_ids[r[0]], r[1]))
    assert last == {tag_ids[tag]: moment(second) for tag, second in latest.items()}


def test_samples_of_a_tag_that_the_source_does_not_list_are_refused(database: Database) -> None:
    with pytest.raises(BadSamples, match="'ghost'"), database.begin("test") as connection:
        put_samples(connection, "pi/samples", 1, table([("ghost", 0, 1.0, None, 0)]), {}, now=START)


def test_last_values_of_more_tags_than_one_statement_takes_are_kept(database: Database) -> None:
    names = [f"many/{n}" for n in range(700)]
    with database.begin("test") as connection:
        ids = ensure_tags(connection, "pi", names, now=START)
    for seq, (hour, value) in enumerate(((2, 1.0), (3, 2.0), (1, 3.0)), start=1):  # the last one comes late
        told = pa.table(
            {
                "tag": pa.array(names),
                "ts": pa.array([START + timedelta(hours=hour)] * 700, pa.timestamp("us", tz="UTC")),
                "value": pa.array([None if n % 7 == 0 else value + n for n in range(700)], pa.float64()),
                "text": pa.array(["open" if n % 7 == 0 else None for n in range(700)]),
                "quality": pa.array([0] * 700, pa.uint32()),
            },
            schema=SAMPLE_SCHEMA,
        )
        with database.begin("test") as connection:
            put_samples(connection, "pi/live", seq, told, ids, now=START)
    with database.read() as connection:
        rows = {row.tag_id: row for row in connection.execute(select(tag_latest))}
    for n, name in enumerate(names):
        row = rows[ids[name]]
        assert (row.ts, row.first_at) == (START + timedelta(hours=3), START + timedelta(hours=1))
        assert (row.value, row.text) == ((None, "open") if n % 7 == 0 else (2.0 + n, None))
