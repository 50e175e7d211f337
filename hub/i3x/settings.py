"""How the i3X door behaves; every limit answers with what to do instead."""

from pydantic import BaseModel, ConfigDict


class I3xSettings(BaseModel):
    """Limits of the door. `writes` lets whoever has the permission `operate` write signals, with a reason.

    `reason` stands for those whose clients send none; without it they are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    writes: bool = False
    reason: str | None = None
    objects: int = 250_000
    objects_at_once: int = 5_000
    related: int = 20_000
    parts: int = 10_000
    samples: int = 20_000
    updates_at_once: int = 1_000
    subscriptions: int = 1_000
    registered: int = 10_000
    queue: int = 10_000
    ttl_s: float = 300.0
    poll_s: float = 1.0
    heartbeat_s: float = 15.0
