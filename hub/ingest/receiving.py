"""What edge agents deliver of historians: tags, and windows of samples that the hub has told them it lacks.

The hub keeps what is covered, so it says which windows are to be read. Each is stored with what it covers in
one transaction, under the number that follows the last one: a window that comes twice is known by its number.
"""

from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from hub.ingest.delivery import OutOfTurn, find_claim
from hub.ingest.entering import Errand, Haul, Origin, bound, enter_haul, enter_tags, plan
from hub.ingest.runner import Desk
from hub.ingest.sifting import sift
from hub.ingest.tagmap import TagMap
from hub.ingest.wire import Kept, KeptWindow, SentSpan, SentTags, SentWindow, Wanted, WantedWindow
from hub.sdk import Window
from hub.store.coverage import take_turn
from hub.store.database import Connection
from hub.store.identifiers import ensure_tags
from hub.store.mappings import keep_mapping, name_mapping
from hub.store.streams import Claim, LeaseLost, advance_stream

_WINDOWS = 500
_NAMES = 200_000
"""So many windows, and names of tags in them, are told at once."""


@dataclass(frozen=True)
class SampleCounter:
    """Takes what agents read of one source's signals; `tag_map` is what the hub itself knows of its tags."""

    desk: Desk
    source: str
    tag_map: TagMap | None = None

    def keep_tags(self, sent: SentTags) -> Kept:
        """Note what the source lists, completed by the hub's own map; refused when the reading is over."""
        tags, unfit = sent.receive()
        mapped = [self.tag_map.apply(tag) if self.tag_map else tag for tag in tags]
        now = self.desk.clock()
        try:
            with self.desk.begin() as connection:
                claim = find_claim(connection, self.source, sent.stream, epoch=sent.epoch, holds="records")
                origin = Origin(self.source, claim.system_id, self._name_mapping(connection, claim, sent))
                stored, held = enter_tags(connection, claim, mapped, origin=origin, now=now, unfit=unfit)
        except LeaseLost:
            return Kept(kept=False)
        return Kept(
            kept=True,
            documents=stored.documents,
            records=stored.records,
            rejected=held,
            unchanged=stored.unchanged,
        )

    def list_wanted(self, sent: SentSpan) -> Wanted:
        """Tell which windows of these tags are not covered yet, oldest first; a page of them at once."""
        now = self.desk.clock()
        extent = Window(*sent.extent) if sent.extent else None
        within = bound(sent.start, extent, now=now, settle_s=sent.settle_s) if sent.tags else None
        try:
            with self.desk.begin() as connection:
                claim = find_claim(connection, self.source, sent.stream, epoch=sent.epoch, holds="samples")
                advance_stream(connection, claim, cursor=claim.cursor, now=now)
                errands = plan(connection, claim.system_id, sent.tags, within=within, window_s=sent.window_s)
                some = list(islice(errands, _WINDOWS + 1))
        except LeaseLost:
            return Wanted(kept=False)
        told = _take(some)
        return Wanted(kept=True, windows=told, more=len(told) < len(some))

    def keep_window(self, sent: SentWindow, table: pa.Table) -> KeptWindow:
        """Store a window with what it covers: one transaction, refused when the reading is over.

        Raises `OutOfTurn` when windows before it have not been stored.
        """
        now = self.desk.clock()
        try:
            with self.desk.begin() as connection:
                claim = find_claim(connection, self.source, sent.stream, epoch=sent.epoch, holds="samples")
                take_turn(connection, claim.system_id)
                # Read again: whoever wrote before us has ended now.
                claim = find_claim(connection, self.source, sent.stream, epoch=sent.epoch, holds="samples")
                seq = int((claim.cursor or {}).get("seq", 0))
                if sent.seq != seq + 1:
                    advance_stream(connection, claim, cursor=claim.cursor, now=now)
                if sent.seq <= seq:
                    return KeptWindow(kept=True, seq=seq)
                if sent.seq > seq + 1:
                    raise OutOfTurn(f"window {sent.seq} does not follow window {seq}, which was stored last")
                origin = Origin(self.source, claim.system_id, sent.mapping_version)
                tag_ids = ensure_tags(connection, self.source, sent.tags, now=now)
                stored, held = enter_haul(
                    connection,
                    claim,
                    _receive(sent, table),
                    origin=origin,
                    tag_ids=tag_ids,
                    seq=sent.seq,
                    now=now,
                )
        except LeaseLost:
            return KeptWindow(kept=False)
        return KeptWindow(kept=True, samples=stored, rejected=held, seq=sent.seq)

    def _name_mapping(self, connection: Connection, claim: Claim, sent: SentTags) -> str:
        """Give what reads the tags: the agent's mapping, and the hub's own map where there is one."""
        if self.tag_map is None:
            return sent.mapping_version
        connector, _, rest = sent.mapping_version.partition("/")
        content = {"delivered": sent.mapping_version, "tag_map": self.tag_map.digest}
        version = name_mapping(connector, rest.partition("#")[0], content)
        keep_mapping(connection, claim.system_id, version=version, content=content, now=self.desk.clock())
        return version


def _receive(sent: SentWindow, told: pa.Table) -> Haul:
    table, faults = sift(told)
    return Haul(
        Errand(tuple(sent.tags), Window(sent.start, sent.end)),
        table,
        tuple(one.receive() for one in sent.rejected),
        tuple(faults),
        whole=sent.whole,
    )


def _take(errands: list[Errand]) -> list[WantedWindow]:
    """Give as many windows as are told at once, and one at least."""
    told: list[WantedWindow] = []
    names = 0
    for errand in errands[:_WINDOWS]:
        names += len(errand.tags)
        if told and names > _NAMES:
            break
        window = errand.window
        told.append(WantedWindow(tags=list(errand.tags), start=window.start, end=window.end))
    return told
