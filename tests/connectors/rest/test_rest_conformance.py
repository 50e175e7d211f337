"""The REST connector keeps the promises of the door, whichever way the source pages and sorts."""

from typing import Any, ClassVar

import pytest

from connectors.rest import Rest, RestConfig
from hub.sdk.testing import RecordSuite
from tests.connectors.rest.laboratory import TOKEN, Laboratory, item

STREAM: dict[str, Any] = {
    "path": "/samples",
    "items": "data.samples",
    "key": "id",
    "changed_at": "modified",
    "incremental": {"param": "since", "sorted": True},
    "paging": {"kind": "page", "size": 2},
    "records": [
        {"record": "sample", "fields": {"key": "id", "code": "id", "batch": "batchRef"}},
        {
            "record": "test_result",
            "each": "results[*]",
            "fields": {
                "key": "id",
                "sample": "^.id",
                "test_code": "test",
                "value": {"path": "entry", "unit_path": "unit"},
                "measured_at": "^.modified",
            },
        },
    ],
}


def make_rest(
    base_url: str, *, token: str = TOKEN, auth: dict[str, Any] | None = None, **stream: Any
) -> Rest:
    """Give the connector with one stream; `auth` stands in place of the token."""
    written = {name: value for name, value in {**STREAM, **stream}.items() if value is not None}
    return Rest(
        RestConfig.model_validate(
            {"base_url": base_url, "auth": auth or {"bearer": token}, "streams": {"samples": written}}
        )
    )


def second(number: int) -> str:
    """Give a time so many seconds after midnight."""
    return f"2026-03-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"


class Suite(RecordSuite):
    stream: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def world(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.prepare()

    def prepare(self) -> None:
        pass

    def make(self) -> Rest:
        return make_rest(self.laboratory.base, **self.stream)

    def make_refused(self) -> Rest:
        return make_rest(self.laboratory.base, token="stolen", **self.stream)

    def holds(self) -> dict[str, int]:
        return {"samples": 7}

    def grow(self) -> bool:
        self.laboratory.items.append(item(99, "2026-03-01T11:00:00Z"))
        self.laboratory.items[0] = {**item(1, "2026-03-01T12:00:00Z", "9.99"), "version": 2}
        return True


class TestSortedPages(Suite):
    def make_large(self, factor: int) -> Rest:
        self.laboratory.items = [item(n, second(n)) for n in range(100 * factor)]
        return make_rest(self.laboratory.base, paging={"kind": "page", "size": 50})


class TestSortedOffsets(Suite):
    stream: ClassVar[dict[str, Any]] = {
        "paging": {"kind": "offset", "size_param": "size", "size": 2},
        "seq": "version",
    }


class TestSourceThatAsksForLater(Suite):
    def prepare(self) -> None:
        self.laboratory.inclusive = False


class TestSourceThatCapsThePage(Suite):
    stream: ClassVar[dict[str, Any]] = {"paging": {"kind": "page", "size": 50}}

    def prepare(self) -> None:
        self.laboratory.cap = 2


class TestSourceThatRepeatsItsLastPage(Suite):
    def prepare(self) -> None:
        self.laboratory.clamp = True


class TestUnsortedPages(Suite):
    stream: ClassVar[dict[str, Any]] = {"incremental": {"param": "since"}}

    def prepare(self) -> None:
        self.laboratory.sorts = False


class TestTokens(Suite):
    stream: ClassVar[dict[str, Any]] = {
        "paging": {"kind": "cursor", "param": "token", "path": "token", "size_param": "size", "size": 2}
    }


class TestNextUrls(Suite):
    stream: ClassVar[dict[str, Any]] = {
        "paging": {"kind": "next_url", "path": "next", "size_param": "size", "size": 2}
    }


class TestLinkHeaders(Suite):
    stream: ClassVar[dict[str, Any]] = {
        "paging": {"kind": "link", "size_param": "size", "size": 3},
        "incremental": None,
    }


class TestSnapshots(Suite):
    stream: ClassVar[dict[str, Any]] = {"incremental": None, "snapshot": True}
