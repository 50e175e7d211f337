"""The InfluxDB connector in Flux keeps the promises of the door, at a stand-in that says it is one."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.influxdb import InfluxDb, InfluxDbConfig
from hub.sdk import Window
from hub.sdk.testing import SampleSuite
from tests.connectors.influxdb.flux_server import ROWS, START, TOKEN, serve


@pytest.fixture(scope="module")
def flux_server() -> Iterator[str]:
    with serve() as base:
        yield base


def make_flux(base: str, token: str = TOKEN, *, slice_s: int = 25) -> InfluxDb:
    given: dict[str, Any] = {
        "base_url": base,
        "language": "flux",
        "org": "plant",
        "database": "bucket",
        "auth": {"token": token},
        "slice_s": slice_s,
    }
    return InfluxDb(InfluxDbConfig.model_validate(given))


class TestFlux(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, flux_server: str) -> Iterator[None]:
        self.base = flux_server
        held = list(ROWS)
        yield
        ROWS[:] = held

    def make(self) -> InfluxDb:
        return make_flux(self.base)

    def make_refused(self) -> InfluxDb:
        return make_flux(self.base, "stolen")

    def make_large(self, factor: int) -> tuple[InfluxDb, Window]:
        count = 4_000 * factor
        ROWS[:] = [
            ("double", "temp", "BR-1", [(START + timedelta(seconds=n), str(n % 7)) for n in range(count)])
        ]
        return make_flux(self.base, slice_s=1_000), Window(START, START + timedelta(seconds=count))

    def holds(self) -> int:
        return sum(len(points) for *_, points in ROWS)

    def window(self) -> Window:
        return Window(START, START + timedelta(seconds=60))


def test_values_of_all_kinds_come_from_annotated_csv(flux_server: str) -> None:
    with make_flux(flux_server) as influx:
        names = [tag.id.value for tag in influx.tags()]
        rows = [
            row
            for batch in influx.samples(names, Window(START, START + timedelta(seconds=60)))
            for row in batch.to_pylist()  # type: ignore[union-attr]
        ]
    of = {name: [(r["value"], r["text"]) for r in rows if r["tag"] == name] for name in names}
    assert of["bioreactor,unit=BR-1:state"] == [(None, f"RUN, {n}") for n in range(6)]
    assert of["bioreactor,unit=BR-2:on"] == [(0.0, None), (1.0, None), (0.0, None)]
    assert len(of["bioreactor,unit=BR-1:temp"]) == 60
