"""Delivers events to webhooks while the hub serves, each for itself: a slow receiver delays nobody else."""

import threading
from functools import partial

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from hub.events.delivering import Delivery
from hub.events.gatekeeping import Gatekeeper
from hub.events.herald import Herald
from hub.events.master import MasterPlace
from hub.events.sending import Sending
from hub.ingest.runner import Desk
from hub.shift.settings import Settings
from hub.store.webhooks import list_due

log = structlog.get_logger("hub.shift")


def open_herald(settings: Settings) -> Herald | None:
    """Give who tells others; None for a PostgreSQL store without `webhook_key`.

    Raises `ValueError` for networks or authorities that are none.
    """
    if settings.database and settings.webhook_key is None:
        return None
    given = settings.webhook_key.get_secret_value() if settings.webhook_key else None
    place = MasterPlace.of(given, default=settings.data / "keys" / "webhooks.key")
    authorities = settings.webhook_authorities
    if authorities is not None and not authorities.is_file():
        msg = f"webhook_authorities: {authorities} is no file; name one with certificates in PEM"
        raise ValueError(msg)
    try:
        gatekeeper = Gatekeeper.of(settings.webhook_networks)
    except ValueError as error:
        msg = f"webhook_networks: {error}; write networks such as 10.20.0.0/16"
        raise ValueError(msg) from error
    sending = Sending(gatekeeper, authorities=str(authorities) if authorities else None)
    return Herald(sending, place, settings.public_address)


class Courier:
    """A thread that looks every `tick_s` seconds which webhooks are due; each has one node at a time."""

    def __init__(self, desk: Desk, herald: Herald, *, tick_s: float = 1.0) -> None:
        self._desk = desk
        self._delivery = Delivery(desk.database, herald, desk.owner, desk.clock)
        self._tick_s = tick_s
        self._busy: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=anyio.run, args=(self._run,), name="plantwide-courier", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """End after the messages that are on their way; what was not sent waits in the store."""
        self._delivery.is_stopping = True
        self._stop.set()
        self._thread.join(timeout_s)

    async def _run(self) -> None:
        async with anyio.create_task_group() as tasks:
            while not await to_thread.run_sync(self._stop.wait, self._tick_s):
                try:
                    await self._begin(tasks)
                except Exception:  # serving goes on; events wait in the store
                    log.exception("webhooks were not looked at")

    async def _begin(self, tasks: TaskGroup) -> None:
        """Begin deliveries to the webhooks that are due and at rest."""
        for webhook_id in await to_thread.run_sync(self._list_due):
            if webhook_id not in self._busy:
                self._busy.add(webhook_id)
                tasks.start_soon(partial(self._deliver, webhook_id))

    async def _deliver(self, webhook_id: int) -> None:
        try:
            await self._delivery.deliver(webhook_id)
        except Exception:  # the others go on, this one at the next look
            log.exception("a webhook was not delivered to", webhook=webhook_id)
        finally:
            self._busy.discard(webhook_id)

    def _list_due(self) -> list[int]:
        with self._desk.database.read() as connection:
            return list_due(connection, self._desk.clock())
