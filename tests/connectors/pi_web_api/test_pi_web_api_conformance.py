"""The PI Web API connector keeps the promises of the door, on a simulated PI System (see `simulator`)."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from connectors.pi_web_api import PiWebApi
from hub.sdk import Window
from hub.sdk.testing import RecordSuite, SampleSuite
from tests.connectors.pi_web_api.simulator import NOW, START, PiSystem, written
from tests.connectors.pi_web_api.world import make_pi, second


class Forgets(list[Any]):
    """What a small system was asked and answered is judged; a large one would hold it all in our memory."""

    def append(self, item: Any, /) -> None:
        del item


class _Records(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, system: PiSystem) -> None:
        self.system = system

    def make(self) -> PiWebApi:
        return make_pi(self.system.base, max_count=3)

    def make_refused(self) -> PiWebApi:
        return make_pi(self.system.base, password="stolen")

    def holds(self) -> dict[str, int]:
        return {"elements": len(self.system.elements), "event_frames": len(self.system.frames)}

    def make_large(self, factor: int) -> PiWebApi:
        self.system.asked, self.system.answered, self.system.frames = Forgets(), Forgets(), []
        for n in range(200 * factor):
            self.system.add_frame(
                n, "Phase", second(60 * n), second(60 * n + 30), values={"BatchID": {"Value": f"B{n}"}}
            )
        return make_pi(self.system.base, max_count=50)

    def grow(self) -> bool:
        self.system.add_frame(
            8, "Phase", second(500), None, name="Late", values={"BatchID": {"Value": "B26-0117"}}
        )
        self.system.frames[6]["EndTime"] = written(NOW - timedelta(hours=1))
        return True


class TestRecords(_Records):
    pass


class _Samples(SampleSuite):
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def world(self, system: PiSystem) -> None:
        self.system = system

    def make(self) -> PiWebApi:
        return make_pi(self.system.base, **self.settings)

    def make_refused(self) -> PiWebApi:
        return make_pi(self.system.base, password="stolen", **self.settings)

    def holds(self) -> int | None:
        """Give how many values the points have in the window."""
        window = self.window()
        return sum(
            window.start <= e[0] < window.end for events in self.system.events.values() for e in events
        )

    def window(self) -> Window:
        return Window(START, START + timedelta(seconds=40))


class TestRecorded(_Samples):
    def make_large(self, factor: int) -> tuple[PiWebApi, Window]:
        self.system.asked, self.system.answered = Forgets(), Forgets()
        count = 4_000 * factor
        self.system.add_point("BR-2001.TEMP", [(second(n), 36.5 + n % 7, {}) for n in range(count)])
        return make_pi(self.system.base, max_count=1_000), Window(START, second(count))


class TestRecordedWithoutBundles(_Samples):
    settings: ClassVar[dict[str, Any]] = {"batch": False}

    @pytest.fixture(autouse=True)
    def world(self, system: PiSystem) -> None:
        system.has_batch = False
        self.system = system


class TestAttributes(_Samples):
    settings: ClassVar[dict[str, Any]] = {"tags": "attributes"}

    def holds(self) -> int:
        """Attributes refer to two of the four points."""
        return len(self.system.events["BR-2001.TEMP"]) + len(self.system.events["BR-2001.PH"])


class TestInterpolated(_Samples):
    settings: ClassVar[dict[str, Any]] = {"read": {"kind": "interpolated", "step_s": 2}}

    def holds(self) -> int:
        """One value of each point each two of forty seconds."""
        return len(self.system.points) * 20


class TestSummaries(_Samples):
    settings: ClassVar[dict[str, Any]] = {
        "read": {"kind": "summary", "step_s": 5, "types": ["Average", "Count"]}
    }

    def holds(self) -> int:
        """Two summaries of each point each five of forty seconds."""
        return len(self.system.points) * 8 * 2
