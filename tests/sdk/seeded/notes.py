"""A small world of records, a correct connector on it, and one for each mistake that an author may make."""

import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from hub.model import Batch, Identifier, Record, SegmentData
from hub.sdk import (
    Config,
    Connector,
    Cursor,
    Document,
    Health,
    Page,
    Placed,
    RecordSource,
    Rejected,
    SecretStr,
    Stream,
    Unauthorized,
    Unavailable,
    attempt,
)
from hub.sdk.testing import RecordSuite

T0 = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
PASSWORD = "hunter2-and-a-half"


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
        if self.config.password.get_secret_value() != PASSWORD:
            raise Unauthorized("the notes refused the password", remedy="renew it")
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
        fits = isinstance(self.config, self.kind.config_class)
        return self.kind(self.config if fits else self.kind.config_class())

    def make_large(self, factor: int) -> RecordSource[Any] | None:
        rows = [(f"{n:05d}", n) for n in range(600 * factor)]
        return type(self.kind.__name__, (self.kind,), {"rows": rows})(self.config)

    def holds(self) -> dict[str, int]:
        return {"notes": 5}

    def make_refused(self) -> Connector[Any] | None:
        return self.kind(self.kind.config_class.model_validate({"password": "wrong-password"}))


def suite_of(kind: type[RecordSource[Any]], config: Config | None = None) -> NotesSuite:
    suite = NotesSuite()
    suite.kind, suite.config = kind, config or kind.config_class()
    return suite


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


class FinalCursorEarly(Notes):
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        pages = list(super().read(stream, cursor))
        for page in pages:
            yield Page(documents=page.documents, cursor=pages[-1].cursor)


class Unsorted(Notes):
    """Rows come as the source keeps them, and the cursor follows the newest time seen."""

    rows: ClassVar[list[tuple[str, int]]] = [("e", 9), ("d", 8), ("c", 3), ("b", 2), ("a", 1)]

    def cursor(self, page: list[tuple[str, int]]) -> Cursor:
        at, key = max((at, key) for key, at in page)
        return {"at": at, "key": key}


class KeepsAllPages(Notes):
    def __init__(self, config: NotesConfig) -> None:
        super().__init__(config)
        self.kept: list[Page] = []

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        for page in super().read(stream, cursor):
            self.kept.append(page)
            yield page


class IgnoresItsCursor(Notes):
    def after(self, cursor: Cursor | None) -> list[tuple[str, int]]:
        return self.rows


class NextPageIsTheSame(Notes):
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        first = next(super().read(stream, None))
        while True:
            yield first


class AsyncNextPageIsTheSame(AsyncNotes):
    async def read(self, stream: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        first = next(self.plain.read(stream, None))
        while True:
            yield first


class SnapshotFromItsCursor(Notes):
    def streams(self) -> Sequence[Stream]:
        return [Stream(name="notes", snapshot=True)]


class InventsPlaces(Notes):
    def places(self, document: Document) -> Iterable[Placed]:
        return [Placed(record=Batch(id=Identifier(value="another")), at="line 1")]


class StreamThatNeverRests(Notes):
    def streams(self) -> Sequence[Stream]:
        return [Stream(name="notes", every_s=0)]


class MeltedConfig(NotesConfig):
    model_config = ConfigDict(frozen=False)


class CanBeChanged(Notes):
    config_class = MeltedConfig


class PlainSecretConfig(Config):
    api_key: str | None = "abc"


class KeepsAPlainSecret(RecordSource[PlainSecretConfig]):
    name = "notes"
    version = "1.0"
    config_class = PlainSecretConfig
    check = streams = read = parse = lambda *_: None  # type: ignore[assignment]


class Login(BaseModel):
    user: str = "me"


class LooseConfig(Config):
    logins: dict[str, Login] = {}  # noqa: RUF012  Pydantic copies defaults


LATER = "test_what_comes_later_is_found_from_the_last_cursor"
RESUME = "test_resuming_at_every_page_loses_nothing_and_doubles_nothing"
BEHIND = "test_reading_goes_on_behind_the_last_cursor"
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
    (FinalCursorEarly, RESUME, "final cursor comes too early"),
    (Unsorted, RESUME, "pages are unsorted, so the cursor has passed older changes"),
    (KeepsAllPages, "test_reading_more_does_not_take_more_memory", "memory grows with the source"),
    (IgnoresItsCursor, BEHIND, "stream notes, resumed at its last cursor: all 3 pages came again"),
    (
        NextPageIsTheSame,
        RESUME,
        "reading does not end: after 1,000 pages .*place of the next one does not move",
    ),
    (
        NextPageIsTheSame,
        "test_reading_more_does_not_take_more_memory",
        "reading does not end: after 1,000 pages",
    ),
    (AsyncNextPageIsTheSame, RESUME, "reading does not end: after 1,000 pages"),
    (
        SnapshotFromItsCursor,
        "test_a_snapshot_is_whole_from_any_cursor",
        "is a snapshot, and read with the cursor of page 1 it lacks .*counts as vanished",
    ),
    (InventsPlaces, "test_places_are_those_of_records_that_parse_gives", "parse\\(\\) does not give"),
    (StreamThatNeverRests, "test_streams_are_named_and_stable", "every_s must be above 0"),
    (CanBeChanged, "test_settings_are_frozen_and_refuse_unknown_names", "MeltedConfig can be changed"),
    (
        KeepsAPlainSecret,
        "test_settings_that_hold_secrets_are_secret_strings",
        r"PlainSecretConfig\.api_key .*make it SecretStr",
    ),
    (OldLevel, "test_it_names_itself_and_the_contract_level_it_was_built_for", "api_level is 0"),
]
