"""Delivery to webhooks: at least once, in the order of the events, each webhook for itself.

A webhook's position moves after the receiver has taken an event. A stop in between, or a process that takes
over, delivers that event again, with the same id: by it a receiver tells what it has already.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from anyio import to_thread

from hub.events.envelope import describe
from hub.events.herald import Herald
from hub.events.sending import Receipt
from hub.store.database import Database
from hub.store.outbox.position import Position
from hub.store.outbox.reading import News, read_events
from hub.store.outbox.telling import Event
from hub.store.webhooks import (
    LEASE,
    Attempt,
    Progress,
    Superseded,
    Webhook,
    claim_webhook,
    find_webhook,
    forget_attempts,
    move_webhook,
    note_attempt,
    read_position,
    skip_to,
)

log = structlog.get_logger("hub.events")
PAGE = 50
"""Events that are read at once."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
"""Between attempts: twice as long after each failure, up to an hour."""
PATIENCE = timedelta(days=1)
"""After so long without a success nothing more is sent until somebody resumes the webhook."""
GONE = 410
_STRIDE = timedelta(minutes=1)
"""By so much a position may lag behind what was looked at, where nothing was to be told."""


@dataclass
class Delivery:
    """Delivers for one process, whose name on PostgreSQL no other has."""

    database: Database
    herald: Herald
    owner: str
    clock: Callable[[], datetime]
    is_stopping: bool = False
    """Whether nothing more is to be begun."""
    _looked: dict[int, tuple[str, Position, Position]] = field(
        default_factory=dict[int, tuple[str, Position, Position]]
    )
    """By number of a webhook: its salt, as numbers come again, where it stood, and how far was looked from
    there without anything to tell."""

    async def deliver(self, webhook_id: int) -> int:
        """Deliver what a webhook has not been told yet, until one attempt fails; give how many it took."""
        if not await to_thread.run_sync(self._has_news, webhook_id):
            return 0
        found = await to_thread.run_sync(self._claim, webhook_id)
        if found is None:
            return 0
        try:
            return await self._run(*found)
        except Superseded as error:
            log.info("delivery to a webhook ends here", webhook=webhook_id, why=str(error))
            return 0
        finally:
            await to_thread.run_sync(self._let_go, webhook_id, found[1])

    async def _run(self, hook: Webhook, progress: Progress) -> int:
        done, position = 0, progress.position
        async with self.herald.open(hook) as line:
            while True:
                news = await to_thread.run_sync(self._read, hook, position)
                for event in news.events:
                    if self.is_stopping:
                        return done
                    document = describe(event, address=self.herald.address)
                    receipt = await line.send(document, now=self.clock())
                    await to_thread.run_sync(self._note, hook, progress, event, receipt)
                    if receipt.error is not None:
                        return done
                    progress = Progress(event.position, 0, None, progress.epoch)
                    done += 1
                position = news.reached
                if news.is_all:
                    return done

    # ------------------------------------------------------------------------------- each a transaction
    def _has_news(self, webhook_id: int) -> bool:
        """Look whether there is an event for a webhook, and remember how far it was looked."""
        with self.database.read() as connection:
            hook, stored = find_webhook(connection, webhook_id), read_position(connection, webhook_id)
            if hook is None or stored is None:
                self._looked.pop(webhook_id, None)
                return False
            salt, stood, position = self._looked.get(webhook_id, (hook.salt, stored, stored))
            if (salt, stood) != (hook.salt, stored):  # another one, or somebody has delivered since
                position = stored
            news = read_events(connection, position, types=hook.types, limit=1)
            while not news.events and not news.is_all:
                news = read_events(connection, news.reached, types=hook.types, limit=1)
        if news.events:
            return True
        self._looked[webhook_id] = (hook.salt, stored, news.reached)
        if news.reached.at - stored.at > _STRIDE // timedelta(microseconds=1):
            with self.database.begin() as connection:
                skip_to(connection, webhook_id, stored, news.reached)
        return False

    def _claim(self, webhook_id: int) -> tuple[Webhook, Progress] | None:
        self.database.presence.show(self.owner)
        with self.database.begin() as connection:
            progress = claim_webhook(connection, webhook_id, owner=self.owner, now=self.clock())
            hook = find_webhook(connection, webhook_id)
            return None if progress is None or hook is None else (hook, progress)

    def _read(self, hook: Webhook, position: Position) -> News:
        with self.database.read() as connection:
            return read_events(connection, position, types=hook.types, limit=PAGE)

    def _note(  # noqa: PLR0917 - what came of which event
        self, hook: Webhook, progress: Progress, event: Event, receipt: Receipt
    ) -> None:
        """Note an attempt, and what follows from it for the next. Raises `Superseded`."""
        now = self.clock()
        attempt = Attempt(
            event_id=str(event.position),
            event_type=event.type,
            at=now,
            number=progress.attempts + 1,
            took_s=receipt.took_s,
            status=receipt.status,
            error=receipt.error,
        )
        moved = _succeed(event, now=now) if receipt.error is None else _fail(progress, receipt, now=now)
        with self.database.begin() as connection:
            move_webhook(connection, hook.id, progress.epoch, lease_until=now + LEASE, **moved)
            note_attempt(connection, hook.id, attempt)
        if receipt.error is not None:
            state = moved.get("state", "active")
            log.warning("an event was not delivered", webhook=hook.id, why=receipt.error, state=state)

    def _let_go(self, webhook_id: int, progress: Progress) -> None:
        with self.database.begin() as connection:
            try:
                move_webhook(connection, webhook_id, progress.epoch, lease_until=None)
            except Superseded:
                return
            forget_attempts(connection, webhook_id)


def _succeed(event: Event, *, now: datetime) -> dict[str, Any]:
    """Give where a webhook stands after an event was taken."""
    fresh = {"attempts": 0, "failing_since": None, "last_success_at": now, "due_at": now}
    return {"position": str(event.position), **fresh}


def _fail(progress: Progress, receipt: Receipt, *, now: datetime) -> dict[str, Any]:
    """Give where a webhook stands after an attempt failed: when the next one is due, or that none is."""
    since = progress.failing_since or now
    pause = min(FIRST_PAUSE * 2 ** min(progress.attempts, 20), LONGEST_PAUSE)
    wanted = timedelta(seconds=min(max(receipt.retry_after or 0.0, 0.0), PATIENCE.total_seconds()))
    moved: dict[str, Any] = {
        "attempts": progress.attempts + 1,
        "failing_since": since,
        "due_at": now + max(pause, wanted),
        "last_error": receipt.error,
        "last_error_at": now,
    }
    if receipt.status == GONE:
        moved |= {"state": "disabled", "reason": "The receiver answered 410: it wants nothing more."}
    elif now - since >= PATIENCE:
        told = f"Nothing was taken for a day; at last: {receipt.error}."
        moved |= {"state": "disabled", "reason": told}
    return moved
