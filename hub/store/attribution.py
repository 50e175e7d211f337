"""Who writes, when and why: told to the database for each transaction, and demanded by its triggers."""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, text

from hub.store.chain import SEPARATOR, chain_hash, digest_row, image_row
from hub.store.triggers.sqlite import NOTE

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Act:
    """A writing transaction: who, at which instant (one for all of its rows), and why."""

    actor: str
    at: datetime
    reason: str | None = None

    @cached_property
    def stamp(self) -> str:
        """The instant as audit rows show it."""
        return format_at(self.at)


def attribute(
    connection: Connection, actor: str, *, at: datetime | None = None, reason: str | None = None
) -> Act:
    """Tell the database who writes in this transaction; give what it will note.

    Instants only grow: one that is not after the newest in the trail becomes one microsecond later than that,
    so that "known at" has one answer. On PostgreSQL, where others may write meanwhile, `at` is what
    `hub.store.order.draw_stamp` gave: nobody else has it, which holds of no other instant.
    Raises `ValueError` for an actor or reason that cannot be kept.
    """
    if not actor.strip() or len(actor) > 80 or SEPARATOR in actor + (reason or ""):
        msg = f"actor {actor!r}: a name of 1 to 80 characters is wanted, and no control characters"
        raise ValueError(msg)
    wanted = (at or datetime.now(UTC)).astimezone(UTC)
    last = newest_instant(connection) if connection.dialect.name == "sqlite" else None
    act = Act(actor, wanted if last is None or wanted > last else last + _TICK, reason)
    if connection.dialect.name == "sqlite":
        connection.info["act"] = act
    else:
        connection.execute(
            text(
                "SELECT set_config('plantwide.actor', :actor, true), set_config('plantwide.at', :at, true),"
                " set_config('plantwide.reason', :reason, true)"
            ),
            {"actor": act.actor, "at": format_at(act.at), "reason": act.reason or ""},
        )
    return act


def stamp_of(connection: Connection) -> datetime | None:
    """Give the instant that all audit rows of this transaction carry; None without an actor."""
    if connection.dialect.name == "sqlite":
        act: Act | None = connection.info.get("act")
        return act.at if act else None
    noted: Any = connection.exec_driver_sql("SELECT current_setting('plantwide.at', true)").scalar()
    return datetime.fromisoformat(noted) if noted else None


def give_reason(connection: Connection, reason: str) -> None:
    """Give what this transaction writes from now on another reason; who and when stay as they are."""
    reason = reason.replace(SEPARATOR, " ")
    if connection.dialect.name == "sqlite":
        act: Act | None = connection.info.get("act")
        if act is not None:
            connection.info["act"] = replace(act, reason=reason)
    else:
        connection.execute(text("SELECT set_config('plantwide.reason', :reason, true)"), {"reason": reason})


def forget(connection: Connection) -> None:
    """End the attribution of this connection's transaction; PostgreSQL forgets by itself, even when lost."""
    if connection.dialect.name == "sqlite":
        connection.info.pop("act", None)


def format_at(at: datetime) -> str:
    """Give the fixed-width form of an instant: UTC, six decimals, Z."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def teach(connection: sqlite3.Connection, info: dict[str, Any]) -> None:
    """Give an SQLite connection the function that its audit triggers call for each write of a row.

    In go table, verb, columns, key, what the row before it in the chain holds (version, hash, instant), and
    the old row, the new row or both. Out comes one text (see `hub.store.triggers.sqlite`), or null when there
    is no actor.
    """

    def note(  # noqa: PLR0917 - SQLite calls by position
        table: str,
        verb: str,
        columns: str,
        key: int,
        version: int | None,
        prev: str | None,
        prev_at: str | None,
        *row: Any,
    ) -> str | None:
        act: Act | None = info.get("act")
        if act is None:
            return None
        names = _split(columns)
        digest, before = "", ""
        if verb != "delete":
            digest = digest_row(names, row[-len(names) :])
        if verb != "insert" and prev_at != act.stamp:
            before = image_row(names, row[: len(names)])
        reason = act.reason or ""
        found = chain_hash(
            prev, table, key, (version or 0) + 1, verb, act.actor, act.stamp, reason, before, digest
        )
        return f"{found}{digest:64}{act.stamp}{len(act.actor):03}{len(reason):06}{act.actor}{reason}{before}"

    connection.create_function(NOTE, -1, note)


@cache
def _split(columns: str) -> tuple[str, ...]:
    return tuple(columns.split(","))


def newest_instant(connection: Connection) -> datetime | None:
    """Give the instant of the newest audit row; None when there is none."""
    query = "SELECT recorded_at FROM audit_event ORDER BY id DESC LIMIT 1"
    found: Any = connection.exec_driver_sql(query).scalar()
    return datetime.fromisoformat(found) if isinstance(found, str) else found
