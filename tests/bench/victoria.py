"""VictoriaMetrics as a peer: CSV in; MetricsQL, and raw samples by its export.

Of what its documentation offers, `/api/v1/import/csv` takes its processor 0.5 µs a sample of `historian`, JSON lines
(`/api/v1/import`) 0.9 and the line protocol of InfluxDB 0.6; `/api/v1/import/native`, 0.5 too, takes only what another
VictoriaMetrics has exported. It acknowledges what it holds in memory; nothing is fsynced before.
"""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa

from tests.bench.peer import Answer, Peer, Question, arrow, in_millis, in_texts, joined
from tests.bench.server import Server, free_ports

BATCH = 100_000
_FORMAT = urlencode({"format": "1:label:t,2:metric:s,3:time:unix_ms"})
_STEP = timedelta(milliseconds=1)


def write_csv(table: pa.Table) -> bytes:
    """Give each sample as a line: tag, value, time in milliseconds."""
    texts = table["tag"], table["value"].cast(pa.string()), in_texts(table)
    return joined(arrow.binary_join_element_wise(*(text.combine_chunks() for text in texts), ","))


class Victoria(Peer):
    """VictoriaMetrics 1.79, as Debian has it."""

    name = "VictoriaMetrics"
    missing = "VictoriaMetrics: the program is not installed (Debian: apt-get install victoria-metrics)"
    tolerance = 1e-11  # it keeps decimal numbers of some twelve digits

    @staticmethod
    def find() -> str | None:
        return shutil.which("victoria-metrics")

    def start(self) -> Server:
        (port,) = free_ports(1)
        command = [
            str(self.find()),
            f"-storageDataPath={self.folder}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-search.maxSamplesPerSeries=1000000000",
            "-search.maxQueryDuration=30m",
        ]
        return Server(command, port, ready="/health", log=self.folder / "victoria.log")

    def kept_in(self) -> Sequence[Path]:
        return [self.folder / "data" / name for name in ("data", "indexdb", "metadata")]

    def write(self, table: pa.Table) -> Iterator[tuple[str, bytes]]:
        for at in range(0, table.num_rows, BATCH):
            yield f"/api/v1/import/csv?{_FORMAT}", write_csv(table.slice(at, BATCH))

    def settle(self) -> float:
        before = self.server.processor()
        self.server.ask("/internal/force_flush")
        self.server.rest(self.kept_in(), seconds=2)
        self.server.ask("/internal/force_merge")
        time.sleep(1)  # it begins when the answer has gone
        while self._merging():
            time.sleep(0.5)
        self.server.rest(self.kept_in())
        return self.server.processor() - before

    def count(self, start: datetime, end: datetime) -> int:
        said = f"sum(count_over_time(s[{in_millis(end) - in_millis(start)}ms]))"
        (series,) = self._result(self.server.ask(self._at(said, end - _STEP)))
        return int(series["value"][1])

    def day(self, tag: str, start: datetime, end: datetime) -> Question:
        asked = {"match[]": f's{{t="{tag}"}}', "start": _seconds(start), "end": _seconds(end - _STEP)}

        def read(answer: bytes) -> Answer:
            lines = [json.loads(line) for line in answer.splitlines()]
            stamps = np.concatenate([np.array(line["timestamps"], np.int64) for line in lines])
            values = np.concatenate([np.array(line["values"], np.float64) for line in lines])
            order = np.argsort(stamps)
            return stamps[order], values[order]

        return Question("/api/v1/export?" + urlencode(asked), read)

    def hours(self, tag: str, start: datetime, end: datetime) -> Question:
        # A window holds its end and not its beginning: one that ends a millisecond before the hour is the hour.
        said = f'aggr_over_time(("min_over_time", "max_over_time"), s{{t="{tag}"}}[1h])'
        shift = timedelta(hours=1) - _STEP

        def read(answer: bytes) -> Answer:
            least, greatest = (self._by_time(answer, f"{name}_over_time") for name in ("min", "max"))
            return least[0] - 3_599_999, least[1], greatest[1]

        return Question(self._over(said, (start + shift, end - _STEP), "1h"), read)

    def latest(self, start: datetime, end: datetime) -> Question:
        window = in_millis(end) - in_millis(start)
        said = f'aggr_over_time(("tlast_over_time", "last_over_time"), s[{window}ms])'

        def read(answer: bytes) -> Answer:
            stamps, values = self._by_tag(answer, "tlast_over_time", "last_over_time")
            return np.rint(stamps * 1000).astype(np.int64), values

        return Question(self._at(said, end - _STEP), read)

    def minutes(self, tags: list[str], start: datetime, end: datetime) -> Question:
        window = f"{in_millis(end) - in_millis(start)}ms"
        observed = f'last_over_time(s{{t=~"{"|".join(tags)}"}}[{window}])'
        said = f'aggr_over_time(("count_over_time", "sum_over_time"), {observed}[{window}:1m])'

        def read(answer: bytes) -> Answer:
            counts, sums = self._by_tag(answer, "count_over_time", "sum_over_time")
            return counts.astype(np.int64), sums

        return Question(self._at(said, end - timedelta(minutes=1)), read, sums=True)

    def _merging(self) -> bool:
        active = ("vm_active_force_merges", "vm_active_merges")
        lines = self.server.ask("/metrics").decode().splitlines()
        return any(line.startswith(active) and not line.endswith(" 0") for line in lines)

    def _at(self, said: str, moment: datetime) -> str:
        return "/api/v1/query?" + urlencode({"query": said, "time": _seconds(moment), "nocache": 1})

    def _over(self, said: str, span: tuple[datetime, datetime], step: str) -> str:
        asked = {"query": said, "start": _seconds(span[0]), "end": _seconds(span[1]), "step": step}
        return "/api/v1/query_range?" + urlencode({**asked, "nocache": 1})

    def _result(self, answer: bytes) -> list[dict[str, Any]]:
        return json.loads(answer)["data"]["result"]

    def _by_tag(self, answer: bytes, *rollups: str) -> Answer:
        """Give a column for each roll-up function, in the order of the tags' names."""
        found: dict[str, dict[str, float]] = {name: {} for name in rollups}
        for series in self._result(answer):
            found[series["metric"]["rollup"]][series["metric"]["t"]] = float(series["value"][1])
        return tuple(np.array([by[tag] for tag in sorted(by)]) for by in found.values())

    def _by_time(self, answer: bytes, rollup: str) -> Answer:
        """Give times and values of the one series that this roll-up function made."""
        (found,) = (one for one in self._result(answer) if one["metric"]["rollup"] == rollup)
        stamps, values = zip(*found["values"], strict=True)
        return np.rint(np.array(stamps) * 1000).astype(np.int64), np.array(values, np.float64)


def _seconds(moment: datetime) -> str:
    return f"{in_millis(moment) / 1000:.3f}"
