"""What an error of a source means for its stream: try again, wait for a person, or mend the connector."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.sdk import BadRecord, Misconfigured, Unauthorized, Unavailable
from hub.store.database import Collided, StoreFull, StoreUnreachable
from hub.store.streams import LeaseLost

_LONGEST = 600.0
_LONGEST_ASKED = 86_400.0
"""A source is asked again after a day at the latest, whatever it wants."""


@dataclass(frozen=True)
class Failure:
    """A stream's outcome: its next state, when to try again, what to tell a person."""

    state: str
    due_at: datetime
    message: str

    @property
    def health(self) -> str:
        """The state of the source that this leaves behind."""
        return "degraded" if self.state == "waiting" else self.state


def judge(error: Exception, *, attempts: int, now: datetime) -> Failure:
    """Turn an error into the stream's next state.

    `Unavailable` waits (Retry-After up to a day, else doubling from 2 s to 10 min), `Unauthorized` pauses,
    `Misconfigured` stops; anything else is a bug of the connector: the cursor stays where it was.
    """
    match error:
        case Unavailable(retry_after=after):
            return Failure("waiting", now + timedelta(seconds=_wait(after, attempts)), str(error))
        case Unauthorized():
            return Failure("paused", now + timedelta(seconds=_LONGEST), str(error))
        case Misconfigured():
            return Failure("stopped", now + timedelta(seconds=_LONGEST), str(error))
        case BadRecord():
            return Failure("waiting", now + timedelta(seconds=60), f"a page could not be read: {error}")
        case Collided():
            return Failure("waiting", now, str(error))
        case StoreFull() | StoreUnreachable() | LeaseLost():
            return Failure("waiting", now + timedelta(seconds=30), str(error))
        case _:
            text = f"the connector failed: {type(error).__name__}: {error}; the cursor has not moved"
            return Failure("waiting", now + timedelta(seconds=60), text)


def _wait(asked: float | None, attempts: int) -> float:
    """Give seconds: what the source asks for, where that is a time at all: anybody may have written it."""
    if asked is None or not math.isfinite(asked):
        return min(_LONGEST, 2.0 * 2 ** min(attempts, 20))
    return min(max(0.0, asked), _LONGEST_ASKED)
