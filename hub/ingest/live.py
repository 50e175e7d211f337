"""Follows a source: what it tells is stored soon, and only what it promises to be whole counts as read."""

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock
from time import monotonic

import pyarrow as pa
import structlog

from hub.ingest.bridge import Bridge
from hub.ingest.entering import Reading, close_tag
from hub.ingest.faults import make_fault
from hub.ingest.runner import Outcome, Visit, claimed
from hub.ingest.sampling import find_sampler
from hub.ingest.sifting import reject_batches, sift
from hub.ingest.sources import Source
from hub.model import SAMPLE_SCHEMA, format_instant
from hub.sdk import Receipt, Rejected, SampleSource, Unavailable, Whole
from hub.store.coverage import Span, cover, covered_spans, take_turn
from hub.store.database import Connection, StoreFull, StoreUnreachable
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import Fault, hold_faults, release_faults
from hub.store.samples import put_samples
from hub.store.streams import LEASE, Claim, LeaseLost, advance_stream, read_error

LIVE_STREAM = "live"
GAP = "gap"
"""The object type under which it is on record that samples are missing for good."""
_RETRY_S = 10.0
_HEARTBEAT_S = LEASE.total_seconds() / 4
_WELL_S = LEASE.total_seconds()
"""A subscription that has lived for so long works: what failed before it is past."""
log = structlog.get_logger("hub.ingest")


@dataclass(frozen=True)
class Pace:
    """How often a tail writes: samples after so many seconds or rows, coverage more rarely.

    Each write costs a frame and an audit row a tag that has changed.
    """

    flush_s: float = 10.0
    rows: int = 50_000
    cover_s: float = 60.0


class Orders:
    """What other threads want of a tail: that it ends, or that it notes down its promises now."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._settling: list[Event] = []
        self._is_over = False
        self.tags: frozenset[str] = frozenset()
        """The tags that are followed."""
        self.bell: Future[None] = Future()
        """Done when there is something to heed."""
        self.ends = False

    def end(self) -> None:
        """Ask the tail to end; what it was told until then is stored."""
        with self._turn:
            self.ends = True
            self._ring()

    def settle(self) -> Event:
        """Ask the tail to write down its promises; the event tells when it has."""
        done = Event()
        with self._turn:
            self._settling.append(done)
            self._ring()
            if self._is_over:
                self._release()
        return done

    def heed(self) -> list[Event]:
        """Give whom to tell once the promises are written down."""
        with self._turn:
            waiting, self._settling = self._settling, []
            if not self.ends:
                self.bell = Future()
        return waiting

    def finish(self) -> None:
        """Say that the tail has ended: nobody need wait for it."""
        with self._turn:
            self._is_over = True
            self._release()

    def _ring(self) -> None:
        if not self.bell.done():
            self.bell.set_result(None)

    def _release(self) -> None:
        for done in self._settling:
            done.set()
        self._settling.clear()


def can_follow(source: Source) -> bool:
    """Tell whether a source offers to be followed; asks nothing of the source itself."""
    with Bridge(source.open()) as bridge:
        return isinstance(bridge.connector, SampleSource) and bridge.connector.can_subscribe()


def follow(visit: Visit, orders: Orders, pace: Pace) -> Outcome:
    """Hold one subscription until it fails or `orders` end it. Errors of the source end up in the outcome."""
    desk, source = visit.desk, visit.source
    outcome = Outcome(source.code, LIVE_STREAM)
    with claimed(visit, LIVE_STREAM, kind="samples", every_s=_RETRY_S, outcome=outcome) as claim:
        if claim is None:
            return outcome
        tags = [tag.id.value for tag in visit.bridge.items(find_sampler(visit.bridge).tags())]
        with desk.begin() as connection:
            tag_ids = ensure_tags(connection, source.code, tags, now=desk.clock())
            before = read_error(connection, claim)
        orders.tags = frozenset(tags)
        tail = Tail(visit, claim, tag_ids=tag_ids, outcome=outcome, before=before)
        try:
            _listen(tail, orders, pace)
        except (StoreFull, StoreUnreachable, LeaseLost):
            raise
        except Exception:
            tail.store(settles=True)  # what it told before it failed is true all the same
            raise
        tail.store(settles=True)
    return outcome


def _listen(tail: "Tail", orders: Orders, pace: Pace) -> None:
    """Take what the source tells, and write in rhythm, until ordered to end."""
    rhythm = _Rhythm(pace)
    bridge = tail.visit.bridge
    with bridge.feed(find_sampler(bridge).subscribe(list(tail.tag_ids))) as feed:
        while not orders.ends:
            try:
                told = feed.take(rhythm.patience(tail.rows), unless=orders.bell)
            except StopAsyncIteration:
                raise Unavailable(f"{tail.visit.source.code} ended the subscription") from None
            if told is not None:
                tail.take(told)
            waiting = orders.heed()
            if waiting or rhythm.patience(tail.rows) <= 0:
                rhythm.write(tail, settles=bool(waiting))
            for done in waiting:
                done.set()


class _Rhythm:
    """When to write next; a write that takes long makes the next one wait, so that it is a sixth at most."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._began = self._wrote = self._covered = monotonic()
        self._pause = 0.0
        """For how long rows are gathered: not at all after a time in which none came."""

    def patience(self, rows: int) -> float:
        """Give the seconds until the next write: rows wait a little, the lease is renewed in any case."""
        if rows >= self._pace.rows:
            return 0.0
        pause = min(self._pause, _HEARTBEAT_S) if rows else _HEARTBEAT_S
        return max(0.0, self._wrote + pause - monotonic())

    def write(self, tail: "Tail", *, settles: bool) -> None:
        """Write now, with coverage when it is asked for or has waited long enough."""
        began = monotonic()
        settles = settles or began - self._covered >= self._pace.cover_s
        tail.outcome.is_well = began - self._began >= _WELL_S
        rows = tail.rows
        tail.store(settles=settles)
        self._wrote = monotonic()
        self._pause = max(self._pace.flush_s, 5 * (self._wrote - began)) if rows else 0.0
        if settles:
            self._covered = self._wrote


class Tail:
    """What a subscription has told and promised since it was last stored.

    A promise counts once others have followed it without a break for `settle_s`: what comes late is there by
    then, or is read again. Of a tag without history nothing can be read again: what lies between two
    stretches that count is put on record as a gap.
    """

    def __init__(
        self, visit: Visit, claim: Claim, *, tag_ids: dict[str, int], outcome: Outcome, before: str = ""
    ) -> None:
        connector = find_sampler(visit.bridge)
        self.visit = visit
        self.tag_ids = tag_ids
        self.outcome = outcome
        self.rows = 0
        self._claim = claim
        self._seq = int((claim.cursor or {}).get("seq", 0))
        self._connector = f"{connector.name}/{connector.version}"
        self._settle = timedelta(seconds=visit.source.history.settle_s)
        self._lasting = {tag for tag in tag_ids if connector.keeps_history(tag)}
        self._batches: list[pa.RecordBatch] = []
        self._receipts: list[Receipt] = []
        self._runs: dict[str, Span] = {}
        self._whole: dict[tuple[str, datetime], datetime] = {}
        """Ends of what counts and is not covered yet, by tag and start."""
        self._lost = dict.fromkeys(tag_ids.keys() - self._lasting, before or "nobody followed the source")
        """Why samples of tags without history may be missing before their next promise."""
        self._why: dict[tuple[str, datetime], str] = {}
        """Why samples may be missing before a run, by tag and start."""
        self._refused: dict[str, Rejected] = {}
        """Tags without history that are not followed for now."""
        self._said: set[tuple[str, str]] = set()
        self._missed = 0

    def take(self, told: pa.RecordBatch | Whole | Rejected | Receipt) -> None:
        """Keep what the source told until it is stored."""
        if isinstance(told, Whole):
            self._count(told)
        elif isinstance(told, Receipt):
            self._receipts.append(told)
        elif isinstance(told, Rejected):
            self._missed += 1
            self._note(told)
        else:
            sound, unfit = reject_batches([told], self.tag_ids)
            self._batches += sound
            self.rows += sum(batch.num_rows for batch in sound)
            for rejected in unfit:
                self._missed += 1
                self._note(rejected)

    def store(self, *, settles: bool) -> None:
        """The one commit point: frames, sequence and epoch, and when it `settles` coverage and gaps too."""
        desk, now = self.visit.desk, self.visit.desk.clock()
        table, faults = sift(pa.Table.from_batches(self._batches, schema=SAMPLE_SCHEMA))
        place = f"{self.visit.source.code}/{LIVE_STREAM}"
        seq = self._seq + 1
        with desk.begin() as connection:
            take_turn(connection, self.visit.system.id)
            stored = put_samples(connection, place, seq, table, self.tag_ids, now=now)
            if faults:
                self._missed += hold_faults(
                    connection,
                    faults,
                    system_id=self.visit.system.id,
                    stream=LIVE_STREAM,
                    connector=self._connector,
                    now=now,
                )
            if settles:
                self._cover(connection, now)
            advance_stream(
                connection,
                self._claim,
                cursor={"seq": seq},
                now=now,
                samples=stored,
                rejected=self._missed,
                is_well=self.outcome.is_well,
            )
        self._seq = seq
        self.outcome.samples += stored
        self.outcome.rejected += self._missed
        self._batches, self.rows, self._missed = [], 0, 0
        receipts, self._receipts = self._receipts, []
        for receipt in receipts:
            receipt.stored()
        if settles:
            self._whole.clear()
            self._why = {(t, at): why for (t, at), why in self._why.items() if self._begins(t) == at}
        desk.progress(self.outcome)

    def _count(self, told: Whole) -> None:
        """Join a promise to the one before it, and see how much of them counts."""
        start, end = told.window.start, told.window.end
        now = self.visit.desk.clock()
        for tag in told.tags:
            if tag not in self.tag_ids:
                msg = f"it promises the tag {tag!r}, which it was not asked for"
                raise ValueError(msg)
            run = self._runs.get(tag)
            if run is None or not run[0] <= start <= run[1] <= end:
                run = (start, end)
                self._refused.pop(tag, None)
                if tag not in self._lasting:
                    self._why[tag, start] = self._lost.pop(tag, "the source promised nothing there")
            self._runs[tag] = (run[0], end)
            # The clock of a source may be ahead of ours, but nobody knows the future.
            counts = min(end - self._settle, now)
            if run[0] < counts:
                self._whole[tag, run[0]] = counts

    def _begins(self, tag: str) -> datetime | None:
        run = self._runs.get(tag)
        return run[0] if run else None

    def _note(self, told: Rejected) -> None:
        """Keep why samples may be missing; whatever is promised next begins anew."""
        for tag in (told.key,) if told.key else self.tag_ids:
            self._runs.pop(tag, None)
            if tag in self.tag_ids and tag not in self._lasting:
                self._lost[tag] = told.reason
                if told.key:
                    self._refused[tag] = told
        if (told.key, told.reason) not in self._said:
            self._said.add((told.key, told.reason))
            log.warning("samples may be missing", source=self.outcome.source, tag=told.key, why=told.reason)

    def _cover(self, connection: Connection, now: datetime) -> None:
        """Note what counts as read; of tags without history also what is missing before it, and why."""
        system_id = self.visit.system.id
        spans: dict[Span, list[str]] = {}
        for (tag, start), end in sorted(self._whole.items()):
            spans.setdefault((start, end), []).append(tag)
        fleeting = sorted({tag for tag, _ in self._whole} - self._lasting)
        gaps = self._gaps(covered_spans(connection, system_id, fleeting))
        for span, tags in spans.items():
            cover(connection, system_id, tags=tags, span=span, now=now)
        release_faults(connection, system_id, [Reading(tag) for tag in fleeting], now=now)
        hold_faults(
            connection,
            [*gaps, *(close_tag(told) for told in self._refused.values())],
            system_id=system_id,
            stream=LIVE_STREAM,
            connector=self._connector,
            now=now,
        )

    def _gaps(self, covered: dict[str, list[Span]]) -> list[Fault]:
        """Give the entries of what lies between the last that was covered and what now counts."""
        found: dict[Span, list[str]] = {}
        for (tag, start), end in sorted(self._whole.items()):
            if tag in self._lasting:
                continue
            before = [reached for began, reached in covered.get(tag, []) if began <= start]
            if before and max(before) < start:
                found.setdefault((max(before), start), []).append(tag)
            covered.setdefault(tag, []).append((start, end))
        return [self._gap(span, tags) for span, tags in found.items()]

    def _gap(self, span: Span, tags: list[str]) -> Fault:
        why = "; ".join(sorted({self._why[tag, span[1]] for tag in tags})[:3])
        count = f"{len(tags)} tags" if len(tags) > 1 else f"the tag {tags[0]}"
        return make_fault(
            GAP,
            tags[0],
            "/".join(format_instant(moment) for moment in span),
            reason=f"samples of {count} may be missing: {why}; the source keeps no history of them",
            remedy="nothing can bring them back; look after the line, or have the source keep history",
            payload="\n".join(tags),
        )
