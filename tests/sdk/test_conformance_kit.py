"""The kit passes a correct connector, and names the mistake of a wrong one."""

from collections.abc import Callable
from typing import Any, ClassVar
from unittest import SkipTest

import pytest

from hub.sdk import Config, Connector, Misconfigured, RecordSource, Unavailable, reject
from hub.sdk.testing import ConnectorSuite, NotTried, RecordSuite, SampleSuite
from hub.sdk.testing.verdict import NotOffered
from tests.house.tree import ROOT
from tests.sdk.seeded import SEEDS, Seed
from tests.sdk.seeded.curve import (
    FOLLOWED,
    AsyncCurve,
    ComesOnlyOnce,
    Curve,
    CurveSuite,
    LiveCurve,
    LiveSuite,
)
from tests.sdk.seeded.feed import FeedSuite
from tests.sdk.seeded.notes import (
    BEHIND,
    LATER,
    RESUME,
    AsyncNotes,
    FinalCursorAhead,
    IgnoresItsCursor,
    LooseConfig,
    Notes,
    NotesConfig,
    NotesSuite,
    PlainSecretConfig,
    SnapshotFromItsCursor,
    suite_of,
)
from tests.sdk.seeded.table import find, is_caught, write_table


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


class TestACorrectPlainSampleSource(CurveSuite):
    pass


class TestACorrectAsyncSampleSource(CurveSuite):
    kind = AsyncCurve


class TestACorrectSourceThatCanBeFollowed(LiveSuite):
    pass


class TestACorrectConnectorOverHttp(FeedSuite):
    pass


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_a_seeded_mistake_is_named(seed: Seed) -> None:
    assert is_caught(seed), f"the kit said: {find(seed) or 'nothing'}"


def test_the_table_of_seeded_mistakes_is_what_the_kit_finds() -> None:
    readme = (ROOT / "connectors" / "README.md").read_text(encoding="utf-8")
    table = readme.split("<!-- seeds -->\n")[1].split("<!-- /seeds -->")[0]
    assert table == write_table(), "run `poe seeds`"


def test_more_than_sixteen_kinds_of_mistakes_are_seeded() -> None:
    assert len({seed.name for seed in SEEDS}) >= 16


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


@pytest.mark.parametrize(
    ("suite", "memory"),
    [(NotesSuite, RecordSuite), (CurveSuite, SampleSuite)],
)
def test_a_world_that_is_not_enlarged_leaves_the_memory_untried(suite: type[Any], memory: type[Any]) -> None:
    small = type("Small", (suite,), {"make_large": memory.make_large})()
    with pytest.raises(NotTried, match="Small does not override make_large"):
        small.test_reading_more_does_not_take_more_memory()


def test_a_cursor_that_holds_nothing_may_begin_anew() -> None:
    kind = type("Notes", (IgnoresItsCursor,), {"cursor": lambda *_: {}})
    with pytest.raises(NotOffered):
        getattr(suite_of(kind), BEHIND)()


def test_an_overlap_may_give_some_again() -> None:
    class Overlaps(Notes):
        def after(self, cursor: Any) -> list[tuple[str, int]]:
            return [row for row in self.rows if cursor is None or row[1] >= cursor["at"] - 1]

    getattr(suite_of(Overlaps), BEHIND)()


def test_a_snapshot_that_is_whole_from_any_cursor_passes() -> None:
    suite = suite_of(type("Notes", (SnapshotFromItsCursor,), {"after": lambda self, _: self.rows}))
    suite.test_a_snapshot_is_whole_from_any_cursor()
    getattr(suite, RESUME)()


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


def test_a_source_that_does_not_let_go_is_found() -> None:
    suite = LiveSuite()
    suite.kind = ComesOnlyOnce
    with pytest.raises(Unavailable, match="somebody follows already"):
        suite.test_a_follower_that_leaves_can_come_again()


def test_following_is_skipped_by_name_where_it_is_not_offered_or_nothing_moves() -> None:
    suite = CurveSuite()
    with pytest.raises(SkipTest, match="CurveSuite: curve offers no subscription"):
        getattr(suite, FOLLOWED)()
    suite.kind = LiveCurve
    with pytest.raises(SkipTest, match=r"CurveSuite does not override move\(\)"):
        getattr(suite, FOLLOWED)()


def test_a_source_without_a_subscription_says_so() -> None:
    curve = Curve(Config())
    assert not curve.can_subscribe()
    assert LiveCurve(Config()).can_subscribe()
    assert curve.keeps_history("TIC-1")
    with pytest.raises(Misconfigured, match="'curve' offers no subscription"):
        curve.subscribe(["TIC-1"])


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
