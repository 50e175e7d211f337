"""What a hub needs to tell others: how messages are sent, where the master key is, where it is reached."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anyio import to_thread

from hub.events.envelope import wrap
from hub.events.master import MasterKeyUnusable, MasterPlace
from hub.events.sending import Line, Receipt, Sending
from hub.store.outbox.catalogue import TEST
from hub.store.webhooks import Webhook

_SALT_BYTES = 16


@dataclass(frozen=True)
class Herald:
    """Opens lines to the receivers of webhooks. `address` begins the links in what they are told."""

    sending: Sending
    master: MasterPlace
    address: str = ""

    def draw_secret(self) -> tuple[dict[str, str], str]:
        """Give what is kept of a new webhook's secret, and the secret: the only time it can be seen.

        The master key is made where there is none yet. Raises `MasterKeyUnusable`.
        """
        key, salt = self.master.open(makes=True), secrets.token_hex(_SALT_BYTES)
        return {"salt": salt, "key_id": key.key_id}, key.secret_of(salt)

    @asynccontextmanager
    async def open(self, hook: Webhook) -> AsyncGenerator[Line]:
        """Give the line to a webhook's receiver; what stands against it is what each message hears."""
        try:
            secret = await to_thread.run_sync(self._find_secret, hook)
        except MasterKeyUnusable as error:
            yield Line(None, "", str(error))
            return
        async with self.sending.open(hook.url, secret) as line:
            yield line

    async def send_test(self, hook: Webhook, *, now: datetime) -> tuple[dict[str, Any], Receipt]:
        """Send a message that tells of nothing; give it and what the receiver answered."""
        document = wrap(
            f"test-{secrets.token_hex(8)}",
            TEST,
            address=self.address,
            time=now,
            subject=f"webhook/{hook.id}",
            data={
                "href": f"{self.address}/v1/webhooks/{hook.id}",
                "label": "",
                "change": "test",
                "attributes": [],
            },
        )
        async with self.open(hook) as line:
            return document, await line.send(document, now=now)

    def _find_secret(self, hook: Webhook) -> str:
        key = self.master.open()
        if key.key_id != hook.key_id:
            raise MasterKeyUnusable(
                f"the secret of this webhook comes from the master key {hook.key_id}, and {key.key_id} is in "
                "place; restore that key, or remove the webhook and make it anew"
            )
        return key.secret_of(hook.salt)
