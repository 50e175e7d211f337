"""The public conformance suite of i3X judges a hub that serves on loopback: both verdicts, on both engines.

The suite is on no package registry. Whoever has the repository names its folder:

    git clone https://github.com/cesmii/i3X
    PLANTWIDE_TEST_I3X_SUITE=i3X/conformance-tests pytest -m nightly tests/i3x/test_conformance_suite.py

It writes the first object of good quality that is listed, and follows the first two. So that these are signals,
the newest unit of the plant is one that is only spoken of; and so that the suite sees news whenever it looks for
some, one signal says something new each time.
"""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from hub.i3x.door import REASON
from hub.i3x.settings import I3xSettings
from hub.store.database import Database
from tests.api.factories import add_samples, add_thing
from tests.i3x.conftest import Filled, I3x, fill_store, list_puts, open_door
from tests.i3x.test_subscribe import running

pytestmark = pytest.mark.nightly
LIVE = "BR2000-01.PH"
WHY = "the public conformance suite"
FULL, COMPATIBLE = "Full 1.0 Compliance", "1.0 Compatible"
PLAIN_HTTP = {"CORE-05": "warn"}
STREAMS = {"SUB-12": "skip"}
"""What asks whether a hub without streams says so has nothing to ask of one that has them."""
WRITES = {"UPD-05": "skip"}
NO_WRITES = {f"UPD-0{number}": "skip" for number in range(1, 5)}


@pytest.fixture(scope="module")
def suite() -> Path:
    """The command of the suite, in the checkout that somebody has named."""
    given = os.environ.get("PLANTWIDE_TEST_I3X_SUITE")
    if not given:
        pytest.skip(
            "i3X conformance suite: PLANTWIDE_TEST_I3X_SUITE does not name the folder conformance-tests of "
            "github.com/cesmii/i3X (it needs Node.js too)"
        )
    command = Path(given).resolve() / "bin" / "i3x-test.js"
    assert command.is_file(), f"PLANTWIDE_TEST_I3X_SUITE={given}: there is no {command}"
    return command


class Speaking:
    """A signal, and an application before which it speaks whenever news are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers = itertools.count(1)
        with database.begin("test") as connection:
            self._tag = add_thing(connection, "tag", LIVE, value_type="float")

    def say(self) -> None:
        """Say a number that it has not said yet, now."""
        number, now = next(self._numbers), datetime.now(UTC)
        with self._database.begin("test") as connection:
            add_samples(connection, self._tag, [7 + number / 100], start=now, seq=number, now=now)

    def before(self, app: Any) -> Any:
        """Give the application with this signal before it."""

        async def speak_first(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"].endswith("/subscriptions/sync"):
                await to_thread.run_sync(self.say)
            await app(scope, receive, send)

        return speak_first


@pytest.fixture
def hub(migrated_url: str) -> Filled:
    """A store with the small plant, whose newest unit no source has described."""
    filled = fill_store(migrated_url)
    database = Database(migrated_url)
    with database.begin("test") as connection:
        add_thing(connection, "equipment", "BR2000-09", level="Unit", lifecycle="stub", version=0)
    database.close()
    return filled


@pytest.fixture
def judge(suite: Path, hub: Filled, tmp_path: Path) -> Iterator[Callable[..., tuple[I3x, dict[str, Any]]]]:
    """Let the suite judge a door with these settings; give the door and the report."""
    opened: list[Iterator[I3x]] = []

    def run(settings: I3xSettings, *options: str) -> tuple[I3x, dict[str, Any]]:
        opened.append(open_door(hub, settings))
        door = next(opened[-1])
        door.follow_time()
        speaking = Speaking(door.database)
        speaking.say()
        report = tmp_path / "report.json"
        with running(door, speaking.before) as client:
            address = [str(client.base_url).rstrip("/"), "--token", door.keys["operate"]]
            command = ["node", str(suite), "run", *address, *options, "--json", str(report)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert report.is_file(), f"{done.stdout}{done.stderr}"
        return door, json.loads(report.read_text(encoding="utf-8"))

    yield run
    for one in opened:
        next(one, None)


def unusual(report: dict[str, Any]) -> dict[str, str]:
    """Give the tests that did not pass, with how they ended; those that failed with what was said."""
    found = {one["id"]: one for one in report["results"] if one["status"] != "pass"}
    return {key: one["message"] if one["status"] == "fail" else one["status"] for key, one in found.items()}


def test_with_writes_off_the_verdict_is_compatible(judge: Any) -> None:
    door, report = judge(I3xSettings())
    assert unusual(report) == PLAIN_HTTP | STREAMS | NO_WRITES
    assert report["summary"]["verdict"] == COMPATIBLE
    assert not [why for _, why in list_puts(door.database) if why]


def test_with_writes_on_the_verdict_is_full_compliance(judge: Any) -> None:
    door, report = judge(I3xSettings(writes=True), "--header", f"{REASON}: {WHY}")
    assert unusual(report) == PLAIN_HTTP | STREAMS | WRITES
    assert report["summary"]["verdict"] == FULL
    check_trail(door)


def test_a_standing_reason_gets_the_same_verdict_for_a_client_that_gives_none(judge: Any) -> None:
    door, report = judge(I3xSettings(writes=True, reason=WHY))
    assert unusual(report) == PLAIN_HTTP | STREAMS | WRITES
    assert report["summary"]["verdict"] == FULL
    check_trail(door)


def test_with_writes_on_and_no_reason_at_all_nothing_is_written(judge: Any) -> None:
    door, report = judge(I3xSettings(writes=True))
    told = unusual(report)
    assert set(told) == {*PLAIN_HTTP, *STREAMS, *WRITES, "UPD-01", "UPD-02", "UPD-03", "UPD-04"}
    assert all(REASON in told[one] for one in ("UPD-01", "UPD-03", "UPD-04"))
    assert not [who for who, _ in list_puts(door.database) if who.startswith("operate (")]


def check_trail(door: I3x) -> None:
    """Hold the audit trail against the three writes of the suite."""
    written = [why for who, why in list_puts(door.database) if who.startswith("operate (")]
    assert written == [WHY] * 3
