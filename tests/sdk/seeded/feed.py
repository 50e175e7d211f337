"""A small world behind HTTP with pages and a key, a correct connector, and one for each mistake."""

import json
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.model import Batch, Record
from hub.sdk import (
    BadRecord,
    Config,
    ConnectorError,
    Cursor,
    Document,
    Health,
    HttpClient,
    Page,
    RecordSource,
    Rejected,
    SecretStr,
    Stream,
    Unauthorized,
    Unavailable,
    attempt,
)
from hub.sdk.testing import RecordSuite
from hub.sdk.testing.loopback import Answered, Asked, serve

T0 = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
KEY = "open-sesame-77"
ROWS = 9


def answer(asked: Asked) -> Answered:
    """Give two rows a page, by their numbers."""
    if asked.headers.get("x-api-key") != KEY:
        return Answered(status=401, body=b"{}")
    after = int(parse_qs(urlsplit(asked.target).query).get("after", ["0"])[0])
    rows = [{"id": n, "at": (T0 + timedelta(hours=n)).isoformat()} for n in range(after + 1, ROWS + 1)][:2]
    return Answered(status=200, headers={"content-type": "application/json"}, body=json.dumps(rows).encode())


class FeedConfig(Config):
    url: str = "http://127.0.0.1:1"
    key: SecretStr = SecretStr(KEY)


class Feed(RecordSource[FeedConfig]):
    """Asks for the rows behind the last one, two at a time."""

    name = "feed"
    version = "1.0"
    config_class = FeedConfig

    def __init__(self, config: FeedConfig) -> None:
        super().__init__(config)
        self.http = HttpClient(config.url, headers={"x-api-key": config.key.get_secret_value()})

    def check(self) -> Health:
        self.ask(0)
        return Health(system="feed")

    def close(self) -> None:
        self.http.close()

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="rows")]

    def ask(self, after: int) -> list[dict[str, Any]]:
        try:
            return self.http.get_json("/rows", {"after": after})
        except BadRecord as error:
            raise Unavailable("the feed answers no JSON") from error

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        after = int((cursor or {}).get("after", 0))
        while rows := self.ask(after):
            after = rows[-1]["id"]
            yield self.page(rows, after)

    def page(self, rows: list[dict[str, Any]], after: int) -> Page:
        return Page(documents=[self.document(row) for row in rows], cursor={"after": after})

    def document(self, row: dict[str, Any]) -> Document:
        at = datetime.fromisoformat(row["at"])
        return Document(object_type="row", key=str(row["id"]), payload=json.dumps(row), changed_at=at)

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        try:
            said = json.loads(document.payload)
            start = self.instant(said["at"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadRecord(repr(error), where=document.key) from error
        yield attempt(Batch, document.key, id=str(said["id"]), actual_start=start)


class FeedSuite(RecordSuite):
    kind: type[RecordSource[Any]] = Feed
    url: str = ""

    @contextmanager
    def running(self) -> Generator[None]:
        with serve(answer) as self.url:
            yield

    @pytest.fixture(autouse=True)
    def world(self) -> Iterator[None]:
        with self.running():
            yield

    def make(self) -> RecordSource[Any]:
        return self.kind(self.kind.config_class.model_validate({"url": self.url}))

    def make_refused(self) -> RecordSource[Any]:
        return self.kind(self.kind.config_class.model_validate({"url": self.url, "key": "guess"}))

    def holds(self) -> dict[str, int]:
        return {"rows": ROWS}


class SwallowsBusy(Feed):
    def ask(self, after: int) -> list[dict[str, Any]]:
        try:
            return super().ask(after)
        except Unavailable as error:
            if error.retry_after:
                return []
            raise


class DropsRetryAfter(Feed):
    def ask(self, after: int) -> list[dict[str, Any]]:
        try:
            return super().ask(after)
        except Unavailable as error:
            raise Unavailable(error.what) from error


class SwallowsFailures(Feed):
    def ask(self, after: int) -> list[dict[str, Any]]:
        try:
            return super().ask(after)
        except Unavailable:
            return []


class SwallowsFailuresUnderWay(Feed):
    def ask(self, after: int) -> list[dict[str, Any]]:
        try:
            return super().ask(after)
        except Unavailable:
            if not after:
                raise
            return []


class WrongPasswordLooksEmpty(Feed):
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        try:
            yield from super().read(stream, cursor)
        except Unauthorized:
            return


class LoginPageLooksEmpty(Feed):
    def ask(self, after: int) -> list[dict[str, Any]]:
        body = self.http.get("/rows", {"after": after})
        return json.loads(body) if body.startswith(b"[") else []


class ConfusesAbsence(Feed):
    def check(self) -> Health:
        try:
            return super().check()
        except Unavailable as error:
            raise Unauthorized(error.what) from error


class LosesTheLastPage(Feed):
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        for page in super().read(stream, cursor):
            if len(page.documents) < 2:
                return
            yield page


class DoublesAPage(Feed):
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        for page in super().read(stream, cursor):
            yield page
            if page.cursor["after"] == 4:
                yield page


class HoldsEverything(Feed):
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        yield from list(super().read(stream, cursor))


class BlocksTheLoop(Feed):
    async def read(  # type: ignore[override]
        self, stream: str, cursor: Cursor | None
    ) -> AsyncIterator[Page]:
        for page in Feed.read(self, stream, cursor):
            yield page


class SleepsOnTheLoop(Feed):
    async def check(self) -> Health:  # type: ignore[override]
        time.sleep(0.001)  # noqa: ASYNC251 - the mistake itself
        return Health(system="feed")


class CursorOfAllThatWasRead(Feed):
    def page(self, rows: list[dict[str, Any]], after: int) -> Page:
        return Page(
            documents=[self.document(row) for row in rows], cursor={"after": after, "seen": "x" * 70_000}
        )


class LaxConfig(FeedConfig):
    verify: bool = False


class LeavesCertificatesUnverified(Feed):
    config_class = LaxConfig


class NeedsAnAddress(Config):
    reach: ClassVar[Mapping[str, Any]] = {"url": None}
    url: str
    key: SecretStr = SecretStr(KEY)


class CannotBeRecalled(Feed):
    config_class = NeedsAnAddress


class RaisesItsOwnErrors(Feed):
    def ask(self, after: int) -> list[dict[str, Any]]:
        try:
            return super().ask(after)
        except ConnectorError as error:
            raise RuntimeError(error.what) from error


BUSY = "test_a_source_that_asks_to_wait_is_waited_for"
FAILS = "test_a_source_that_fails_never_looks_empty"
UNDER_WAY = "test_an_answer_that_fails_under_way_ends_the_reading"
CUT = "test_an_answer_that_is_cut_off_ends_the_reading"
FEED_MISTAKES: list[tuple[type[Feed], str, str]] = [
    (SwallowsBusy, BUSY, r"check\(\) made nothing at all of a 429"),
    (DropsRetryAfter, BUSY, "without the source's Retry-After"),
    (SwallowsFailures, FAILS, "made nothing at all of status 500"),
    (SwallowsFailuresUnderWay, UNDER_WAY, r"question 2 of 6 was status 500: 7 of 9 pieces are missing"),
    (SwallowsFailuresUnderWay, CUT, "question 2 of 6 was a connection that was cut off"),
    (RaisesItsOwnErrors, UNDER_WAY, "raised RuntimeError.* after status 500; raise Unavailable"),
    (
        WrongPasswordLooksEmpty,
        "test_refused_credentials_never_look_like_an_empty_source",
        "gave nothing and no error: a wrong password would look like an empty source",
    ),
    (
        LoginPageLooksEmpty,
        "test_a_page_for_people_never_looks_like_an_empty_source",
        "made nothing at all of an HTML page",
    ),
    (ConfusesAbsence, "test_a_source_that_is_not_there_is_unavailable", "made Unauthorized.* not there"),
    (
        LosesTheLastPage,
        "test_one_reading_gives_all_that_the_world_holds",
        r"holds 9 document\(s\), reading gave 8 .*last page",
    ),
    (DoublesAPage, "test_a_page_is_not_given_twice", "pages 2 and 3 .*doubled page"),
    (
        HoldsEverything,
        "test_a_reading_gives_what_it_has_before_it_has_all",
        "all 6 questions were asked before the first page.*held in memory",
    ),
    (BlocksTheLoop, "test_reading_twice_gives_the_same", "blocks the event loop"),
    (SleepsOnTheLoop, "test_check_says_who_answers", r"time\.sleep\(0\.001\) blocks the event loop"),
    (CursorOfAllThatWasRead, "test_cursors_are_json", "the cursor has 700.. bytes"),
    (
        LeavesCertificatesUnverified,
        "test_certificates_are_verified_unless_a_person_says_otherwise",
        r"LaxConfig\.verify leaves certificates unverified",
    ),
    (CannotBeRecalled, "test_settings_are_recalled_without_secrets", r"recall\(meaning\(\)\) fails"),
]
