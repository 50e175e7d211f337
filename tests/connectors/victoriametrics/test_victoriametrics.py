"""The VictoriaMetrics connector keeps the promises of the door at a real VictoriaMetrics."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx2 as httpx
import pytest

from connectors.victoriametrics import VictoriaMetrics, VictoriaMetricsConfig
from connectors.victoriametrics.connector import read_export
from connectors.victoriametrics.series import sort_labels, write_series
from hub.sdk import Misconfigured, Rejected, Unavailable, Window
from hub.sdk.testing import SampleSuite

USER, PASSWORD = "hub", "let-me-in"
START = datetime(2026, 3, 1, tzinfo=UTC)
COUNT = 300
WHOLE = Window(START, START + timedelta(seconds=COUNT))
SERIES: list[dict[str, str]] = [
    {"__name__": "temperature", "unit": "BR-1", "uom": "degC"},
    {"__name__": "temperature", "unit": "BR-2", "uom": "degC"},
    {"__name__": "pressure", "room": 'a"b\\c'},
]


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a private VictoriaMetrics with a login and 900 values."""
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip(
            "VictoriaMetrics: the program is not installed (Debian: apt-get install victoria-metrics)"
        )
    folder = tmp_path_factory.mktemp("victoria")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        f"-storageDataPath={folder}/data",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-search.latencyOffset=0s",
        f"-httpAuth.username={USER}",
        f"-httpAuth.password={PASSWORD}",
    ]
    with (folder / "victoria.log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    first = int(START.timestamp() * 1000)
    lines = [
        json.dumps(
            {
                "metric": labels,
                "values": [n + i / 10 for n in range(COUNT)],
                "timestamps": [first + 1000 * n + 7 * i for n in range(COUNT)],
            }
        )
        for i, labels in enumerate(SERIES)
    ]
    try:
        with httpx.Client(base_url=base, auth=(USER, PASSWORD)) as client:
            for _ in range(300):
                try:
                    if client.get("/health").is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            assert client.post("/api/v1/import", content="\n".join(lines).encode()).is_success
            for _ in range(300):
                client.get("/internal/force_flush")
                listed = client.get(
                    "/api/v1/series", params={"match[]": '{__name__!=""}', "start": str(START.timestamp())}
                )
                if len(listed.json()["data"]) == len(SERIES):
                    break
                time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(20)


def make_victoria(base: str, *, password: str = PASSWORD, **settings: Any) -> VictoriaMetrics:
    given = {
        "base_url": base,
        "auth": {"user": USER, "password": password},
        "since": START,
        "equipment": "unit",
        "unit": "uom",
        **settings,
    }
    return VictoriaMetrics(VictoriaMetricsConfig.model_validate(given))


class TestVictoriaMetrics(SampleSuite):
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def world(self, victoria: str) -> None:
        self.base = victoria

    def make(self) -> VictoriaMetrics:
        return make_victoria(self.base, **self.settings)

    def make_refused(self) -> VictoriaMetrics:
        return make_victoria(self.base, password="stolen")

    def holds(self) -> int:
        return len(SERIES) * COUNT

    def make_large(self, factor: int) -> tuple[VictoriaMetrics, Window]:
        """Another day of one series, so that the small world stays as it is."""
        first, count = START + timedelta(days=1), 8_000 * factor
        stamps = [int(first.timestamp() * 1000) + 1000 * n for n in range(count)]
        said = {"metric": SERIES[0], "values": [n % 7 for n in range(count)], "timestamps": stamps}
        with httpx.Client(base_url=self.base, auth=(USER, PASSWORD)) as client:
            assert client.post("/api/v1/import", content=json.dumps(said).encode()).is_success
            client.get("/internal/force_flush")
        return make_victoria(self.base, slice_s=1_000), Window(first, first + timedelta(seconds=count))

    def window(self) -> Window:
        return WHOLE


class TestInSlices(TestVictoriaMetrics):
    settings: ClassVar[dict[str, Any]] = {"slice_s": 11, "series_per_request": 2}


@pytest.mark.against("victoriametrics", "VictoriaMetrics server", how="live")
def test_series_are_tags_with_unit_equipment_and_every_value(victoria: str) -> None:
    with make_victoria(victoria) as connector:
        tags = {tag.id.value: tag for tag in connector.tags()}
        rows = [row for batch in connector.samples(list(tags), WHOLE) for row in batch.to_pylist()]  # type: ignore[union-attr]
    told = tags['temperature{unit="BR-1",uom="degC"}']
    assert (told.equipment and told.equipment.value, told.property, told.unit) == (
        "BR-1",
        "temperature",
        "Cel",
    )
    assert len(rows) == len(SERIES) * COUNT
    mine = [r for r in rows if r["tag"] == 'pressure{room="a\\"b\\\\c"}']
    assert [(r["ts"], r["value"]) for r in mine] == [
        (START + timedelta(seconds=n, milliseconds=14), n + 0.2) for n in range(COUNT)
    ]


def test_an_answer_too_large_is_asked_for_in_halves(victoria: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_victoria(victoria) as connector:
        names = [tag.id.value for tag in connector.tags()]
        monkeypatch.setattr(connector._client, "limits", type(connector._client.limits)(max_bytes=6_000))
        given = list(connector.samples(names, WHOLE))
    assert sum(batch.num_rows for batch in given if not isinstance(batch, Rejected)) == len(SERIES) * COUNT


def test_names_that_do_not_tell_series_apart_are_refused(victoria: str) -> None:
    with (
        make_victoria(victoria, tag_name="{__name__}") as connector,
        pytest.raises(Misconfigured, match="would both be temperature"),
    ):
        list(connector.tags())


def test_a_selector_that_takes_nothing_is_told(victoria: str) -> None:
    with (
        make_victoria(victoria, match=['{job="none"}']) as connector,
        pytest.raises(Misconfigured, match="shows no series"),
    ):
        connector.check()


def test_the_end_of_a_series_is_no_sample_and_a_broken_export_is_no_short_one() -> None:
    labels = {"__name__": "t", "unit": "a"}
    body = b'{"metric":{"__name__":"t","unit":"a"},"values":[1,null,3],"timestamps":[1000,2000,3000]}\n'
    names = {sort_labels(labels): write_series(sort_labels(labels))}
    (batch,) = read_export(body, names)
    assert [row["value"] for row in batch.to_pylist()] == [1.0, 3.0]
    with pytest.raises(Unavailable, match="broken off"):
        list(read_export(body[:-20], names))
