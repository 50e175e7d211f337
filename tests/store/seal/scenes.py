"""Sealed stores to attack, and what becomes of an attack: refused, or found by a verification."""

import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, create_engine, insert, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from hub.shift.notary import Notary
from hub.shift.sinks import FileSink
from hub.store.database import Database
from hub.store.roles import write_roles
from hub.store.seal.findings import Report
from hub.store.seal.history import read_heads_file
from hub.store.seal.keeping import KeyPlace
from hub.store.seal.verification import check_store
from hub.store.tables import signature, source_system
from tests.store.seal.attacks import HUB, OWNER, ROLE, Attack
from tests.store.seal.writing import NOW, Clock, write_documents

REFUSALS = (sqlite3.Error, psycopg.Error, DBAPIError)


class Undo(Exception):
    """Ends a transaction whose writes nobody shall keep."""


@dataclass
class Scene:
    """A sealed store under attack."""

    connection: Connection
    heads: Path
    key: Path
    file: Path = Path()
    old_copy: Path = Path()


@dataclass(frozen=True)
class Outcome:
    """What became of an attack: the refusal, or what a verification finds without and with outside heads."""

    refusal: str = ""
    alone: Report | None = None
    outside: Report | None = None

    @property
    def cells(self) -> tuple[str, str]:
        """What the page says: of the store by itself, and of heads from outside."""
        if self.refusal:
            return f"refused: {self.refusal}", ""
        assert self.alone is not None
        assert self.outside is not None
        alone, outside = _kinds(self.alone), _kinds(self.outside)
        more = {kind: text for kind, text in outside.items() if kind not in alone}
        found = f"found: {', '.join(alone.values())}" if alone else "**not found**"
        return found, f"found: {', '.join(more.values())}" if more else "the same"


def _kinds(report: Report) -> dict[str, str]:
    """Give each kind of finding with the lowest sequence number that it names."""
    found: dict[str, str] = {}
    for kind in dict.fromkeys(f.kind for f in report.findings):
        places = [f.seq for f in report.findings if f.kind == kind and f.seq is not None]
        found[kind] = f"`{kind}` at {min(places)}" if places else f"`{kind}`"
    return found


# ------------------------------------------------------------------ a store to attack
def fill(database: Database) -> None:
    """Write 16 audit rows: a source and its change, thirteen documents, a signature."""
    with database.begin("test", at=NOW) as connection:
        write_documents(connection, 13)
        signed = {
            "entity_type": "batch",
            "entity_id": 1,
            "entity_version": 1,
            "printed_name": "A. Person",
            "signer": "a.person",
            "meaning": "approved",
            "signed_at": NOW,
            "recorded_at": NOW,
            "content_hash": "0" * 64,
            "origin": "hub",
        }
        connection.execute(insert(signature), signed)
    with database.begin("steward", at=NOW + timedelta(hours=1), reason="it was misread") as connection:
        connection.execute(update(source_system).values(kind="ERP"))


@dataclass(frozen=True)
class Store:
    """A store that was sealed twice; `old_copy` is SQLite's file after the first time."""

    url: str
    heads: Path
    key: Path
    old_copy: Path


def seal_twice(url: str, folder: Path) -> Store:
    """Fill and seal a migrated store, then add three documents and seal again."""
    database = Database(url)
    heads, key, old = folder / "heads.jsonl", folder / "audit.pem", folder / "old.db"
    notary = Notary(database, KeyPlace(key), [FileSink(heads)], clock=Clock(NOW + timedelta(hours=2)))
    fill(database)
    notary.seal()
    if database.dialect == "sqlite":
        database.close()
        shutil.copyfile(make_url(url).database or "", old)
    else:
        await_settled(database)
    with database.begin("test", at=NOW + timedelta(hours=3)) as connection:
        write_documents(connection, 3, tag="late")
    notary.seal()
    database.close()
    return Store(url, heads, key, old)


def await_settled(database: Database) -> None:
    """Wait until everybody who was at work when the last head was signed has ended, in whichever database."""
    ended = "SELECT max(horizon) <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM tree_head"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with database.read() as connection:
            if connection.exec_driver_sql(ended).scalar():
                return
    raise TimeoutError("a transaction on the server for tests does not end")


def _look(connection: Connection, heads: Path) -> Outcome:
    return Outcome(
        alone=check_store(connection), outside=check_store(connection, files=[read_heads_file(heads)])
    )


# ------------------------------------------------------------------ attacks on SQLite
def attack_sqlite(store: Store, attack: Attack, folder: Path) -> Outcome:
    """Try an attack on a copy of a store."""
    file, heads = folder / "hub.db", folder / "heads.jsonl"
    shutil.copyfile(make_url(store.url).database or "", file)
    shutil.copyfile(store.heads, heads)
    database = Database(f"sqlite:///{file}")
    try:
        with _connect_sqlite(attack, database, file) as connection:
            _act(attack, Scene(connection, heads, store.key, file, store.old_copy))
    except REFUSALS as error:
        database.close()
        assert _dump(file) == _dump(Path(make_url(store.url).database or ""))
        return Outcome(_say(error))
    finally:
        database.close()
    with database.read() as connection:
        found = _look(connection, heads)
    database.close()
    return found


def _dump(file: Path) -> list[str]:
    with sqlite3.connect(file) as stranger:
        found = list(stranger.iterdump())
    stranger.close()
    return found


@contextmanager
def _connect_sqlite(attack: Attack, database: Database, file: Path) -> Generator[Connection]:
    if attack.who == HUB:
        with database.begin(attack.actor, at=NOW + timedelta(hours=4)) as connection:
            yield connection
        return
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(file, isolation_level=None))
    with engine.connect() as connection:
        yield connection
        connection.commit()
    engine.dispose()


# ------------------------------------------------------------------ attacks on PostgreSQL
@dataclass(frozen=True)
class Doors:
    """A store of PostgreSQL and its URL for each who attacks it."""

    store: Store
    urls: dict[str, str]


def attack_postgresql(doors: Doors, attack: Attack, folder: Path) -> Outcome:
    """Try an attack in a transaction that is undone."""
    heads = folder / "heads.jsonl"
    shutil.copyfile(doors.store.heads, heads)
    database = Database(doors.urls.get(attack.who, doors.store.url))
    found = Outcome()
    try:
        with database.begin(attack.actor, at=NOW + timedelta(hours=4)) as connection:
            _act(attack, Scene(connection, heads, doors.store.key))
            found = _look(connection, heads)
            raise Undo
    except Undo:
        return found
    except REFUSALS as error:
        return Outcome(_say(error))
    finally:
        database.close()


@contextmanager
def made_roles(server: URL) -> Generator[dict[str, str]]:
    """Name a role for the hub and one for the owner; both are gone after the block, and their database is before."""
    names = {
        who: f"plantwide_{word}_{uuid.uuid4().hex[:8]}" for who, word in ((ROLE, "app"), (OWNER, "owner"))
    }
    yield names
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as admin:
        for name in names.values():
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def open_doors(store: Store, names: dict[str, str]) -> Doors:
    """Give the hub's role and the owner their rights."""
    database = Database(store.url)
    with database.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {names[OWNER]} LOGIN")
        for statement in _hand_over(connection, names[OWNER]):
            connection.exec_driver_sql(statement)
        for statement in list(write_roles(connection, application=names[ROLE])):
            connection.exec_driver_sql(statement)
    database.close()
    url = make_url(store.url)
    urls = {who: url.set(username=name).render_as_string(hide_password=False) for who, name in names.items()}
    return Doors(store, urls)


_OWNED = """
SELECT format('ALTER %s %s OWNER TO ', kind, name) FROM (
  SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, oid::regclass::text AS name FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
  UNION ALL SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) owned"""


def _hand_over(connection: Connection, owner: str) -> list[str]:
    found = connection.exec_driver_sql(_OWNED, execution_options={"no_parameters": True}).scalars()
    return [
        f'ALTER DATABASE "{connection.engine.url.database}" OWNER TO {owner}',
        f"ALTER SCHEMA public OWNER TO {owner}",
        *(f"{one}{owner}" for one in found),
    ]


# ------------------------------------------------------------------ the act itself
def _act(attack: Attack, scene: Scene) -> None:
    with guards_away(scene.connection) if attack.guards_away else _nothing():
        if isinstance(attack.act, tuple):
            driver: Any = scene.connection.connection.dbapi_connection
            for statement in attack.act:
                driver.execute(statement)
        else:
            attack.act(scene)


@contextmanager
def _nothing() -> Generator[None]:
    yield


_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_TRIGGERS_POSTGRESQL = "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal"


@contextmanager
def guards_away(connection: Connection) -> Generator[None]:
    """Take all triggers away for a while, as only who owns the tables or the file can."""
    run: Callable[[str], Any] = connection.exec_driver_sql
    if connection.dialect.name == "sqlite":
        triggers = run(_TRIGGERS).all()
        for name, _ in triggers:
            run(f'DROP TRIGGER "{name}"')
        yield
        for _, text in triggers:
            run(text)
        return
    triggers = run(_TRIGGERS_POSTGRESQL).all()
    for table, name in triggers:
        run(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    yield
    for table, name in triggers:
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _say(error: Exception) -> str:
    said = str(getattr(error, "orig", error)).partition("\n")[0]
    return re.sub(r'"plantwide_test_\w+"', '"plantwide"', said).replace("|", "\\|")
