"""Whether whoever opened a stream would still be let in: the gate is asked again now and then."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request

from hub.api.problems import Problem
from hub.api.room import Room
from hub.store.keys import Caller

NO_LONGER = (
    "The key or login that opened this stream no longer counts; connect again with one that does, "
    "and with Last-Event-ID."
)


class Standing:
    """What a stream knows of whoever opened it: `caller` at first, then whom `ask` gives (None: nobody)."""

    def __init__(
        self,
        caller: Caller,
        ask: Callable[[], Awaitable[Caller | None]],
        *,
        clock: Callable[[], datetime],
        every_s: float,
    ) -> None:
        self._caller = caller
        self._ask = ask
        self._clock = clock
        self._every_s = every_s
        self._asked = clock()
        self._is_over = False

    async def has_ended(self) -> bool:
        """Tell whether the key was revoked, has expired, or gives other rights than it did at first.

        It may be asked before every message: the store is asked once in `every_s`, and when what was last
        heard expires. What has ended once stays so.
        """
        now = self._clock()
        # A clock that was set back must not put off the question.
        is_fresh = 0 <= (now - self._asked).total_seconds() < self._every_s
        if not self._is_over and not (is_fresh and not self._caller.has_ended(now)):
            self._asked = now
            self._is_over = await self._find_out(now)
        return self._is_over

    async def _find_out(self, now: datetime) -> bool:
        try:
            found = await self._ask()
        except Problem as problem:
            # What was verified before is believed while its issuer is away, for as long as it says.
            return problem.kind != "issuer-unavailable" or self._caller.has_ended(now)
        if found is None or found.scopes != self._caller.scopes:
            return True
        self._caller = found
        return False


def standing_of(request: Request, room: Room) -> Standing:
    """Give the standing of whoever the gate let in with a request."""
    every_s = room.settings.recheck_s
    return Standing(request.state.caller, request.state.ask_again, clock=room.clock, every_s=every_s)
