"""What a source of samples promises: half-open windows, one schema, tags that keep their names; also live."""

import tracemalloc
from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa

from hub.model import SAMPLE_SCHEMA, NaiveTimeError, Tag
from hub.sdk.contract import SampleSource
from hub.sdk.document import Rejected, Window
from hub.sdk.errors import ConnectorError
from hub.sdk.testing.live import LiveSuite
from hub.sdk.testing.memory import traced
from hub.sdk.testing.promises import refuse_empty
from hub.sdk.testing.session import MOST, Session
from hub.sdk.testing.verdict import NotOffered, NotTried, fail, require

_LARGER = 10
Row = tuple[str, Any, float | None, str | None, int]


class SampleSuite(LiveSuite):
    """The promises of a `SampleSource`; inherit it, override `make`, and `window` if `extent` gives None.

    Where the source can be followed, override `move` as well.
    """

    def make(self) -> SampleSource[Any]:
        """Give a fresh connector on the same small world, each time."""
        raise NotImplementedError

    def window(self) -> Window:
        """Give a span that holds samples of at least three different times.

        A source of which no tag keeps history has none: what is said of windows is not tried then.
        """
        with Session(self.make()) as session:
            tags = session.collect(session.connector.tags())
            if tags and not any(session.connector.keeps_history(tag.id.value) for tag in tags):
                raise NotOffered("no tag keeps history, so there are no windows")
            extent = session.wait(session.connector.extent())
        if extent is None:
            fail("extent() gives None, so override window(): a span of the small world that holds samples")
        return extent

    def holds(self) -> int | None:
        """Give how many samples the small world holds in `window()`; counted without the connector."""
        return None

    def make_large(self, factor: int) -> tuple[SampleSource[Any], Window] | None:  # noqa: ARG002 - as above
        """Give a connector and a window with `factor` times as many samples, the larger of some megabytes."""
        return None

    # -------------------------------------------------------------- tags

    def test_tags_keep_their_native_names(self) -> None:
        first, second = self._tags(), self._tags()
        require(first, "tags() is empty: the small world must have tags")
        for tag in first:
            require(isinstance(cast("object", tag), Tag), f"tags() gave {type(tag).__name__}; give Tag")
        names = [tag.id.value for tag in first]
        doubled = sorted({name for name in names if names.count(name) > 1})
        require(not doubled, f"tags() names a tag twice: {doubled[:5]}")
        one, other = ({(t.id.scheme, t.id.value) for t in tags} for tags in (first, second))
        require(
            one == other,
            f"tags() drifts between two runs: {sorted(name for _, name in one ^ other)[:5]}; a tag's id must "
            "be the source's own stable name, not a position or a session's handle",
        )

    def test_branches_lead_to_tags_that_there_are(self) -> None:
        with Session(self.make()) as session:
            names = {tag.id.value for tag in session.collect(session.connector.tags())}
            branches = session.connector.branches()
        if not branches:
            raise NotOffered("branches() tells nothing of where tags hang")
        stray = sorted(set(branches) - names)
        require(not stray, f"branches() speaks of tags that tags() does not give: {stray[:5]}")
        bare = sorted(tag for tag, path in branches.items() if not path or isinstance(path, str))
        require(
            not bare,
            f"branches() must give the names from the root to the tag's own, as a sequence: {bare[:5]}",
        )

    # -------------------------------------------------------------- windows

    def test_batches_have_the_sample_schema(self) -> None:
        for batch in self._batches(self._names(), self.window()):
            require(
                isinstance(cast("object", batch), pa.RecordBatch),
                f"samples() gave {type(batch).__name__}; give pyarrow.RecordBatch",
            )
            require(
                batch.schema.equals(SAMPLE_SCHEMA),
                f"samples() gave the schema\n{batch.schema}\nbut SAMPLE_SCHEMA is\n{SAMPLE_SCHEMA}",
            )
            batch.validate(full=True)

    def test_the_window_holds_its_start_and_not_its_end(self) -> None:
        window = self.window()
        rows = self._rows(self._names(), window)
        times = sorted({row[1] for row in rows})
        require(
            len(times) >= 3,
            f"the window holds {len(times)} different times; the small world needs three or more",
        )
        early = [t for t in times if t < window.start]
        late = [t for t in times if t >= window.end]
        require(not early, f"a sample at {early[:1]} comes before the window's start {window.start}")
        require(
            not late, f"a sample at {late[:1]} is at or after the window's end {window.end}: the end is out"
        )
        start, end = times[0], times[len(times) // 2]
        inner = {row[1] for row in self._rows(self._names(), Window(start, end))}
        require(
            start in inner,
            f"the sample at the window's start {start} is missing: the start is in (open window start)",
        )
        require(
            end not in inner,
            f"the sample at the window's end {end} is there: the end is out (a closed window end counts it "
            "twice, here and in the next window)",
        )

    def test_adjacent_windows_give_what_one_window_gives(self) -> None:
        window, names = self.window(), self._names()
        whole = self._rows(names, window)
        times = sorted({row[1] for row in whole})
        for cut in {times[len(times) // 3], times[len(times) // 2], times[-1]}:
            parts = self._rows(names, Window(window.start, cut)) + self._rows(names, Window(cut, window.end))
            _same(whole, parts, f"two windows that meet at {cut}")

    def test_an_empty_window_is_empty(self) -> None:
        window, names = self.window(), self._names()
        moment = self._rows(names, window)[0][1]
        rows = self._rows(names, Window(moment, moment))
        require(not rows, f"the window from {moment} to itself gave {len(rows)} sample(s); it holds nothing")

    def test_the_same_window_gives_the_same_samples(self) -> None:
        window, names = self.window(), self._names()
        _same(self._rows(names, window), self._rows(names, window), "the same window read twice")

    def test_one_reading_gives_all_that_the_world_holds(self) -> None:
        window, held = self.window(), self.holds()
        if held is None:
            raise NotTried(f"{type(self).__name__} does not override holds(): nobody counts what must come")
        given = len(self._rows(self._names(), window))
        require(given == held, f"the world holds {held} samples in its window, samples() gave {given}")

    def test_a_sample_is_given_once(self) -> None:
        rows = self._rows(self._names(), self.window())
        doubled = len(rows) - len({repr(row) for row in rows})
        require(not doubled, f"samples() gave {doubled} sample(s) twice in one window")

    def test_refused_credentials_never_look_like_an_empty_source(self) -> None:
        refuse_empty(self.make_refused, self.drain)

    def test_reading_more_does_not_take_more_memory(self) -> None:
        self.window()  # without a history there is nothing to enlarge
        small = self.make_large(1)
        if small is None:
            raise NotTried(f"{type(self).__name__} does not override make_large(): memory is not tried")
        with Session(self.make()) as session:
            self.drain(session)  # what is loaded at first use would hide what is held
        one = _peak(*small)
        large = self.make_large(_LARGER)  # only now: it may enlarge the very world of the small one
        if large is None:
            raise NotTried(f"{type(self).__name__}.make_large() gives no large world: memory is not tried")
        other = _peak(*large)
        require(
            other <= 3 * one + 1_000_000,
            f"reading {_LARGER} times as many samples took {other / 1e6:.1f} MB of memory at once, "
            f"against {one / 1e6:.1f} MB: yield smaller batches, each when it has come",
        )

    # -------------------------------------------------------------- choice of tags

    def test_only_the_tags_asked_for_come(self) -> None:
        window, names = self.window(), self._names()
        whole = self._rows(names, window)
        apart = [row for name in names for row in self._rows([name], window)]
        for name in names:
            others = {row[0] for row in self._rows([name], window)} - {name}
            require(not others, f"asked for {name!r}, got samples of {sorted(others)[:3]}")
        _same(whole, apart, "the tags asked for one by one")

    def test_a_vanished_tag_does_not_cost_the_others(self) -> None:
        window, names = self.window(), self._names()
        gone = "no such tag any more"
        try:
            rows = self._rows([names[0], gone], window)
        except ConnectorError as error:
            require(gone in str(error), f"the error of a vanished tag does not name it: {error}")
            return
        except Exception as error:  # noqa: BLE001  whatever else it raises is the finding
            fail(f"a vanished tag raised {error!r}; leave it out, or raise BadRecord that names it")
        _same(self._rows([names[0]], window), rows, "asked together with a tag that has vanished")

    # -------------------------------------------------------------- reading the world

    def drain(self, session: Session[Any]) -> set[Any]:
        names = sorted(tag.id.value for tag in session.each(session.connector.tags()))
        given: set[Any] = set(names)
        for item in session.each(session.connector.samples(names, self.window()), most=MOST):
            if isinstance(item, Rejected):
                given.add((item.key, item.reason))
            else:
                given |= {tuple(row.values()) for row in item.to_pylist()}
        return given

    def begin(self, session: Session[Any]) -> Any:
        return session.connector.samples(self._names(), self.window())

    def _tags(self) -> list[Tag]:
        with Session(self.make()) as session:
            return session.collect(session.connector.tags())

    def _names(self) -> Sequence[str]:
        return sorted(tag.id.value for tag in self._tags())

    def _batches(self, tags: Sequence[str], window: Window) -> list[pa.RecordBatch]:
        with Session(self.make()) as session:
            try:
                given = session.collect(session.connector.samples(tags, window), most=MOST)
            except NaiveTimeError as error:
                fail(f"samples() met a time without zone: {error}")
        for item in given:
            if isinstance(item, Rejected):
                require(item.key in tags, f"samples() rejected {item.key!r}, which was not asked for")
        return [item for item in given if not isinstance(item, Rejected)]

    def _rows(self, tags: Sequence[str], window: Window) -> list[Row]:
        rows: list[Row] = []
        for batch in self._batches(tags, window):
            require(batch.column("ts").null_count == 0, "samples() gave a sample without a time")
            rows.extend(
                (row["tag"], row["ts"], row["value"], row["text"], row["quality"])
                for row in batch.to_pylist()
            )
        return rows


def _peak(connector: SampleSource[Any], window: Window) -> int:
    """Give the most bytes that were held while every sample of the window was read and dropped again.

    Arrow's own, and those of Python and NumPy, of which Arrow's columns may be made without a copy.
    """
    most = 0
    with Session(connector) as session:
        names = sorted(tag.id.value for tag in session.each(connector.tags()))
        before = pa.total_allocated_bytes()
        with traced():
            for item in session.each(connector.samples(names, window), most=MOST * _LARGER):
                largest = item.nbytes if isinstance(item, pa.RecordBatch) else 0
                most = max(most, largest, pa.total_allocated_bytes() - before)
            return most + tracemalloc.get_traced_memory()[1]


def _same(whole: list[Row], other: list[Row], where: str) -> None:
    one, two = sorted(map(repr, whole)), sorted(map(repr, other))
    if one != two:
        lost, more = sorted(set(one) - set(two)), sorted(set(two) - set(one))
        fail(
            f"{where}: {len(one)} samples in the whole, {len(two)} here; lost e.g. {lost[:1]}, more e.g. "
            f"{more[:1] or ([] if lost else 'the same sample twice')}"
        )
