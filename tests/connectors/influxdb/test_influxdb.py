"""The InfluxDB connector keeps the promises of the door at a real InfluxDB 1.x, and reads its values as they are."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx2 as httpx
import pytest

from connectors.influxdb import InfluxDb, InfluxDbConfig
from connectors.influxdb.flux import _tables
from connectors.influxdb.series import read_key, write_tags
from hub.sdk import Misconfigured, Rejected, Unavailable, Window
from hub.sdk.testing import SampleSuite
from tests.connectors.influxdb.conftest import COUNT, PASSWORD, USER
from tests.connectors.influxdb.conftest import START as EPOCH

START = datetime.fromtimestamp(EPOCH, UTC)
WHOLE = Window(START, START + timedelta(seconds=COUNT))


def make_influx(base: str, *, password: str = PASSWORD, **settings: Any) -> InfluxDb:
    given = {
        "base_url": base,
        "database": "plant",
        "auth": {"user": USER, "password": password},
        "equipment": "unit",
        **settings,
    }
    return InfluxDb(InfluxDbConfig.model_validate(given))


class TestInfluxQl(SampleSuite):
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def world(self, influx: str) -> None:
        self.base = influx

    def make(self) -> InfluxDb:
        return make_influx(self.base, **self.settings)

    def make_refused(self) -> InfluxDb:
        return make_influx(self.base, password="stolen")

    def holds(self) -> int:
        """One field a second, four each ten, one each thirty."""
        return COUNT + 4 * (COUNT // 10) + COUNT // 30

    def make_large(self, factor: int) -> tuple[InfluxDb, Window]:
        """A database of its own, so that the small world stays as it is."""
        count = 8_000 * factor
        points = "\n".join(f"bioreactor,unit=BR-9 temp={n % 7} {(EPOCH + n) * 10**9}" for n in range(count))
        with httpx.Client(base_url=self.base, auth=(USER, PASSWORD)) as client:
            assert client.post("/query", params={"q": "CREATE DATABASE large"}).is_success
            assert client.post("/write", params={"db": "large"}, content=points.encode()).is_success
        large = make_influx(self.base, database="large", slice_s=1_000)
        return large, Window(START, START + timedelta(seconds=count))

    def window(self) -> Window:
        return WHOLE


class TestInSlices(TestInfluxQl):
    settings: ClassVar[dict[str, Any]] = {
        "slice_s": 7,
        "measurements": ["bioreactor"],
        "tag_name": "{unit}.{_field}",
    }

    def holds(self) -> int:
        """Without the clean room."""
        return super().holds() - COUNT // 30


def read(base: str, *names: str, window: Window = WHOLE, **settings: Any) -> list[dict[str, Any]]:
    with make_influx(base, **settings) as influx:
        given = list(influx.samples(names, window))
    assert not [item for item in given if isinstance(item, Rejected)]
    return [row for batch in given for row in batch.to_pylist()]  # type: ignore[union-attr]


def test_fields_of_series_are_tags_with_their_equipment(influx: str) -> None:
    with make_influx(influx) as connector:
        tags = {tag.id.value: tag for tag in connector.tags()}
        health = connector.check()
    assert (health.system, health.version.startswith("1.")) == ("InfluxDB", True)
    told = tags["bioreactor,unit=BR-2:state"]
    assert (told.equipment and told.equipment.value, told.property, told.value_type, told.is_step) == (
        "BR-2",
        "state",
        "string",
        True,
    )
    assert r"clean room,room=a\,b\=c:pressure" in tags


@pytest.mark.against("influxdb", "InfluxDB 1.x server", how="live")
def test_numbers_texts_and_truth_values_come_as_they_are(influx: str) -> None:
    rows = read(influx, "bioreactor,unit=BR-2:state", "bioreactor,unit=BR-2:on", "bioreactor,unit=BR-2:count")
    of = {
        name: [(r["value"], r["text"]) for r in rows if r["tag"] == f"bioreactor,unit=BR-2:{name}"]
        for name in ("state", "on", "count")
    }
    assert of["state"] == [(None, f'RUN, "{n}"') for n in range(0, COUNT, 10)]
    assert of["on"] == [(float(bool(n % 20)), None) for n in range(0, COUNT, 10)]
    assert of["count"] == [(float(n), None) for n in range(0, COUNT, 10)]


def test_times_are_cut_to_microseconds_and_awkward_names_are_found(influx: str) -> None:
    rows = read(influx, r"bioreactor,site=Co\ rk,unit=BR-1:temp", r"clean room,room=a\,b\=c:pressure")
    temperatures = [r for r in rows if r["tag"].endswith("temp")]
    assert [r["ts"] for r in temperatures[:2]] == [
        START + timedelta(microseconds=1),
        START + timedelta(seconds=1, microseconds=1),
    ]
    assert (len(temperatures), len(rows)) == (COUNT, COUNT + COUNT // 30)


def test_a_statement_that_fails_is_no_empty_answer(influx: str) -> None:
    with make_influx(influx, retention_policy="nope") as connector:
        with pytest.raises(Misconfigured, match="retention policy not found: nope"):
            list(connector.samples(["bioreactor,unit=BR-2:count"], WHOLE))
        with pytest.raises(Misconfigured, match="no retention policy nope; it has autogen"):
            connector.check()
    with (
        make_influx(influx, database="nodb") as connector,
        pytest.raises(Misconfigured, match="database not found: nodb"),
    ):
        connector.check()


def test_an_answer_too_large_is_asked_for_in_halves(influx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_influx(influx) as connector:
        connector.check()
        monkeypatch.setattr(connector._client, "limits", type(connector._client.limits)(max_bytes=4_000))
        given = list(connector.samples([r"bioreactor,site=Co\ rk,unit=BR-1:temp"], WHOLE))
    assert sum(batch.num_rows for batch in given if not isinstance(batch, Rejected)) == COUNT
    assert len(given) > 3


def test_names_that_do_not_tell_series_apart_are_refused(influx: str) -> None:
    with (
        make_influx(influx, tag_name="{_field}") as connector,
        pytest.raises(Misconfigured, match="would both be"),
    ):
        list(connector.tags())


def test_an_influxdb_that_is_down_is_unavailable() -> None:
    with make_influx("http://127.0.0.1:9") as connector, pytest.raises(Unavailable):
        connector.check()


@pytest.mark.parametrize("key", ["m", r"m,a=b\ c", r"m\,n,a\=x=1\,2,b=3"])
def test_a_series_key_is_read_as_it_is_written(key: str) -> None:
    _, tags = read_key(key)
    assert key.endswith(write_tags(tags))


def test_flux_needs_an_organisation() -> None:
    with pytest.raises(ValueError, match="needs `org`"):
        make_influx("http://127.0.0.1:9", language="flux")


def test_an_error_in_place_of_a_table_is_told() -> None:
    with pytest.raises(Misconfigured, match="bucket not found"):
        list(
            _tables(
                b"#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,bucket not found,897\n"
            )
        )
