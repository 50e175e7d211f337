"""One message to one receiver: signed as Standard Webhooks have it (github.com/standard-webhooks, 1.0.0)."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import orjson
from anyio import to_thread
from standardwebhooks import Webhook as Signer

from hub.events.envelope import MEDIA_TYPE
from hub.events.gatekeeping import Forbidden, Gatekeeper, Unresolved
from hub.sdk.errors import ConnectorError
from hub.sdk.http import HttpLimits, Poster

LIMITS = HttpLimits(max_bytes=64 * 1024, timeout_s=15.0, connect_s=5.0)
"""A receiver has 15 s in all to take a message; of its answer 64 KiB are read and none is kept."""


@dataclass(frozen=True)
class Receipt:
    """What a receiver answered: its status (None: nothing), what is wrong, when to ask again (s)."""

    took_s: float
    status: int | None = None
    error: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Sending:
    """How messages are sent: who judges addresses, how long a receiver has, whose certificates count."""

    gatekeeper: Gatekeeper
    limits: HttpLimits = LIMITS
    authorities: str | None = None
    """PEM file of authorities, for receivers in the plant; None: those of the machine."""

    @asynccontextmanager
    async def open(self, url: str, secret: str) -> AsyncGenerator["Line"]:
        """Give a line to a receiver. Whatever stands against its address is what each message hears."""
        try:
            with anyio.fail_after(self.limits.timeout_s):  # name servers may be silent for minutes
                found = await to_thread.run_sync(self.gatekeeper.find, url, abandon_on_cancel=True)
        except (Forbidden, Unresolved) as error:
            yield Line(None, secret, str(error))
            return
        except TimeoutError:
            yield Line(None, secret, "the name of the host was not looked up in time")
            return
        target = found.addresses[0]
        async with Poster(url, target, limits=self.limits, authorities=self.authorities) as poster:
            yield Line(poster, secret)


@dataclass(frozen=True)
class Line:
    """A line to a receiver, or the reason why there is none."""

    poster: Poster | None
    secret: str
    fault: str = ""

    async def send(self, document: dict[str, Any], *, now: datetime) -> Receipt:
        """Send a message; whatever happens is in the receipt. The id of the event is that of the message."""
        if self.poster is None:
            return Receipt(0.0, error=self.fault)
        body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
        headers = sign(document["id"], body, secret=self.secret, now=now)
        began = time.monotonic()
        try:
            taken = await self.poster.post(body, headers)
        except ConnectorError as error:
            return Receipt(time.monotonic() - began, error=str(error))
        took_s = time.monotonic() - began
        if 200 <= taken.status < 300:
            return Receipt(took_s, taken.status)
        told = f"the receiver answered {taken.status}"
        if 300 <= taken.status < 400:
            told += ", a redirect, which is not followed: make a webhook with the address that it leads to"
        return Receipt(took_s, taken.status, told, taken.retry_after)


def sign(message_id: str, body: bytes, *, secret: str, now: datetime) -> dict[str, str]:
    """Give the headers of a message: its id, when it is sent, and the signature over both and the body."""
    return {
        "content-type": MEDIA_TYPE,
        "user-agent": "plantwide",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message_id, now.astimezone(UTC), body.decode()),
    }
