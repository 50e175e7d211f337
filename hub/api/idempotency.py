"""Requests that may come twice (draft-ietf-httpapi-idempotency-key-header): the first answer is given again.

A client that hears nothing sends the same request again with the same `Idempotency-Key`. What was answered
comes from the store then, byte for byte, for a day; the work is not done a second time.
"""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.store.database import Connection, Database
from hub.store.keys import Caller
from hub.store.replies import (
    Asked,
    Claim,
    OtherRequest,
    Reply,
    StillRunning,
    claim_request,
    keep_reply,
    release_claim,
)

HEADER = "Idempotency-Key"
AGAIN = "Idempotency-Replayed"

_Key = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=255,
        description="A name of this request, used once: sent again with it, the request is answered as the "
        "first time and not done again, for 24 hours.",
    ),
]


class Answered(Exception):
    """This request was answered before; the same answer is given again."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Receipt:
    """What is kept of a request beside its work; nothing when it bears no key."""

    def __init__(self, claim: Claim | None) -> None:
        self._claim = claim
        self.is_kept = False

    def keep(self, connection: Connection, response: Response) -> Response:
        """Keep the answer in the transaction of the work, and give it."""
        if self._claim is not None:
            reply = Reply(response.status_code, response.media_type or "", bytes(response.body))
            with _refusals():
                keep_reply(connection, self._claim, reply)
            self.is_kept = True
        return response

    def keep_after(self, database: Database, response: Response) -> Response:
        """Keep the answer where the work has many transactions of its own."""
        if self._claim is not None:
            with database.begin() as connection:
                self.keep(connection, response)
        return response


async def read_body(request: Request) -> bytes:
    """Give the body as it was sent."""
    return await request.body()


def take_receipt(
    request: Request, room: RoomOf, body: Annotated[bytes, Depends(read_body)], key: _Key = None
) -> Generator[Receipt]:
    """Claim a request that bears a key until it is answered; what was answered before is given again.

    Raises `Answered`, `Problem`.
    """
    if key is None:
        yield Receipt(None)
        return
    caller: Caller = request.state.caller
    told = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    asked = Asked(caller.public_id, key, hashlib.sha256(told + body).hexdigest())
    with _refusals():
        found = claim_request(room.database, asked, now=room.clock())
    if isinstance(found, Reply):
        raise Answered(Response(found.body, found.status, {AGAIN: "true"}, media_type=found.media_type))
    receipt, is_done = Receipt(found), False
    try:
        yield receipt
        is_done = receipt.is_kept
    finally:
        # Before the answer is sent: one that was refused may be sent again, mended, under the same key.
        if not is_done:
            release_claim(room.database, found)


ReceiptOf = Annotated[Receipt, Depends(take_receipt, scope="function")]
"""The receipt of a request that creates or decides."""


@contextmanager
def _refusals() -> Generator[None]:
    """Say as a problem why a request is not taken under its key."""
    try:
        yield
    except OtherRequest as error:
        raise Problem("key-reused", f"`{HEADER}`: {error}.") from error
    except StillRunning as error:
        raise Problem(
            "still-running", f"`{HEADER}`: {error}; ask again.", headers={"Retry-After": "1"}
        ) from error
