"""What a source that can be followed promises: right samples, kept promises, and that it lets go."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pyarrow as pa

from hub.model import SAMPLE_SCHEMA
from hub.sdk.contract import SampleSource
from hub.sdk.document import Receipt, Rejected, Whole
from hub.sdk.testing.reach import ReachSuite
from hub.sdk.testing.session import Session
from hub.sdk.testing.verdict import NotOffered, NotTried, fail, require

_MOVES = 60
_WAIT_S = 0.25
"""How often the world is moved, and for how long it rests in between."""
Told = pa.RecordBatch | Whole | Rejected | Receipt
Seen = tuple[str, Any, float | None, str | None, int]


class LiveSuite(ReachSuite):
    """The promises of `subscribe`; part of `SampleSuite`, tried where `can_subscribe` says yes."""

    def make(self) -> SampleSource[Any]:
        """Give a fresh connector on the same small world, each time."""
        raise NotImplementedError

    def move(self) -> bool:
        """Let the world change, so that a follower hears of each of its tags; True when done."""
        return False

    def test_following_gives_samples_of_the_tags_that_were_asked_for(self) -> None:
        with self._followed() as session:
            names = _names(session)
            told = self._listen(session, names, lambda told: _all_heard(told, names))
        for item in told:
            if isinstance(item, pa.RecordBatch):
                require(
                    item.schema.equals(SAMPLE_SCHEMA),
                    f"subscribe() gave the schema\n{item.schema}\nbut SAMPLE_SCHEMA is\n{SAMPLE_SCHEMA}",
                )
                item.validate(full=True)
        heard = {row[0] for row in _rows(told)}
        others = (heard | {tag for item in told for tag in _promised(item)}) - set(names)
        require(not others, f"subscribe() told of {sorted(others)[:3]}, which were not asked for")
        silent = sorted(set(names) - heard)
        require(
            not silent,
            f"subscribe() told nothing of {silent[:3]} although the world was moved {_MOVES} times; tell of "
            "each change, or give the tag as Rejected",
        )

    def test_a_promise_is_kept_what_the_window_gives_was_told_before(self) -> None:
        with self._followed() as session:
            names = _names(session)
            told = self._listen(session, names, lambda told: _promised_rows(told) > 0)
            for number, item in enumerate(told):
                if isinstance(item, Whole):
                    kept = [tag for tag in item.tags if session.connector.keeps_history(tag)]
                    given = session.collect(session.connector.samples(kept, item.window))
                    missing = set(_rows(given)) - set(_rows(told[:number]))
                    require(
                        not missing,
                        f"the promise of {item.window.start} to {item.window.end} is broken: samples() gives "
                        f"{len(missing)} sample(s) there that were not told before, or told otherwise, e.g. "
                        f"{sorted(map(repr, missing))[:1]}",
                    )
        if not _promised_rows(told):
            raise NotOffered(f"{type(self).__name__}: nothing that was followed was promised whole")

    def test_a_follower_that_leaves_can_come_again(self) -> None:
        with self._followed() as session:
            names = _names(session)
            for _ in range(2):
                told = self._listen(session, names, lambda told: any(_rows(told)))
                require(_rows(told), "subscribe() tells nothing to a follower that has come again")
            health = session.wait(session.connector.check())
            require(health.system, "after a subscription has ended, check() does not say who answers")

    def test_a_vanished_tag_does_not_cost_the_others_their_followers(self) -> None:
        gone = "no such tag any more"
        with self._followed() as session:
            names = _names(session)
            told = self._listen(session, [gone, *names], lambda told: any(_rows(told)))
        require(
            _rows(told), f"subscribe() told nothing when it was also asked for {gone!r}, which there is not"
        )
        promised = {tag for item in told for tag in _promised(item)}
        require(gone not in promised, f"subscribe() promises the tag {gone!r}, which there is not")

    def _followed(self) -> Session[SampleSource[Any]]:
        """Give a session on a connector that can be followed, in a world that moves."""
        connector = self.make()
        if not connector.can_subscribe():
            with Session(connector):
                raise NotOffered(f"{type(self).__name__}: {connector.name} offers no subscription")
        if not self.move():
            with Session(connector):
                raise NotTried(f"{type(self).__name__} does not override move(): following is not tried")
        return Session(connector)

    def _listen(
        self, session: Session[SampleSource[Any]], tags: Sequence[str], enough: Callable[[list[Told]], bool]
    ) -> list[Told]:
        """Give what is told in a moving world, until it is enough or has been too little."""
        return session.wait(_follow(session.connector.subscribe(tags), self.move, enough))


async def _follow(
    given: AsyncIterator[Told], move: Callable[[], bool], enough: Callable[[list[Told]], bool]
) -> list[Told]:
    clock = asyncio.get_running_loop().time
    told: list[Told] = []
    moved_at, moves = clock(), 0
    awaited: asyncio.Future[Told] | None = None
    try:
        while moves < _MOVES and not enough(told):
            awaited = awaited or asyncio.ensure_future(anext(given))
            await asyncio.wait({awaited}, timeout=_WAIT_S)
            if awaited.done():
                told.append(awaited.result())
                awaited = None
                if isinstance(told[-1], Receipt):  # as the hub does, once it has stored what came before
                    told[-1].stored()
            if clock() - moved_at >= _WAIT_S:
                await asyncio.to_thread(move)
                moved_at, moves = clock(), moves + 1
    except StopAsyncIteration:
        fail("subscribe() ended by itself; raise Unavailable when the source goes away")
    finally:
        if awaited is not None:
            awaited.cancel()
            await asyncio.gather(awaited, return_exceptions=True)
        close = getattr(given, "aclose", None)
        if close is not None:
            await close()
    return told


def _all_heard(told: Sequence[Told], names: Sequence[str]) -> bool:
    """Tell whether every tag was heard, or something that is wrong by itself."""
    heard = {row[0] for row in _rows(told)}
    batches = [item for item in told if isinstance(item, pa.RecordBatch)]
    is_wrong = any(not batch.schema.equals(SAMPLE_SCHEMA) for batch in batches)
    return is_wrong or heard >= set(names) or bool(heard - set(names))


def _names(session: Session[SampleSource[Any]]) -> list[str]:
    return sorted(tag.id.value for tag in session.collect(session.connector.tags()))


def _rows(told: Sequence[Told]) -> list[Seen]:
    batches = [item for item in told if isinstance(item, pa.RecordBatch)]
    rows: list[dict[str, Any]] = [row for batch in batches for row in batch.to_pylist()]
    return [(row["tag"], row["ts"], row["value"], row["text"], row["quality"]) for row in rows]


def _promised(item: Told) -> Sequence[str]:
    return item.tags if isinstance(item, Whole) else ()


def _promised_rows(told: Sequence[Told]) -> int:
    """Count samples inside a promise of their tag."""
    return sum(
        row[0] in item.tags and item.window.start <= row[1] < item.window.end
        for item in told
        if isinstance(item, Whole)
        for row in _rows(told)
    )
