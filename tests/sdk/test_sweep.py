"""Reading by change time while the source goes on working: nothing is lost, whatever changes and ties."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.sweep import Row, Span, Sweep

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@dataclass
class Table:
    """Rows of an application that goes on changing them: after each question, the next planned change."""

    size: int
    rows: dict[int, datetime]
    plan: list[tuple[int, float]] = field(default_factory=list)
    asked: list[Span] = field(default_factory=list)

    def ask(self, span: Span) -> list[Row]:
        self.asked.append(span)
        found = [
            {"id": number, "time": time}
            for number, time in self.rows.items()
            if (span.start is None or time >= span.start)
            and (span.end is None or (time < span.end and number > span.after))
        ]
        found.sort(key=lambda row: row["id"] if span.end else (row["time"], row["id"]))
        if self.plan:
            number, seconds = self.plan.pop(0)
            self.rows[number] = at(seconds)
        return found[: self.size]

    def sweep(self, overlap_s: float = 0) -> Sweep:
        return Sweep(
            ask=self.ask,
            time_of=lambda row: row["time"],
            id_of=lambda row: row["id"],
            size=self.size,
            overlap=timedelta(seconds=overlap_s),
        )

    def content(self) -> set[tuple[int, datetime]]:
        return set(self.rows.items())


def seen(pages: list[tuple[list[Row], dict[str, Any]]]) -> set[tuple[int, datetime]]:
    return {(row["id"], row["time"]) for rows, _ in pages for row in rows}


SECONDS = st.integers(0, 6).flatmap(lambda s: st.sampled_from([s, s + 0.25, s + 0.5]))


@given(
    times=st.lists(SECONDS, max_size=25),
    size=st.integers(1, 6),
    plan=st.lists(st.tuples(st.integers(0, 30), st.integers(10, 14).map(float)), max_size=12),
)
def test_what_changes_while_it_is_read_is_read_in_its_last_state(
    times: list[float], size: int, plan: list[tuple[int, float]]
) -> None:
    plan.sort(key=lambda change: change[1])  # an application's clock does not go back
    table = Table(size, {n: at(s) for n, s in enumerate(times)}, plan)
    got = list(table.sweep().pages({}))
    mark = got[-1][1] if got else {}
    table.plan = []
    assert seen(got) | seen(list(table.sweep().pages(mark))) >= table.content()


@given(times=st.lists(SECONDS, min_size=1, max_size=25), size=st.integers(1, 6), stop=st.integers(0, 40))
def test_stopping_after_any_page_loses_nothing(times: list[float], size: int, stop: int) -> None:
    table = Table(size, {n: at(s) for n, s in enumerate(times)})
    got = list(table.sweep().pages({}))[: stop + 1]
    mark = json.loads(json.dumps(got[-1][1]))
    assert seen(got) | seen(list(table.sweep().pages(mark))) == table.content()


def test_a_transaction_that_commits_late_is_found_within_the_overlap() -> None:
    table = Table(10, {1: at(100)})
    ((_, mark),) = table.sweep().pages({})
    table.rows[2] = at(40)
    assert seen(list(table.sweep(overlap_s=60).pages(mark))) == table.content()
    assert seen(list(table.sweep(overlap_s=30).pages(mark))) == {(1, at(100))}


FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("wrong", [1, 2, 3, 7], ids=["one", "two", "a page", "more than a page"])
def test_rows_dated_in_the_future_hide_no_change(wrong: int) -> None:
    table = Table(3, {1: at(5), 2: at(7)} | {100 + n: FUTURE for n in range(wrong)})
    pages = list(table.sweep().pages({}))
    assert seen(pages) == table.content()
    mark = json.loads(json.dumps(pages[-1][1]))
    assert mark == {"since": "2026-03-01T08:00:07Z"}
    table.rows[3] = at(8)
    again = seen(list(table.sweep().pages(mark)))
    assert again == table.content() - {(1, at(5))}


def test_a_mark_that_lies_in_the_future_already_begins_anew() -> None:
    table = Table(3, {n: at(n) for n in range(5)} | {9: FUTURE})
    for wrong in ({"since": "9999-01-01T00:00:00Z"}, {"since": "9999-01-01T00:00:00Z", "after": 9}):
        assert seen(list(table.sweep().pages(wrong))) == table.content()


def test_a_bulk_import_in_one_second_is_read_in_pages_each_row_once() -> None:
    table = Table(10, {n: at(5) for n in range(1, 101)} | {200: at(7)})
    pages = list(table.sweep().pages({}))
    assert sum(len(rows) for rows, _ in pages) == 101
    assert len(table.asked) < 16
