"""What a source of records promises: resume loses nothing, documents are verbatim text, parse is pure."""

import json
import sys
import threading
import tracemalloc
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from hub.model import NaiveTimeError, Observed, Record
from hub.sdk.contract import RecordSource, Stream
from hub.sdk.document import Cursor, Document, Page, Rejected
from hub.sdk.errors import BadRecord, ConnectorError
from hub.sdk.testing.memory import traced
from hub.sdk.testing.promises import refuse_empty
from hub.sdk.testing.reach import ReachSuite
from hub.sdk.testing.session import MOST, Session
from hub.sdk.testing.verdict import NotOffered, NotTried, fail, require

_NONSENSE = ("", " ", "null", "[]", "{}", "0", "{", "<", "<x/>", "\x00", "ÿ", '{"a": [}')


_CURSOR_BYTES = 65_536
_LARGER = 10


@dataclass(frozen=True)
class Seen:
    """What the hub would notice of a document."""

    object_type: str
    key: str
    version: int
    payload: str
    deleted: bool

    @property
    def label(self) -> str:
        """Name it for a person."""
        return f"{self.object_type} {self.key} (version {self.version})"


class RecordSuite(ReachSuite):
    """The promises of a `RecordSource`; inherit it, override `make`, and `grow` where the world can grow."""

    min_pages = 2
    """Pages that at least one stream of the small world must give, or resuming proves nothing."""

    def make(self) -> RecordSource[Any]:
        """Give a fresh connector on the same small world, each time."""
        raise NotImplementedError

    def make_exact(self) -> RecordSource[Any]:
        """Give a fresh connector that does not look back behind its cursor, where `make`'s does."""
        return self.make()

    def grow(self) -> bool:
        """Add and change something in the world, ideally at the change time of the last; True when done."""
        return False

    def holds(self) -> Mapping[str, int] | None:
        """Give how many documents the small world holds, by stream; counted without the connector."""
        return None

    def make_large(self, factor: int) -> RecordSource[Any] | None:  # noqa: ARG002 - for those that can
        """Give a connector on a world `factor` times as large, with pages as large as ever.

        The larger should be some megabytes, or a connector that holds all it reads does not show.
        """
        return None

    # -------------------------------------------------------------- streams and pages

    def test_streams_are_named_and_stable(self) -> None:
        with Session(self.make()) as first, Session(self.make()) as second:
            streams = list(first.connector.streams())
            names = [stream.name for stream in streams]
            again = [stream.name for stream in second.connector.streams()]
        require(names, "streams() is empty: name at least one stream")
        require(all(names), "streams() has a stream without a name")
        require(len(set(names)) == len(names), f"streams() names a stream twice: {names}")
        require(
            all(stream.every_s > 0 for stream in streams),
            "a stream's every_s must be above 0: the seconds between two looks",
        )
        require(names == again, f"streams() drifts: first {names}, then {again}; the hub keeps state by name")

    def test_cursors_are_json(self) -> None:
        for stream, pages in self._all_pages().items():
            for number, page in enumerate(pages, 1):
                require(
                    round_trip(page.cursor, f"stream {stream}, page {number}") == page.cursor,
                    f"stream {stream}, page {number}: the cursor {page.cursor!r} changes on its way through "
                    "JSON; use texts, numbers, lists and objects with text keys only",
                )
                size = len(json.dumps(page.cursor))
                require(
                    size <= _CURSOR_BYTES,
                    f"stream {stream}, page {number}: the cursor has {size} bytes; it says where to go on, "
                    "not what was read",
                )

    def test_documents_are_named_verbatim_text(self) -> None:
        for stream, pages in self._all_pages().items():
            for document in (d for page in pages for d in page.documents):
                where = f"stream {stream}, {document.object_type} {document.key}"
                require(
                    isinstance(cast("object", document.payload), str),
                    f"{where}: the payload is {type(document.payload).__name__}; keep the source's own text",
                )
                require(document.object_type, f"{where}: object_type is empty; name the kind of object")
                require(document.key, f"{where}: key is empty; name the object inside its source")

    def test_one_version_of_an_object_has_one_content(self) -> None:
        known: dict[tuple[str, str, int], str] = {}
        for seen in (s for pages in self._all_pages().values() for s in flatten(pages)):
            if seen.version and not seen.deleted:
                before = known.setdefault((seen.object_type, seen.key, seen.version), seen.payload)
                require(
                    before == seen.payload,
                    f"{seen.label} has two contents: the hub could not tell which one counts; "
                    "make the key finer or give every change its own version",
                )

    # -------------------------------------------------------------- resuming: the heart

    def test_reading_twice_gives_the_same(self) -> None:
        for stream, pages in self._all_pages().items():
            again = self._read(stream, None)
            _same(set(flatten(pages)), set(flatten(again)), f"stream {stream}, read a second time")

    def test_resuming_at_every_page_loses_nothing_and_doubles_nothing(self) -> None:
        pages_of = self._all_pages()
        most = max(len(pages) for pages in pages_of.values())
        require(
            most >= self.min_pages,
            f"the small world gives {most} page(s) at most, so resuming proves nothing; make the pages "
            "smaller or the world larger",
        )
        for stream, pages in pages_of.items():
            whole = set(flatten(pages))
            for number, page in enumerate(pages, 1):
                rest = self._read(stream, round_trip(page.cursor, f"stream {stream}, page {number}"))
                got = set(flatten(pages[:number])) | set(flatten(rest))
                where = f"stream {stream}, resumed at the cursor of page {number} of {len(pages)}"
                _same(whole, got, where, guess=_guess(pages, number, whole - got))

    def test_reading_goes_on_behind_the_last_cursor(self) -> None:
        is_tried = False
        with Session(self.make_exact()) as session:
            streams = [stream.name for stream in session.connector.streams() if not stream.snapshot]
        for stream in streams:
            pages = self._read(stream, None, self.make_exact)
            told = [set(flatten([page])) for page in pages if page.documents]
            if len(told) < 2 or not pages[-1].cursor or _is_one_tie(pages):
                continue
            is_tried = True
            cursor = round_trip(pages[-1].cursor, f"stream {stream}, the last page")
            again = set(flatten(self._read(stream, cursor, self.make_exact)))
            require(
                not all(page <= again for page in told),
                f"stream {stream}, resumed at its last cursor: all {len(told)} pages came again, so the "
                "cursor is ignored and each look would read the whole source; go on behind it. Where the "
                "connector looks back on purpose, let make_exact() give one that does not; where every "
                "reading begins anew, give {} as the cursor",
            )
        if not is_tried:
            raise NotOffered("no stream of two pages and two seconds gives a place as its cursor")

    def test_a_snapshot_is_whole_from_any_cursor(self) -> None:
        snapshots = self._snapshots()
        if not snapshots:
            raise NotOffered("no stream is a snapshot")
        for stream, pages in self._all_pages().items():
            for number, page in enumerate(pages if stream in snapshots else (), 1):
                rest = self._read(stream, round_trip(page.cursor, f"stream {stream}, page {number}"))
                lost = set(flatten(pages)) - set(flatten(rest))
                require(
                    not lost,
                    f"stream {stream} is a snapshot, and read with the cursor of page {number} it lacks "
                    f"{len(lost)} document(s), e.g. {example_of(lost)}: what a snapshot lacks counts as "
                    "vanished; read it from the beginning whatever the cursor, or drop snapshot=True",
                )

    def test_what_comes_later_is_found_from_the_last_cursor(self) -> None:
        before = self._all_pages()
        if not self.grow():
            raise NotTried(f"{type(self).__name__} does not override grow(): late changes are not tried")
        after = self._all_pages()
        for stream, pages in after.items():
            last = before[stream][-1].cursor if before.get(stream) else None
            got = set(flatten(before.get(stream, []))) | set(flatten(self._read(stream, last)))
            lost = set(flatten(pages)) - got
            require(
                not lost,
                f"stream {stream}: {len(lost)} document(s) that came after the last page were never read, "
                f"e.g. {example_of(lost)}; the last cursor is ahead of what was read, or it excludes its own "
                "change time (use >= with an overlap)",
            )

    def test_one_reading_gives_all_that_the_world_holds(self) -> None:
        held = self.holds()
        if held is None:
            raise NotTried(f"{type(self).__name__} does not override holds(): nobody counts what must come")
        for stream, pages in self._all_pages().items():
            seen = {(s.object_type, s.key) for s in flatten(pages)}
            rejected = sum(len(page.rejected) for page in pages)
            wanted = held.get(stream, 0)
            require(
                len(seen) + rejected == wanted,
                f"stream {stream}: the world holds {wanted} document(s), reading gave {len(seen)} and "
                f"rejected {rejected}; a last page that was not asked for, or one that was skipped, looks so",
            )

    def test_a_page_is_not_given_twice(self) -> None:
        for stream, pages in self._all_pages().items():
            known: dict[frozenset[Seen], int] = {}
            for number, page in enumerate(pages, 1):
                content = frozenset(flatten([page]))
                other = known.setdefault(content, number) if content else number
                require(
                    other == number,
                    f"stream {stream}: pages {other} and {number} of one reading hold the same documents "
                    "(a doubled page); the place of the next page did not move on",
                )

    def test_reading_more_does_not_take_more_memory(self) -> None:
        small = self.make_large(1)
        if small is None:
            raise NotTried(f"{type(self).__name__} does not override make_large(): memory is not tried")
        with Session(self.make()) as session:
            self.drain(session)  # what is loaded at first use would hide what is held
        one = _peak(small)
        large = self.make_large(_LARGER)  # only now: it may enlarge the very world of the small one
        if large is None:
            raise NotTried(f"{type(self).__name__}.make_large() gives no large world: memory is not tried")
        other = _peak(large)
        require(
            other <= 3 * one + 1_000_000,
            f"reading {_LARGER} times as much took {other / 1e6:.1f} MB at its peak, against {one / 1e6:.1f} "
            "MB: memory grows with the source; yield each page when it has come and keep none",
        )

    def test_refused_credentials_never_look_like_an_empty_source(self) -> None:
        refuse_empty(self.make_refused, self.drain)

    # -------------------------------------------------------------- parse

    def test_parse_gives_records_or_rejected_and_nothing_else(self) -> None:
        with Session(self.make()) as session:
            for document in self._documents():
                for part in _parse(session.connector, document):
                    require(
                        isinstance(cast("object", part), Record | Rejected),
                        f"parse gave {type(part).__name__} for {document.object_type} {document.key}; "
                        "only Record or Rejected may come out",
                    )

    def test_parse_is_pure_and_deterministic(self) -> None:
        documents = self._documents()
        with Session(self.make()) as session:
            first = [_parse(session.connector, document) for document in documents]
        with Session(self.make()) as session, _no_io():
            second = [_parse(session.connector, document) for document in documents]
        for document, one, other in zip(documents, first, second, strict=True):
            require(
                one == other,
                f"parse gives different records for the same document {document.object_type} {document.key}; "
                "it may depend on nothing but the document and the settings (no clock, no random, no I/O)",
            )

    def test_parse_gives_each_observed_key_once(self) -> None:
        with Session(self.make()) as session:
            for document in self._documents():
                known: dict[tuple[str, str], Record] = {}
                for part in _parse(session.connector, document):
                    if isinstance(part, Observed):
                        other = known.setdefault((part.record_type, part.key), part)
                        require(
                            other == part,
                            f"{document.object_type} {document.key}: two different {part.record_type} "
                            f"records have the key {part.key!r}, so one would erase the other; "
                            "make the key finer",
                        )

    def test_parse_turns_nonsense_into_bad_records(self) -> None:
        kinds = {document.object_type: document for document in self._documents()}
        with Session(self.make()) as session:
            for document in kinds.values():
                halves = (document.payload[: len(document.payload) // 2], document.payload[:-1])
                for payload in (*_NONSENSE, *halves):
                    _parse(session.connector, replace(document, payload=payload))

    def test_places_are_those_of_records_that_parse_gives(self) -> None:
        with Session(self.make()) as session:
            for document in self._documents():
                said = list(_parse(session.connector, document))
                try:
                    places = list(session.connector.places(document))
                except BadRecord:  # what cannot be read has no places
                    continue
                for placed in places:
                    require(
                        placed.record in said,
                        f"{document.object_type} {document.key}: places() speaks of a "
                        f"{type(placed.record).__name__} at {placed.at!r} that parse() does not give",
                    )

    # -------------------------------------------------------------- reading the world

    def drain(self, session: Session[Any]) -> set[Any]:
        given: set[Any] = set()
        for stream in session.connector.streams():
            for page in session.each(session.connector.read(stream.name, None), most=MOST):
                given |= set(flatten([page]))
                given |= {(piece.where, piece.reason) for piece in page.rejected}
        return given

    def begin(self, session: Session[Any]) -> Any:
        pages_of = self._all_pages()
        longest = max(pages_of, key=lambda name: len(pages_of[name]))
        return session.connector.read(longest, None)

    def _streams(self) -> Sequence[Stream]:
        with Session(self.make()) as session:
            return list(session.connector.streams())

    def _snapshots(self) -> set[str]:
        return {stream.name for stream in self._streams() if stream.snapshot}

    def _all_pages(self) -> dict[str, list[Page]]:
        return {stream.name: self._read(stream.name, None) for stream in self._streams()}

    def _documents(self) -> list[Document]:
        return [d for pages in self._all_pages().values() for page in pages for d in page.documents]

    def _read(
        self, stream: str, cursor: Cursor | None, make: Callable[[], RecordSource[Any]] | None = None
    ) -> list[Page]:
        with Session((make or self.make)()) as session:
            try:
                return session.collect(session.connector.read(stream, cursor), most=MOST)
            except NaiveTimeError as error:
                fail(f"stream {stream}: a time without zone came out of read: {error}")


def flatten(pages: Sequence[Page]) -> Iterator[Seen]:
    """Give what the hub would notice of pages."""
    for page in pages:
        for d in page.documents:
            yield Seen(d.object_type, d.key, d.version, d.payload, d.deleted)


def _guess(pages: Sequence[Page], number: int, lost: set[Seen]) -> str:
    """Say what a cursor that loses documents does wrong, as far as it shows."""
    if not lost:
        return ""
    if number < len(pages) and pages[number - 1].cursor == pages[-1].cursor:
        return "this page bears the cursor of the last one already (the final cursor comes too early)"
    newest = max((seen.version for seen in flatten(pages[:number])), default=0)
    if any(0 < seen.version < newest for seen in lost):
        return "pages are unsorted, so the cursor has passed older changes (give the oldest change first)"
    return ""


def _is_one_tie(pages: Sequence[Page]) -> bool:
    """Tell whether all changes fall in one second: those at a tie may all come again."""
    times = [document.changed_at for page in pages for document in page.documents]
    known = [at for at in times if at is not None]
    return len(known) == len(times) and (max(known) - min(known)).total_seconds() < 1


def _same(whole: set[Seen], got: set[Seen], where: str, *, guess: str = "") -> None:
    lost, more = whole - got, got - whole
    guess = guess or (
        "the cursor is ahead of its page, or it excludes others with the same change time (use >= or a "
        "second key at ties)"
    )
    require(not lost, f"{where}: {len(lost)} document(s) lost, e.g. {example_of(lost)}; {guess}")
    require(
        not more,
        f"{where}: {len(more)} document(s) that the whole read does not have, e.g. {example_of(more)}; the "
        "same object must come with the same version and the same payload",
    )


def _peak(connector: RecordSource[Any]) -> int:
    """Give the most memory in bytes that Python held while everything was read and dropped again."""
    with Session(connector) as session, traced():
        for stream in session.connector.streams():
            for _ in session.each(session.connector.read(stream.name, None), most=MOST * _LARGER):
                pass
        return tracemalloc.get_traced_memory()[1]


def example_of(some: set[Seen]) -> str:
    """Name three of many for a person."""
    return ", ".join(sorted(seen.label for seen in some)[:3])


def round_trip(cursor: Cursor, where: str) -> Cursor:
    """Give a cursor as it comes back from the hub, which stores it as JSON."""
    try:
        return json.loads(json.dumps(cursor))
    except (TypeError, ValueError) as error:
        fail(f"{where}: the cursor {cursor!r} is no JSON ({error}); the hub stores it as JSON")


def _parse(connector: RecordSource[Any], document: Document) -> list[Record | Rejected | str]:
    where = f"{document.object_type} {document.key} ({document.payload[:40]!r}…)"
    try:
        return list(connector.parse(document))
    except BadRecord as error:
        return [Rejected(reason=str(error))]
    except ConnectorError as error:
        fail(f"parse of {where} raised {type(error).__name__}: {error}; parse asks nobody, raise BadRecord")
    except Exception as error:  # noqa: BLE001  whatever else it raises is the finding
        fail(
            f"parse of {where} raised {error!r}; only BadRecord may leave parse: build parts with attempt(), "
            "turn their errors into Rejected with reject()"
        )


_guarded: set[int] = set()
_hooked = threading.Event()


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guarded:  # asked for each event of the interpreter from now on
        return
    if threading.get_ident() in _guarded and event in {"open", "socket.connect", "socket.getaddrinfo"}:
        _guarded.clear()
        fail(f"parse touched the world ({event} {arguments[:1]}); it must be pure so that it can be replayed")


@contextmanager
def _no_io() -> Generator[None]:
    """Fail what this thread opens; everything lazy was loaded by an earlier pass."""
    if not _hooked.is_set():
        _hooked.set()
        sys.addaudithook(_watch)
    _guarded.add(threading.get_ident())
    try:
        yield
    finally:
        _guarded.clear()
