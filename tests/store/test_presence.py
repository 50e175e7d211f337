"""Whose lease a stream is under: a node that has died holds nothing, a node that lives holds it to its end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from hub.store import presence
from hub.store.database import Database
from hub.store.streams import LEASE, Claim, LeaseLost, advance_stream, claim_stream, ensure_stream
from hub.store.systems import ensure_system
from hub.store.tables import source, source_system, stream
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NODES = 6
T = TypeVar("T")
ALIVE = """
import sys
from datetime import datetime
from hub.store.database import Database
from hub.store.streams import claim_stream
database = Database(sys.argv[1])
database.presence.show("first")
with database.begin("test") as connection:
    assert claim_stream(connection, int(sys.argv[2]), owner="first", now=datetime.fromisoformat(sys.argv[3]))
print("holds it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = swift(migrated_url)
    yield one
    one.close()


@pytest.fixture
def nodes(migrated_url: str) -> Iterator[list[Database]]:
    """The same store as several nodes see it."""
    with opened(migrated_url) as some:
        yield some


@pytest.fixture
def postgres_nodes(migrated_postgres_url: str) -> Iterator[list[Database]]:
    """The same, where several machines can be."""
    with opened(migrated_postgres_url) as some:
        yield some


@contextmanager
def opened(url: str) -> Iterator[list[Database]]:
    with ExitStack() as stack:
        some = [swift(url) for _ in range(NODES)]
        for node in some:
            stack.callback(node.close)
        yield some


def add_stream(database: Database, name: str = "documents") -> int:
    with database.begin("test") as connection:
        system = ensure_system(connection, "mes", "MES", now=NOW)
        return ensure_stream(connection, system.id, name, kind="records", every_s=60, now=NOW)


def claim(database: Database, stream_id: int, owner: str, after_s: float = 0) -> Claim | None:
    database.presence.show(owner)
    with database.begin("test") as connection:
        return claim_stream(connection, stream_id, owner=owner, now=NOW + timedelta(seconds=after_s))


def at_once(nodes: list[Database], do: Callable[[Database, int], T]) -> list[T]:
    """Let every node do a thing at the same moment; give what each got."""
    start = Barrier(len(nodes))

    def run(numbered: tuple[int, Database]) -> T:
        number, node = numbered
        start.wait()
        return do(node, number)

    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(run, enumerate(nodes)))


def await_departure(database: Database, name: str) -> None:
    """Wait until the server has noticed that nobody of this name is there: only then this lock is given."""
    with database.begin("test") as connection:
        connection.execute(select(func.pg_advisory_xact_lock(presence._key(name))))


def end_session(database: Database, other: Database) -> None:
    """Let the server end the session in which `database` shows that it is there; it is over afterwards."""
    session = database.presence._session
    assert session is not None
    pid = session.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with other.begin("test") as connection:
        assert connection.scalar(select(func.pg_terminate_backend(pid, 10_000)))


def test_a_stream_of_a_node_that_lives_is_refused_until_its_lease_ends(nodes: list[Database]) -> None:
    first, second, *_ = nodes
    stream_id = add_stream(first)
    held = claim(first, stream_id, "first")
    assert held is not None
    assert claim(second, stream_id, "second", after_s=LEASE.total_seconds()) is None
    taken = claim(second, stream_id, "second", after_s=LEASE.total_seconds() + 1)
    assert taken is not None
    assert taken.epoch == held.epoch + 1


def test_a_node_may_take_its_own_stream_again(database: Database) -> None:
    stream_id = add_stream(database)
    assert claim(database, stream_id, "first")
    assert claim(database, stream_id, "first", after_s=1)


def test_a_stream_of_a_killed_process_is_taken_at_once(postgres_nodes: list[Database]) -> None:
    database = postgres_nodes[0]
    stream_id = add_stream(database)
    words = [sys.executable, "-c", ALIVE, database.url, str(stream_id), NOW.isoformat()]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "holds it\n"
        assert claim(database, stream_id, "second") is None
        process.kill()
    await_departure(database, "first")
    assert claim(database, stream_id, "second")


def test_a_stream_of_a_node_that_ended_is_taken_at_once(postgres_nodes: list[Database]) -> None:
    first, second, *_ = postgres_nodes
    stream_id = add_stream(first)
    assert claim(first, stream_id, "first")
    first.close()
    await_departure(second, "first")
    assert claim(second, stream_id, "second")


def test_a_node_whose_session_was_lost_is_fenced_and_shows_itself_again(
    postgres_nodes: list[Database],
) -> None:
    first, second, third, *_ = postgres_nodes
    stream_id = add_stream(first)
    held = claim(first, stream_id, "first")
    assert held is not None
    end_session(first, second)
    taken = claim(second, stream_id, "second")
    assert taken is not None
    with pytest.raises(LeaseLost, match="taken by another node"), first.begin("test") as connection:
        advance_stream(connection, held, cursor={"at": 1}, now=NOW)
    other_id = add_stream(first, "orders")
    assert claim(first, other_id, "first")
    assert claim(third, other_id, "third") is None


def test_a_session_that_is_lost_while_a_name_is_shown_is_replaced(
    postgres_nodes: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers, and is gone before it holds the next name: nothing may be read for ever otherwise."""
    first, second, *_ = postgres_nodes
    stream_id = add_stream(first)
    first.presence.show("first")
    end_session(first, second)
    with monkeypatch.context() as patched:
        patched.setattr(presence, "_answers", lambda _: True)
        with pytest.raises(OperationalError):
            first.presence.show("its other name")
    assert claim(first, stream_id, "first")
    assert claim(second, stream_id, "second") is None


@pytest.mark.parametrize("before", ["nobody", "a node that has died"])
def test_of_nodes_that_ask_at_once_one_gets_the_stream(nodes: list[Database], before: str) -> None:
    # An embedded store cannot tell who has died: there the lease has to end first.
    waits = before != "nobody" and nodes[0].dialect == "sqlite"
    after_s = LEASE.total_seconds() + 1 if waits else 0
    for turn in range(5):
        stream_id = add_stream(nodes[0], f"stream {turn}")
        if before != "nobody":
            with nodes[0].begin("test") as connection:  # under a name that no session shows
                assert claim_stream(connection, stream_id, owner="dead", now=NOW)

        def ask(node: Database, number: int, stream_id: int = stream_id) -> Claim | None:
            return claim(node, stream_id, f"node {number}", after_s=after_s)

        assert len([got for got in at_once(nodes, ask) if got]) == 1


def test_nodes_that_begin_at_once_know_one_source_and_one_stream(nodes: list[Database]) -> None:
    ids = at_once(nodes, lambda node, _: add_stream(node))
    assert len(set(ids)) == 1
    with nodes[0].read() as connection:
        counts = [
            connection.scalar(select(func.count()).select_from(t)) for t in (source_system, source, stream)
        ]
    assert counts == [1, 1, 1]
