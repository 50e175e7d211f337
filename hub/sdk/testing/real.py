"""The promises on a real source: few pages, nothing refused on purpose, and a world that moves meanwhile."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.sdk.clock import utc_now
from hub.sdk.contract import Connector, RecordSource, SampleSource
from hub.sdk.document import Cursor, Page, Window
from hub.sdk.errors import Misconfigured
from hub.sdk.placeholders import fill_placeholders
from hub.sdk.testing.records import RecordSuite, example_of, flatten, round_trip
from hub.sdk.testing.samples import SampleSuite
from hub.sdk.testing.session import Session
from hub.sdk.testing.verdict import NotOffered, NotTried, require


def open_source(file: Path) -> Connector[Any]:
    """Make the connector of a source's settings file; `Misconfigured` names what is wrong."""
    written = fill_placeholders(yaml.safe_load(file.read_text(encoding="utf-8")), {}, file)
    name = written["connector"]
    points = [point for point in entry_points(group="plantwide.connectors") if point.name == name]
    if not points:
        raise Misconfigured(f"connector {name!r} is not installed", remedy="install its package")
    kind: type[Connector[Any]] = points[0].load()
    settings = dict(written.get("settings") or {})
    if written.get("timezone"):
        settings.setdefault("timezone", written["timezone"])
    return kind(kind.config_class.model_validate(settings))


def _lock_nobody_out() -> None:
    raise NotTried("a real source is not asked with wrong credentials: it may lock the account")


class TestLiveRecords(RecordSuite):
    """A source of records as it is."""

    @pytest.fixture(autouse=True)
    def _source(self, live_file: Path, live_pages: int) -> None:
        self._file, self._pages = live_file, live_pages
        with Session(open_source(live_file)) as session:
            if not isinstance(session.connector, RecordSource):
                raise NotOffered("the source gives no records")
            if not session.connector.streams():
                raise NotOffered("the source has no streams of records")

    def make(self) -> Any:
        return open_source(self._file)

    def drain(self, session: Session[Any]) -> set[Any]:
        return {
            seen
            for stream in session.connector.streams()
            for page in islice(session.each(session.connector.read(stream.name, None)), self._pages)
            for seen in flatten([page])
        }

    def _read(
        self, stream: str, cursor: Cursor | None, make: Callable[[], RecordSource[Any]] | None = None
    ) -> list[Page]:
        with Session((make or self.make)()) as session:
            return list(islice(session.each(session.connector.read(stream, cursor)), self._pages))

    def test_resuming_at_every_page_loses_nothing_and_doubles_nothing(self) -> None:
        pages_of = self._all_pages()
        if max(len(pages) for pages in pages_of.values()) < 2:
            raise NotTried("the source gives one page a stream; ask for smaller pages in its settings")
        for stream, pages in pages_of.items():
            for number, page in enumerate(pages[:-1], 1):
                rest = self._read(stream, round_trip(page.cursor, f"stream {stream}, page {number}"))
                got = {(seen.object_type, seen.key) for seen in flatten(rest)}
                lost = {s for s in flatten(pages[number:]) if (s.object_type, s.key) not in got}
                require(
                    not lost,
                    f"stream {stream}, resumed at the cursor of page {number}: {len(lost)} document(s) did "
                    f"not come again within {self._pages} pages, e.g. {example_of(lost)}",
                )

    def test_reading_twice_gives_the_same(self) -> None:
        for stream, pages in self._all_pages().items():
            again = {(seen.object_type, seen.key) for seen in flatten(self._read(stream, None))}
            lost = {seen for seen in flatten(pages) if (seen.object_type, seen.key) not in again}
            require(
                len(lost) <= len(again) // 2,
                f"stream {stream}: most of what was read first did not come again, e.g. {example_of(lost)}",
            )

    def test_reading_goes_on_behind_the_last_cursor(self) -> None:
        raise NotTried("a real source is not read to its last page")

    def test_a_snapshot_is_whole_from_any_cursor(self) -> None:
        snapshots = self._snapshots()
        if not snapshots:
            raise NotOffered("no stream is a snapshot")
        for stream in snapshots:
            for page in self._read(stream, None)[:1]:
                rest = self._read(stream, round_trip(page.cursor, f"stream {stream}, page 1"))
                again = {(seen.object_type, seen.key) for seen in flatten(rest)}
                first = set(flatten([page]))
                lost = {seen for seen in first if (seen.object_type, seen.key) not in again}
                require(
                    len(lost) <= len(first) // 2,
                    f"stream {stream} is a snapshot, and read with the cursor of page 1 it lacks most of "
                    f"that page, e.g. {example_of(lost)}; read it from the beginning whatever the cursor",
                )

    def test_refused_credentials_are_an_error_and_stay_hidden(self) -> None:
        _lock_nobody_out()

    def test_refused_credentials_never_look_like_an_empty_source(self) -> None:
        _lock_nobody_out()


class TestLiveSamples(SampleSuite):
    """A source of samples as it is: the last settled hour of its first ten tags."""

    @pytest.fixture(autouse=True)
    def _source(self, live_file: Path) -> None:
        self._file = live_file
        with Session(open_source(live_file)) as session:
            if not isinstance(session.connector, SampleSource):
                raise NotOffered("the source gives no samples")
        if not self._names():
            raise NotOffered("the source lists no tags")
        if len({row[1] for row in self._rows(self._names(), self.window())}) < 3:
            raise NotTried("the last hour of the source's first tags holds fewer than three times")

    def make(self) -> Any:
        return open_source(self._file)

    def window(self) -> Window:
        with Session(self.make()) as session:
            extent = session.wait(session.connector.extent())
        end = (
            min(extent.end, utc_now() - timedelta(minutes=5)) if extent else utc_now() - timedelta(minutes=5)
        )
        return Window(end - timedelta(hours=1), end)

    def _names(self) -> Sequence[str]:
        return sorted(tag.id.value for tag in self._tags())[:10]

    def test_refused_credentials_are_an_error_and_stay_hidden(self) -> None:
        _lock_nobody_out()

    def test_refused_credentials_never_look_like_an_empty_source(self) -> None:
        _lock_nobody_out()
