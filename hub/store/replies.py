"""Answers to requests that may come twice: claimed before the work, kept with it, given again for a day.

A caller names a request by a key. The claim is a row of its own transaction; what was answered is written
into it by the transaction that does the work. So either both are there or neither: after a crash the same
request is done anew, and one that was done is never done twice. A claim whose process died is taken over
after a minute; should that process still live, its work finds the claim gone and changes nothing.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.store.database import Database
from hub.store.tables import kept_reply

KEPT = timedelta(hours=24)
LEASE = timedelta(minutes=1)

_t = kept_reply.c


class OtherRequest(ValueError):
    """This key named another request before; take a new key for a new request."""


class StillRunning(RuntimeError):
    """The first request of this key is still being worked on; ask again in a moment."""


@dataclass(frozen=True)
class Asked:
    """Who asks, under which key, and the digest of what is asked."""

    caller: str
    key: str
    request: str


@dataclass(frozen=True)
class Reply:
    """What was answered."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Claim:
    """The right to work on a request and to answer it."""

    asked: Asked
    token: str


def claim_request(database: Database, asked: Asked, *, now: datetime) -> Claim | Reply:
    """Give the right to do what is asked, or what was answered to it.

    Raises `OtherRequest`, `StillRunning`.
    """
    claim = Claim(asked, secrets.token_hex(16))
    mine = {"request": asked.request, "claim": claim.token, "begun_at": now}
    try:
        with database.begin() as connection:
            found = connection.execute(select(kept_reply).where(_named(asked))).one_or_none()
            if found is None:
                connection.execute(insert(kept_reply).values(caller=asked.caller, key=asked.key, **mine))
                return claim
            is_old = now - found.begun_at >= KEPT
            if found.request != asked.request and not is_old:
                raise OtherRequest("this key named another request before; take a new key for a new request")
            if found.status is not None and not is_old:
                return Reply(found.status, found.media_type, found.body)
            if found.status is None and now - found.begun_at < LEASE:
                raise StillRunning("the first request of this key is still being worked on")
            fresh = {"status": None, "media_type": None, "body": None, **mine}
            connection.execute(update(kept_reply).where(_t.id == found.id).values(fresh))
            return claim
    except IntegrityError as error:  # PostgreSQL: another one claimed it at the same time
        raise StillRunning("the first request of this key is still being worked on") from error


def keep_reply(connection: Connection, claim: Claim, reply: Reply) -> None:
    """Keep what is answered, in the transaction of the work. Raises `StillRunning` when the claim is lost."""
    told = {"status": reply.status, "media_type": reply.media_type, "body": reply.body}
    done = connection.execute(update(kept_reply).where(_held(claim)).values(told))
    if done.rowcount == 0:
        raise StillRunning("another request took this key over; nothing was done here")


def release_claim(database: Database, claim: Claim) -> None:
    """Give a claim back when nothing was done."""
    with database.begin() as connection:
        connection.execute(delete(kept_reply).where(_held(claim)))


def forget_replies(database: Database, *, now: datetime) -> int:
    """Let go of what is older than a day; give how many."""
    with database.begin() as connection:
        return connection.execute(delete(kept_reply).where(_t.begun_at <= now - KEPT)).rowcount


def has_old_replies(database: Database, *, now: datetime) -> bool:
    """Tell whether there is anything to let go of."""
    with database.read() as connection:
        query = select(_t.id).where(_t.begun_at <= now - KEPT).limit(1)
        return connection.execute(query).first() is not None


def _named(asked: Asked) -> ColumnElement[bool]:
    return and_(_t.caller == asked.caller, _t.key == asked.key)


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(_named(claim.asked), _t.claim == claim.token, _t.status.is_(None))
