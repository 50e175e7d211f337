"""One stream of a REST source: pages in, documents out, and a cursor that loses nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.rest.answer import Client, read_json, write_json
from connectors.rest.detail import DetailReader
from connectors.rest.paging import Place, ask_page, can_shift, next_place
from connectors.rest.settings import Offset, PageNumber, RestStream
from hub.model import format_instant, parse_instant
from hub.sdk import BadRecord, Cursor, Document, Misconfigured, Page, Rejected
from hub.sdk.clock import is_astray
from hub.sdk.mapping import Reader, RecordMapping, Scope, parse_expression
from hub.sdk.mapping.path import each_item, parse_each

_TIE = timedelta(seconds=1)
"""Asked for again between two pages: sources cut their times to seconds, and some ask for > instead of >=."""
_PASSES = 3
_TRIED = 5
"""So many items are asked for a detail before `check` says that there is none."""
_Name = tuple[str, int | datetime | None]
"""What tells an item of a page from another: its key, and its version or time of change."""


@dataclass
class _Fetched:
    """One page as it came."""

    documents: list[Document] = field(default_factory=list[Document])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    count: int = 0
    total: int | None = None
    following: Place = None

    def repeats(self, other: "_Fetched") -> bool:
        """Tell whether it holds the same items in the same order; mostly the first one tells."""
        return len(self.documents) == len(other.documents) and all(
            _name(one) == _name(their) for one, their in zip(self.documents, other.documents, strict=True)
        )

    def newest(self, known: datetime | None, *, until: datetime | None = None) -> datetime | None:
        """Give the highest change time of what was seen, `until` then."""
        told = [d.changed_at for d in self.documents if d.changed_at is not None]
        times = [at for at in told if until is None or at <= until]
        return max([*times, known] if known else times, default=None)


@dataclass
class _Marks:
    """How far a reading has come: from when it asks, the newest change, when it began by their clock."""

    since: datetime | None
    high: datetime | None
    began: datetime | None

    def see(self, page: _Fetched, server_time: datetime) -> None:
        self.high = page.newest(self.high)
        self.began = self.began or server_time

    def midway(self, place: Place) -> Cursor:
        times = {"since": self.since, "high": self.high, "began": self.began}
        return {"at": place, **{name: format_instant(t) for name, t in times.items() if t}}

    def final(self) -> Cursor:
        """Follow the change times, but not beyond the moment at which reading began."""
        if self.high is None:
            return {}
        return {"since": format_instant(min(self.high, self.began) if self.began else self.high)}


class StreamReader:
    """Reads one stream. The cursor is `{"since": time}`, with place and marks while reading is under way."""

    def __init__(self, name: str, settings: RestStream, *, client: Client, reader: Reader) -> None:
        self.name = name
        self.settings = settings
        self.mapping = RecordMapping(settings.records, reader)
        self._client = client
        self._reader = reader
        self._items = parse_each(settings.items)
        self._key = reader.finder(parse_expression(settings.key))
        self._changed = reader.finder(parse_expression(settings.changed_at)) if settings.changed_at else None
        self._seq = reader.finder(parse_expression(settings.seq)) if settings.seq else None
        self._deleted = parse_expression(settings.deleted) if settings.deleted else None
        self._total = parse_expression(settings.total) if settings.total else None
        self.detail = DetailReader(settings.detail, client=client, reader=reader) if settings.detail else None

    def check(self) -> int:
        """Ask for the first page, and for a detail of it; give the number of its items."""
        page = self._fetch(None, None, first_count=None)
        self._check_detail([d for d in page.documents if not d.deleted][:_TRIED])
        return page.count

    def _check_detail(self, documents: list[Document]) -> None:
        """Refuse an address at which none of these has a detail; that one has none proves nothing."""
        if self.detail is None:
            return
        fault: BadRecord | None = None
        for document in documents:
            try:
                self.detail.ask(read_json(document.payload, document.key))
            except BadRecord as error:
                fault = error
            else:
                return
        if fault:
            raise Misconfigured(
                f"stream {self.name}: none of {len(documents)} items has a detail; {fault.reason}",
                remedy="correct `detail.path`",
            ) from fault

    def _completed(self, documents: list[Document]) -> list[Document]:
        """Give what is new of a page, each with its detail: what is known already is not asked for again."""
        return [self.detail.complete(document) for document in documents] if self.detail else documents

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Give pages from the cursor on."""
        cursor = cursor or {}
        since = parse_instant(cursor["since"]) if cursor.get("since") else None
        if since and is_astray(since):
            since, cursor = None, {}
        incremental = self.settings.incremental
        if incremental and incremental.sorted and isinstance(self.settings.paging, PageNumber | Offset):
            return self._by_time(since)
        return self._by_place(since, {} if self.settings.snapshot else cursor)

    # ------------------------------------------------------------------ oldest change first: go on by time

    def _by_time(self, since: datetime | None) -> Iterator[Page]:
        """Ask again from the newest time seen: numbered pages shift when an item changes meanwhile.

        The cursor follows what is not dated in the future by their clock: the rest would hide every change
        until then, and is read again until its time has come.
        """
        start = self._start(since)
        mark, high, place, first_count = since, since, None, None
        known: dict[_Name, datetime | None] = {}
        before = _Fetched()
        while True:
            page = self._fetch(start, place, first_count=first_count)
            if place is not None and page.repeats(before):
                return  # the source gives its last page for every number behind it
            before = page
            fresh = [d for d in page.documents if _name(d) not in known]
            known.update({_name(d): d.changed_at for d in fresh})
            high = page.newest(high)
            mark = page.newest(mark, until=self._client.server_time)
            if fresh or page.rejected:
                total = page.total if since is None and start is None else None
                cursor = {"since": format_instant(mark)} if mark else {}
                documents = self._completed(fresh)
                yield Page(documents=documents, rejected=page.rejected, cursor=cursor, total=total)
            if page.following is None:
                return
            onward = high - _TIE if high else None
            if fresh and onward is not None and (start is None or onward > start):
                start, place, first_count = onward, None, None
                known = {n: t for n, t in known.items() if t is None or t >= onward}
            else:  # more items of one second than a page holds
                place, first_count = page.following, first_count or page.count

    # ------------------------------------------------------------------ any order: go on by place

    def _by_place(self, since: datetime | None, cursor: Cursor) -> Iterator[Page]:
        """Read all pages; numbered pages that may shift are read until a pass finds nothing new."""
        marks = _Marks(
            since=since,
            high=parse_instant(cursor["high"]) if cursor.get("high") else since,
            began=parse_instant(cursor["began"]) if cursor.get("began") else None,
        )
        place: Place = cursor.get("at")
        known: set[_Name] = set()
        for number in range(_PASSES):
            fresh = pages = 0
            for page in self._pass(self._start(since), place):
                marks.see(page, self._client.server_time)
                documents = [d for d in page.documents if _name(d) not in known] if known else page.documents
                if can_shift(self.settings.paging):  # else nothing comes twice, and names would only pile up
                    known.update(_name(d) for d in documents)
                fresh, pages = fresh + len(documents), pages + 1
                if documents or page.rejected:
                    midway = marks.midway(page.following)
                    documents = self._completed(documents)
                    yield Page(documents=documents, rejected=page.rejected, cursor=midway, total=page.total)
            if (
                not can_shift(self.settings.paging)
                or (pages == 1 and place is None)
                or (number and not fresh)
            ):
                break
            place = None
        yield Page(documents=[], cursor=marks.final() if self.settings.incremental else {})

    def _pass(self, start: datetime | None, place: Place) -> Iterator[_Fetched]:
        """Give all pages from a place on; one that has expired since is forgotten."""
        try:
            page = self._fetch(start, place, first_count=None)
        except Misconfigured:
            if place is None:
                raise
            place = None
            page = self._fetch(start, place, first_count=None)
        first_count = page.count
        is_numbered = isinstance(self.settings.paging, PageNumber | Offset)
        while True:
            yield page
            before, visited, place = page, place, page.following
            if place is None or place == visited:
                return
            page = self._fetch(start, place, first_count=first_count)
            if is_numbered and page.repeats(before):
                return

    def _start(self, since: datetime | None) -> datetime | None:
        incremental = self.settings.incremental
        if since is None or incremental is None:
            return None
        return since - timedelta(seconds=incremental.look_back_s)

    # ------------------------------------------------------------------ one page

    def _fetch(self, start: datetime | None, place: Place, *, first_count: int | None) -> _Fetched:
        params: dict[str, Any] = dict(self.settings.params)
        incremental = self.settings.incremental
        if incremental and start is not None:
            params[incremental.param] = incremental.template.replace("{since}", self._written(start))
        paging = self.settings.paging
        path, asked = ask_page(paging, place, path=self.settings.path, params=params)
        try:
            answer = self._client.fetch(path, asked)
        except Misconfigured:
            if place is not None and self._client.status == 404 and isinstance(paging, PageNumber | Offset):
                return _Fetched()  # some sources answer 404 behind the last page
            raise
        page = _Fetched()
        for scope in self._walk(answer):
            page.count += 1
            part = self._document(scope)
            if isinstance(part, Document):
                page.documents.append(part)
            else:
                page.rejected.append(part)
        given = self._total.find(Scope(answer)) if self._total else None
        page.total = int(self._reader.number(given)) if given is not None else None
        last = self._is_last(place, page, first_count)
        page.following = next_place(
            paging, place, answer=answer, client=self._client, count=page.count, is_last=last
        )
        return page

    def _is_last(self, place: Place, page: _Fetched, first_count: int | None) -> bool:
        """Judge a numbered page. Sources may cap the size, so a short first page proves nothing."""
        paging = self.settings.paging
        if not page.count:
            return True
        if page.total is not None and isinstance(paging, PageNumber | Offset):
            if isinstance(paging, Offset):
                return int(place or 0) + page.count >= page.total
            pages_before = (paging.start if place is None else int(place)) - paging.start
            return pages_before * (first_count or page.count) + page.count >= page.total
        return first_count is not None and page.count < first_count

    def _walk(self, answer: Any) -> Iterator[Scope]:
        scope = Scope(answer)
        if not self._items:
            items = cast("list[Any]", answer) if isinstance(answer, list) else [answer]
            return (Scope(item) for item in items)
        top = self._items[0].parts[:1]
        if top and not (isinstance(answer, dict) and top[0] in answer):
            keys = (
                ", ".join(list(cast("dict[str, Any]", answer))[:20]) if isinstance(answer, dict) else "a list"
            )
            raise Misconfigured(
                f"the answer of GET {self.settings.path} has no {self.settings.items!r}; it has {keys}",
                remedy=f"correct `items` of stream {self.name}, or look at what the source says",
            )
        return each_item(scope, self._items)

    def _written(self, moment: datetime) -> str:
        pattern = self.settings.incremental.format if self.settings.incremental else None
        if pattern in {"epoch_s", "epoch_ms"}:
            return str(int(moment.timestamp() * (1 if pattern == "epoch_s" else 1000)))
        if pattern is None:
            return format_instant(moment)
        return moment.astimezone(self._reader.zone or UTC).strftime(pattern)

    def _document(self, found: Scope) -> Document | Rejected:
        """Make an item a document by itself: what stands around it in the answer is no part of it."""
        payload = write_json(found.item)
        scope = found if found.parent is None else Scope(found.item)
        try:
            key = self._key(scope)
            if key is None:
                return Rejected(
                    reason=f"the item has no {self.settings.key!r}", where=self.settings.path, payload=payload
                )
            changed = self._changed(scope) if self._changed else None
            seq = self._seq(scope) if self._seq else None
            gone = self._deleted.find(scope) if self._deleted else None
            return Document(
                object_type=self.name,
                key=key if type(key) is str else self._reader.text(key),
                payload=payload,
                changed_at=None if changed is None else self._reader.clock(changed),
                seq=None if seq is None else int(self._reader.number(seq)),
                deleted=gone not in (None, False, "") and (gone is True or self._reader.flag(gone)),
            )
        except ValueError as error:
            return Rejected(reason=str(error), where=self.settings.path, payload=payload)


def _name(document: Document) -> _Name:
    return document.key, document.changed_at if document.seq is None else document.seq
