"""The kit passes a correct connector, and names the mistake of a wrong one."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

import pyarrow as pa
import pytest
from pydantic import BaseModel

from hub.model import SAMPLE_SCHEMA, Batch, Identifier, Record, SegmentData, Tag
from hub.sdk import (
    Config,
    Connector,
    Cursor,
    Document,
    Health,
    Page,
    RecordSource,
    Rejected,
    SampleSource,
    SecretStr,
    Stream,
    Unauthorized,
    Unavailable,
    Window,
    attempt,
    reject,
)
from hub.sdk.testing import ConnectorSuite, RecordSuite, SampleSuite

T0 = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
PASSWORD = "hunter2-and-a-half"

# ---------------------------------------------------------------- a small world of records


class NotesConfig(Config):
    password: SecretStr = SecretStr(PASSWORD)


class Notes(RecordSource[NotesConfig]):
    """Five notes; the second to the fourth carry the same change time."""

    name = "notes"
    version = "1.0"
    config_class = NotesConfig
    rows: ClassVar[list[tuple[str, int]]] = [("a", 0), ("b", 1), ("c", 1), ("d", 1), ("e", 2)]

    def check(self) -> Health:
        if self.config.password.get_secret_value() != PASSWORD:
            raise Unauthorized("the notes refused the password", remedy="renew it")
        return Health(system="notes")

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="notes")]

    def after(self, cursor: Cursor | None) -> list[tuple[str, int]]:
        if cursor is None:
            return self.rows
        return [(key, at) for key, at in self.rows if (at, key) > (cursor["at"], cursor["key"])]

    def cursor(self, page: list[tuple[str, int]]) -> Cursor:
        return {"at": page[-1][1], "key": page[-1][0]}

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        rows = self.after(cursor)
        for start in range(0, len(rows), 2):
            page = rows[start : start + 2]
            yield Page(documents=[self.document(key, at) for key, at in page], cursor=self.cursor(page))

    def document(self, key: str, at: int) -> Document:
        payload = json.dumps({"batch": key, "start": (T0 + timedelta(hours=at)).isoformat()})
        return Document(object_type="note", key=key, payload=payload, changed_at=T0 + timedelta(hours=at))

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        try:
            said = json.loads(document.payload)
            start = self.instant(said["start"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            yield Rejected(reason=str(error), where=document.key)
            return
        yield attempt(Batch, document.key, id=said["batch"], actual_start=start)


class AsyncNotes(RecordSource[NotesConfig]):
    name = "notes"
    version = "1.0"
    config_class = NotesConfig

    def __init__(self, config: NotesConfig) -> None:
        super().__init__(config)
        self.plain = Notes(config)

    async def check(self) -> Health:
        return self.plain.check()

    def streams(self) -> Sequence[Stream]:
        return self.plain.streams()

    async def read(self, stream: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        for page in self.plain.read(stream, cursor):
            yield page

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        return self.plain.parse(document)

    async def close(self) -> None:
        return None


class NotesSuite(RecordSuite):
    kind: type[RecordSource[Any]] = Notes
    config: Config = NotesConfig()

    def make(self) -> RecordSource[Any]:
        return self.kind(self.config)

    def make_refused(self) -> Connector[Any] | None:
        return self.kind(self.kind.config_class.model_validate({"password": "wrong-password"}))


def suite_of(kind: type[RecordSource[Any]], config: Config | None = None) -> NotesSuite:
    suite = NotesSuite()
    suite.kind, suite.config = kind, config or kind.config_class()
    return suite


class TestACorrectPlainConnector(NotesSuite):
    def make(self) -> Notes:
        rows = [*Notes.rows, *self.more]
        kind: type[Notes] = type("Notes", (Notes,), {"rows": rows})
        return kind(NotesConfig())

    @pytest.fixture(autouse=True)
    def world(self) -> None:
        self.more: list[tuple[str, int]] = []

    def grow(self) -> bool:
        self.more = [("f", 2), ("g", 9)]
        return True


class TestACorrectAsyncConnector(NotesSuite):
    kind = AsyncNotes


# ---------------------------------------------------------------- seeded mistakes in records


class StrictlyGreater(Notes):
    def after(self, cursor: Cursor | None) -> list[tuple[str, int]]:
        return self.rows if cursor is None else [r for r in self.rows if r[1] > cursor["at"]]


class CursorAhead(Notes):
    def cursor(self, page: list[tuple[str, int]]) -> Cursor:
        following = self.rows.index(page[-1]) + 1
        key, at = self.rows[min(following, len(self.rows) - 1)]
        return {"at": at, "key": key}


class FinalCursorAhead(Notes):
    def cursor(self, page: list[tuple[str, int]]) -> Cursor:
        return {"at": 99, "key": ""} if page[-1] == self.rows[-1] else Notes.cursor(self, page)


class CursorOfDates(Notes):
    def cursor(self, page: list[tuple[str, int]]) -> Cursor:
        return {"at": T0, "key": page[-1][0]}


class NaiveChangeTime(Notes):
    def document(self, key: str, at: int) -> Document:
        return Document(object_type="note", key=key, payload="{}", changed_at=T0.replace(tzinfo=None))


class NaiveBusinessTime(Notes):
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        return [Batch(id=Identifier(value=document.key), actual_start=self.instant("2026-03-10T08:00:00"))]


class ParseRaises(Notes):
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        return [Batch(id=json.loads(document.payload)["batch"])]


class ParseAsks(Notes):
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        with Path(__file__).open(encoding="utf-8") as file:
            return [Batch(id=Identifier(value=file.read(1)))]


class ParseCounts(Notes):
    count = itertools.count()

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        return [Batch(id=Identifier(value=str(next(self.count))))]


class ParseGivesText(Notes):
    def parse(self, document: Document) -> Iterable[Any]:
        return [document.payload]


class TwiceTheSameKey(Notes):
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        for text in ("1", "2"):
            yield SegmentData(key="k", name="pH", value=self.measurement(text))


class TwoContents(Notes):
    def document(self, key: str, at: int) -> Document:
        return Document(object_type="note", key="one", payload=key, changed_at=T0)


class Drifting(Notes):
    count = itertools.count()

    def streams(self) -> Sequence[Stream]:
        return [Stream(name=f"notes {next(self.count)}")]


class BytesPayload(Notes):
    def document(self, key: str, at: int) -> Document:
        return Document(object_type="note", key=key, payload=b"{}", changed_at=T0)  # type: ignore[arg-type]


class SwallowsTheRefusal(Notes):
    def check(self) -> Health:
        return Health(system="notes")


class MistakesTheRefusal(Notes):
    def check(self) -> Health:
        raise Unavailable("the notes do not answer")


class ShowsThePassword(Notes):
    def check(self) -> Health:
        raise Unauthorized(f"refused {self.config.password.get_secret_value()}")


class OldLevel(Notes):
    api_level = 0


class PlainSecretConfig(Config):
    api_key: str | None = "abc"


class Login(BaseModel):
    user: str = "me"


class LooseConfig(Config):
    logins: dict[str, Login] = {}  # noqa: RUF012  Pydantic copies defaults


LATER = "test_what_comes_later_is_found_from_the_last_cursor"
RESUME = "test_resuming_at_every_page_loses_nothing_and_doubles_nothing"
NONSENSE = "test_parse_turns_nonsense_into_bad_records"
REFUSED = "test_refused_credentials_are_an_error_and_stay_hidden"
TWICE = "test_parse_gives_each_observed_key_once"
MISTAKES: list[tuple[type[RecordSource[Any]], str, str]] = [
    (StrictlyGreater, RESUME, r"page 1 of 3: 2 document\(s\) lost, e.g. note c .* note d .*at ties"),
    (CursorAhead, RESUME, r"page 1 of 3: 1 document\(s\) lost, e.g. note c .*cursor is ahead"),
    (CursorOfDates, "test_cursors_are_json", "is no JSON"),
    (NaiveChangeTime, "test_documents_are_named_verbatim_text", "without zone"),
    (
        NaiveBusinessTime,
        "test_parse_gives_records_or_rejected_and_nothing_else",
        "has no zone.*only BadRecord",
    ),
    (ParseRaises, NONSENSE, "JSONDecodeError.*only BadRecord may leave parse"),
    (ParseAsks, "test_parse_is_pure_and_deterministic", r"parse touched the world \(open"),
    (ParseCounts, "test_parse_is_pure_and_deterministic", "gives different records"),
    (ParseGivesText, "test_parse_gives_records_or_rejected_and_nothing_else", "parse gave str"),
    (TwiceTheSameKey, TWICE, "two different segment_data records have the key 'k'"),
    (TwoContents, "test_one_version_of_an_object_has_one_content", "two contents"),
    (Drifting, "test_streams_are_named_and_stable", "drifts"),
    (BytesPayload, "test_documents_are_named_verbatim_text", "payload is bytes"),
    (SwallowsTheRefusal, REFUSED, "would look empty"),
    (MistakesTheRefusal, REFUSED, "raise Unauthorized"),
    (ShowsThePassword, REFUSED, "shows a secret"),
    (OldLevel, "test_it_names_itself_and_the_contract_level_it_was_built_for", "api_level is 0"),
]


@pytest.mark.parametrize(("kind", "promise", "message"), MISTAKES, ids=lambda x: getattr(x, "__name__", None))
def test_a_seeded_mistake_is_named(kind: type[RecordSource[Any]], promise: str, message: str) -> None:
    with pytest.raises(AssertionError, match=f"(?s){message}"):
        getattr(suite_of(kind), promise)()


def test_a_final_cursor_that_is_ahead_loses_what_comes_later() -> None:
    class Growing(NotesSuite):
        rows: ClassVar[list[tuple[str, int]]] = Notes.rows

        def make(self) -> RecordSource[Any]:
            return type("Notes", (FinalCursorAhead,), {"rows": self.rows})(NotesConfig())

        def grow(self) -> bool:
            type(self).rows = [*self.rows, ("f", 3)]
            return True

    with pytest.raises(AssertionError, match=r"were never read, e\.g\. note f"):
        Growing().test_what_comes_later_is_found_from_the_last_cursor()


def test_a_world_of_one_page_proves_nothing_and_says_so() -> None:
    kind = type("Notes", (Notes,), {"rows": Notes.rows[:2]})
    with pytest.raises(AssertionError, match="resuming proves nothing"):
        getattr(suite_of(kind), RESUME)()


def test_a_world_that_cannot_grow_is_skipped_by_name() -> None:
    with pytest.raises(SkipTest, match="does not override grow"):
        getattr(suite_of(Notes), LATER)()


def test_a_plain_text_secret_is_named() -> None:
    kind = type("Notes", (Notes,), {"config_class": PlainSecretConfig})
    with pytest.raises(AssertionError, match=r"PlainSecretConfig\.api_key .*make it SecretStr"):
        suite_of(kind).test_settings_that_hold_secrets_are_secret_strings()


def test_settings_inside_settings_are_judged_too() -> None:
    kind = type("Notes", (Notes,), {"config_class": LooseConfig})
    with pytest.raises(AssertionError, match="Login accepts unknown settings"):
        suite_of(kind).test_settings_are_frozen_and_refuse_unknown_names()


def test_a_secret_setting_needs_a_refused_login() -> None:
    class Lazy(NotesSuite):
        def make_refused(self) -> Connector[Any] | None:
            return None

    with pytest.raises(AssertionError, match=r"password is a secret, so override make_refused\(\)"):
        Lazy().test_refused_credentials_are_an_error_and_stay_hidden()


# ---------------------------------------------------------------- a small world of samples


class Curve(SampleSource[Config]):
    """Two tags, one sample a minute each."""

    name = "curve"
    version = "1.0"
    config_class = Config
    names: ClassVar[list[str]] = ["TIC-1", "FIC-2"]

    def check(self) -> Health:
        return Health(system="curve")

    def tags(self) -> Iterable[Tag]:
        return [Tag(id=Identifier(value=name)) for name in self.names]

    def holds(self, moment: datetime, window: Window) -> bool:
        return window.start <= moment < window.end

    def table(self, name: str, times: list[datetime]) -> pa.RecordBatch:
        n = len(times)
        columns: list[Any] = [[name] * n, times, [float(t.minute) for t in times], [None] * n, [0] * n]
        return pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, SAMPLE_SCHEMA, strict=True)],
            schema=SAMPLE_SCHEMA,
        )

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        times = [t for t in (T0 + timedelta(minutes=m) for m in range(9)) if self.holds(t, window)]
        for name in tags:
            if name in self.names:
                yield self.table(name, times)

    def extent(self) -> Window | None:
        return Window(T0, T0 + timedelta(minutes=8))


class AsyncCurve(SampleSource[Config]):
    name = "curve"
    version = "1.0"
    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.plain = Curve(config)

    async def check(self) -> Health:
        return self.plain.check()

    async def tags(self) -> AsyncIterator[Tag]:
        for tag in self.plain.tags():
            yield tag

    async def samples(self, tags: Sequence[str], window: Window) -> AsyncIterator[pa.RecordBatch]:
        for batch in self.plain.samples(tags, window):
            yield batch

    async def extent(self) -> Window | None:
        return self.plain.extent()


class CurveSuite(SampleSuite):
    kind: type[SampleSource[Any]] = Curve

    def make(self) -> SampleSource[Any]:
        return self.kind(Config())


class TestACorrectPlainSampleSource(CurveSuite):
    pass


class TestACorrectAsyncSampleSource(CurveSuite):
    kind = AsyncCurve


# ---------------------------------------------------------------- seeded mistakes in samples


class ClosedEnd(Curve):
    def holds(self, moment: datetime, window: Window) -> bool:
        return window.start <= moment <= window.end


class OpenStart(Curve):
    def holds(self, moment: datetime, window: Window) -> bool:
        return window.start < moment < window.end


class WrongType(Curve):
    def table(self, name: str, times: list[datetime]) -> pa.RecordBatch:
        batch = Curve.table(self, name, times)
        return batch.set_column(2, "value", batch.column(2).cast(pa.float32()))


class DriftingTags(Curve):
    count = itertools.count()

    def tags(self) -> Iterable[Tag]:
        return [Tag(id=Identifier(value=f"{name}#{next(self.count)}")) for name in self.names]


class AllTags(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        return Curve.samples(self, self.names, window)


class FallsOverVanishedTag(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        for name in tags:
            self.names.index(name)
        return Curve.samples(self, tags, window)


class NoExtent(Curve):
    def extent(self) -> Window | None:
        return None


HALF_OPEN = "test_the_window_holds_its_start_and_not_its_end"
SAMPLE_MISTAKES: list[tuple[type[Curve], str, str]] = [
    (ClosedEnd, HALF_OPEN, "the end is out"),
    (ClosedEnd, "test_adjacent_windows_give_what_one_window_gives", "the same sample twice"),
    (OpenStart, HALF_OPEN, "the start is in"),
    (WrongType, "test_batches_have_the_sample_schema", "value: float"),
    (DriftingTags, "test_tags_keep_their_native_names", "drifts"),
    (AllTags, "test_only_the_tags_asked_for_come", "asked for 'FIC-2', got samples of"),
    (
        FallsOverVanishedTag,
        "test_a_vanished_tag_does_not_cost_the_others",
        "a vanished tag raised ValueError",
    ),
    (NoExtent, HALF_OPEN, "override window"),
]


@pytest.mark.parametrize(("kind", "promise", "message"), SAMPLE_MISTAKES)
def test_a_seeded_mistake_with_samples_is_named(kind: type[Curve], promise: str, message: str) -> None:
    suite = CurveSuite()
    suite.kind = kind
    with pytest.raises(AssertionError, match=message):
        getattr(suite, promise)()


def test_every_promise_is_a_sentence() -> None:
    promises: list[Callable[..., Any]] = [
        getattr(suite, name)
        for suite in (ConnectorSuite, RecordSuite, SampleSuite)
        for name in dir(suite)
        if name.startswith("test_")
    ]
    assert all(len(promise.__name__.split("_")) >= 4 for promise in promises)


def test_rejecting_keeps_the_place() -> None:
    assert reject(ValueError("no zone"), "Batch/Start").where == "Batch/Start"
