"""A changed byte is found where it is, a log that was cut off where it ends, a chunk of samples as a whole."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError

from hub.model import SAMPLE_SCHEMA
from hub.store.audited import AUDITED
from hub.store.database import Connection, Database
from hub.store.identifiers import ensure_tags
from hub.store.samples import put_samples
from hub.store.seal.findings import Report
from hub.store.seal.heads import TreeHead, newest_head
from hub.store.seal.history import check_history, read_heads_file
from hub.store.seal.log import StoredTree
from hub.store.seal.sealing import seal
from hub.store.seal.signing import Signer
from hub.store.seal.states import check_states
from hub.store.seal.trail import check_trail
from hub.store.seal.tree import ProofRefused, check_consistency, prove_consistency
from hub.store.seal.verification import check_store, verify
from hub.store.tables import audit_event, audit_leaf, sample_put, source_system
from hub.store.upgrade import ensure_current
from tests.conftest import _copied
from tests.store.seal.cells import find_cells
from tests.store.seal.forging import rebuild_in_batch
from tests.store.seal.scenes import Scene, Store, Undo, guards_away, seal_twice
from tests.store.seal.writing import NOW, Clock, add_documents, ensure_source, write_documents

FLIPS, WHOLE = 100, 5
"""How many bytes are flipped; on PostgreSQL, for how many of them the triggers are looked at as well."""
TEXTS = ("entity_type", "action", "actor", "reason", "before", "digest", "prev_hash", "hash")
NUMBERS = ("entity_id", "version")


@pytest.fixture(scope="module")
def sealed_sqlite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("sealed")
    with _copied(request, "sqlite", folder) as url:
        yield seal_twice(url, folder)


@pytest.fixture(scope="module")
def sealed_postgresql(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("sealed")
    with _copied(request, "postgresql", folder) as url:
        yield seal_twice(url, folder)


# ------------------------------------------------------------------ single bytes
def test_a_hundred_bytes_flipped_in_the_file_are_each_found_by_sequence_number(
    sealed_sqlite: Store, tmp_path: Path
) -> None:
    source, file = Path(make_url(sealed_sqlite.url).database or ""), tmp_path / "hub.db"
    shutil.copyfile(source, file)
    cells, content, random = find_cells(file, "audit_event"), source.read_bytes(), Random(11)
    rows = read_events(sealed_sqlite)
    assert len(cells) == len(rows) == 19
    for _ in range(FLIPS):
        row = rows[random.choice(sorted(cells))]
        at, bit = random.randrange(*cells[row.id]), 1 << random.randrange(8)
        with file.open("r+b") as opened:
            opened.seek(at)
            opened.write(bytes([content[at] ^ bit]))
        database = Database(f"sqlite:///{file}")
        hold_to_blame(verify(database), row, rows)
        database.close()
        shutil.copyfile(source, file)


def read_events(store: Store) -> dict[int, Any]:
    """Give the audit rows of a store that was sealed in the order of their ids, by id."""
    database = Database(store.url)
    with database.read() as connection:
        rows = {row.id: row for row in connection.execute(select(audit_event))}
        query = select(audit_leaf.c.audit_event_id).order_by(audit_leaf.c.id)
        assert list(connection.scalars(query)) == sorted(rows)
    database.close()
    return rows


def hold_to_blame(report: Report, row: Any, rows: dict[int, Any], **changed: Any) -> None:
    """Hold that a damaged row is named, and nothing that is whole but the version that continues it.

    The present state of its thing may be named, and of that whose row it says to be since it was `changed`.
    """
    thing = (row.entity_type, row.entity_id)
    other = (changed.get("entity_type", row.entity_type), changed.get("entity_id", row.entity_id))
    blamed = {f.seq for f in report.findings} - {None}
    follows = {
        one.id - 1
        for one in rows.values()
        if (one.entity_type, one.entity_id) == thing and one.version == row.version + 1
    }
    assert row.id - 1 in blamed, row
    assert blamed <= {row.id - 1} | follows, row
    states = {f.where for f in report.findings if f.kind == "state"}
    assert states <= {"{} {}".format(*thing), "{} {}".format(*other)}, row


def test_a_hundred_bytes_flipped_by_a_superuser_are_each_found_by_sequence_number(
    sealed_postgresql: Store,
) -> None:
    database, random, rows = Database(sealed_postgresql.url), Random(12), read_events(sealed_postgresql)
    with suppress(Undo), database.begin() as connection:
        drop_constraints(connection)
        with guards_away(connection):
            for turn in range(FLIPS):
                row = rows[random.choice(sorted(rows))]
                name, value = flip(row, random)
                change = update(audit_event).where(audit_event.c.id == row.id)
                connection.execute(change.values({name: value}))
                report = check_store(connection) if turn < WHOLE else check_rows(connection)
                hold_to_blame(report, row, rows, **{name: value})
                connection.execute(change.values({name: getattr(row, name)}))
        raise Undo
    database.close()


def check_rows(connection: Connection) -> Report:
    """Verify as `check_store` does, but for the triggers, which are away here."""
    report = Report()
    check_trail(connection, report, sealed_to=19)
    check_history(connection, report, files=(), trusted=())
    check_states(connection, report)
    return report


def drop_constraints(connection: Connection) -> None:
    """Take away what else would refuse a damaged row: unique keys and checks."""
    query = (
        "SELECT conname FROM pg_constraint WHERE conrelid = 'audit_event'::regclass AND contype IN ('c', 'u')"
    )
    for name in connection.exec_driver_sql(query).scalars().all():
        connection.exec_driver_sql(f"ALTER TABLE audit_event DROP CONSTRAINT {name}")


def flip(row: Any, random: Random) -> tuple[str, Any]:
    """Give one column of a row with one bit of its text, number or instant flipped."""
    filled = [name for name in (*TEXTS, *NUMBERS, "recorded_at") if getattr(row, name) is not None]
    name = random.choice(filled)
    value = getattr(row, name)
    if name == "recorded_at":
        return name, value + timedelta(microseconds=1 << random.randrange(40))
    if name in NUMBERS:
        return name, value ^ 1 << random.randrange(30)
    raw = bytearray(value.encode())
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(6)
    return name, raw.replace(b"\0", b"\1").decode()


# ------------------------------------------------------------------ the tail
@pytest.mark.parametrize("lost", [1, 2, 15, 16, 17, 31])
def test_a_log_that_was_cut_off_and_went_on_is_refused_by_its_consistency_proof(
    database: Database, signer: Signer, clock: Clock, lost: int
) -> None:
    add_documents(database, 19, tag="before")
    for turn in range(33):
        if turn in {33 - lost, 32}:
            seal(database, signer, clock=clock)
        add_documents(database, 1, tag=f"late {turn}")
    outside = seal(database, signer, clock=clock).head
    assert outside is not None
    assert outside.size == 53
    cut(database, outside.size - lost)
    report = verify(database)
    assert report.findings == []  # the store by itself knows nothing of what it has lost
    assert list(find_refused(database, outside, [])) == ["shorter"]
    add_documents(database, lost + 3, tag="after")
    seal(database, signer, clock=clock)
    assert verify(database).findings == []
    assert list(find_refused(database, outside, [])) == ["refused"]


def cut(database: Database, size: int) -> None:
    """Take the rows of the log from a place on away, with their leaves, nodes and heads, as if never written."""
    query = select(audit_leaf.c.audit_event_id).where(audit_leaf.c.id >= size)
    with database.rebuild() as connection, guards_away(connection):
        first = min(connection.scalars(query))
        for statement in (
            f"DELETE FROM source_record WHERE id >= {first - 1}",
            f"DELETE FROM audit_event WHERE id >= {first}",
            f"DELETE FROM audit_leaf WHERE id >= {size}",
            f"DELETE FROM tree_node WHERE (number + 1) * 16 > {size} AND level = 4",
            f"DELETE FROM tree_head WHERE size > {size}",
        ):
            connection.exec_driver_sql(statement)


def find_refused(database: Database, outside: TreeHead, found: list[str]) -> Iterator[str]:
    """Prove from a head outside to the newest one in the store, as whoever holds the former does."""
    with database.read() as connection:
        newest = newest_head(connection)
        assert newest is not None
        if newest.size < outside.size:
            yield "shorter"
            return
        proof = prove_consistency(outside.size, newest.size, StoredTree(connection).node)
    try:
        check_consistency(
            outside.size, bytes.fromhex(outside.root), newest.size, bytes.fromhex(newest.root), proof
        )
    except ProofRefused:
        yield "refused"


# ------------------------------------------------------------------ what is noted of samples, and of records
def put(connection: Connection, seq: int, seconds: range) -> None:
    """Put samples of two tags as one delivery."""
    ensure_source(connection)
    rows = [
        {"tag": tag, "ts": NOW + timedelta(seconds=s), "value": float(s), "text": None, "quality": 0}
        for tag in ("a", "b")
        for s in seconds
    ]
    tags = ensure_tags(connection, "lims", ("a", "b"), now=NOW)
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    put_samples(connection, "historian/samples", seq, table, tags, now=NOW)


def noted(database: Database, table: str) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(audit_event).where(audit_event.c.entity_type == table)))


def test_samples_are_audited_a_chunk_whatever_its_size(database: Database) -> None:
    for seq, count in enumerate((10, 1000, 3000)):
        with database.begin("historian") as connection:
            put(connection, seq, range(seq * 10_000, seq * 10_000 + count))
    puts = noted(database, "sample_put")
    assert [row.action for row in puts] == ["insert"] * 3
    assert all(row.digest and row.actor == "historian" for row in puts)
    with database.read() as connection:
        rows = connection.execute(select(sample_put).order_by(sample_put.c.id)).all()
    assert [row.count for row in rows] == [20, 2000, 6000]  # two tags each
    assert all(len(row.digest) == 64 and row.first_at < row.last_at for row in rows)


def test_a_chunk_s_digest_count_and_range_stay_for_good(database: Database) -> None:
    with database.begin("historian") as connection:
        put(connection, 1, range(60))
    with pytest.raises(DBAPIError, match="append-only"), database.begin("steward") as connection:
        connection.exec_driver_sql("DELETE FROM sample_put")
    assert verify(database).findings == []


def test_samples_changed_in_a_stored_chunk_are_found(database: Database) -> None:
    with database.begin("historian") as connection:
        put(connection, 1, range(60))
    with database.rebuild() as connection, guards_away(connection):
        connection.exec_driver_sql("UPDATE sample_put SET count = 59 WHERE id = 1")
    assert [(f.kind, f.where) for f in verify(database).findings] == [("state", "sample_put 1")]


def test_records_are_audited_one_by_one(database: Database) -> None:
    with database.begin("mes") as connection:
        write_documents(connection, 250)
    assert len(noted(database, "source_record")) == 250
    with database.begin("steward", reason="it was misread") as connection:
        connection.execute(update(source_system).values(kind="ERP"))
    last = noted(database, "source_system")[-1]
    assert (last.actor, last.reason) == ("steward", "it was misread")
    assert '"kind":"LIMS"' in last.before
    assert {"batch", "test_result", "assertion", "signature", "material_actual"} <= {t.name for t in AUDITED}


# ------------------------------------------------------------------ files of heads
def test_a_heads_file_of_another_store_is_told_apart(
    sealed_sqlite: Store, database: Database, signer: Signer, clock: Clock
) -> None:
    add_documents(database, 30)
    seal(database, signer, clock=clock)
    with database.read() as connection:
        kinds = {
            f.kind for f in check_store(connection, files=[read_heads_file(sealed_sqlite.heads)]).findings
        }
    assert {"history", "key", "head"} <= kinds


# ------------------------------------------------------------------ what is not there at all
def test_an_audited_table_that_is_gone_is_named(database: Database) -> None:
    with database.rebuild() as connection:
        connection.exec_driver_sql("DROP TABLE reading_mark")
    found = [(f.kind, f.where) for f in verify(database).findings]
    assert ("unreadable", "reading_mark") in found


# ------------------------------------------------------------------ what is no attack
def test_an_act_that_began_before_others_were_sealed_may_still_write(
    signer_of_postgres: tuple[Database, Signer], clock: Clock
) -> None:
    """Its stamp is older than theirs, and nothing above it is settled while it lasts."""
    database, signer = signer_of_postgres
    add_documents(database, 1)
    with database.begin("slow") as slow:
        for turn in range(3):
            add_documents(database, 2, tag=f"meanwhile {turn}")
            seal(database, signer, clock=clock)
        write_documents(slow, 2, tag="slow")
    seal(database, signer, clock=clock)
    assert verify(database).findings == []


def test_triggers_that_a_batch_migration_lost_are_named_and_put_back(
    sealed_sqlite: Store, tmp_path: Path
) -> None:
    file = tmp_path / "hub.db"
    shutil.copyfile(make_url(sealed_sqlite.url).database or "", file)
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(file, isolation_level=None))
    with engine.connect() as connection:
        rebuild_in_batch(Scene(connection, sealed_sqlite.heads, sealed_sqlite.key))
        connection.commit()
    engine.dispose()
    database = Database(f"sqlite:///{file}")
    lost = ensure_current(database)
    assert "trigger guard_source_record_update is missing" in lost
    assert "trigger audit_source_record_insert is missing" in lost
    assert verify(database, heads=[sealed_sqlite.heads]).findings == []
    with pytest.raises(DatabaseError, match="append-only"), database.begin("x") as connection:
        connection.exec_driver_sql("UPDATE source_record SET payload = ''")
    database.close()
