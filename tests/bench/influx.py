"""InfluxDB 1.x as a peer: line protocol in batches of 10,000 points, InfluxQL with answers in JSON.

Batches are as its documentation advises (5,000 to 10,000 points); each is fsynced before it is acknowledged
(`wal-fsync-delay = "0s"`, the default). A point has one tag and one field.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa

from tests.bench.peer import Answer, Peer, Question, arrow, in_millis, in_texts, joined
from tests.bench.server import Server, free_ports

BATCH = 10_000
_SETTINGS = """reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
{compaction}
[http]
  bind-address = "127.0.0.1:{http}"
[monitor]
  store-enabled = false
"""
_AT_ONCE = """  cache-snapshot-write-cold-duration = "1s"
  compact-full-write-cold-duration = "1s"
"""
"""A shard that nothing was written to for a second is written out and compacted as a whole (10 min and 4 h)."""


def write_lines(table: pa.Table) -> bytes:
    """Give each sample as a line of the line protocol, times in milliseconds."""
    tags, values = table["tag"].combine_chunks(), table["value"].cast(pa.string()).combine_chunks()
    stamps = in_texts(table).combine_chunks()
    return joined(arrow.binary_join_element_wise("s,t=", tags, " v=", values, " ", stamps, ""))


class Influx(Peer):
    """InfluxDB 1.6, as Debian has it."""

    name = "InfluxDB"
    missing = "InfluxDB: the program `influxd` is not installed (Debian: apt-get install influxdb)"
    tolerance = 0.0

    @staticmethod
    def find() -> str | None:
        return shutil.which("influxd")

    def start(self) -> Server:
        server = self._serve("")
        server.ask("/query?" + urlencode({"q": "CREATE DATABASE bench"}), b"")
        return server

    def kept_in(self) -> Sequence[Path]:
        return [self.folder / "data"]

    def write(self, table: pa.Table) -> Iterator[tuple[str, bytes]]:
        for at in range(0, table.num_rows, BATCH):
            yield "/write?db=bench&precision=ms", write_lines(table.slice(at, BATCH))

    def settle(self) -> float:
        before = self.server.processor()
        self.server.rest(self._folders)
        spent = self.server.processor() - before
        self.server.end()
        self.server = self._serve(_AT_ONCE)
        self.server.rest(self._folders)
        spent += self.server.processor()
        self.server.end()
        shutil.rmtree(self.folder / "wal")  # written out before: whoever counts now would miss what was not
        self.server = self._serve(_AT_ONCE)
        return spent

    def count(self, start: datetime, end: datetime) -> int:
        (series,) = self._rows(self.server.ask(self._path(f"SELECT count(v) FROM s WHERE {_in(start, end)}")))
        return int(series["values"][0][1])

    def day(self, tag: str, start: datetime, end: datetime) -> Question:
        said = f"SELECT v FROM s WHERE t = '{tag}' AND {_in(start, end)}"
        return Question(self._path(said), self._columns)

    def hours(self, tag: str, start: datetime, end: datetime) -> Question:
        said = f"SELECT min(v), max(v) FROM s WHERE t = '{tag}' AND {_in(start, end)} GROUP BY time(1h)"
        return Question(self._path(said), self._columns)

    def latest(self, start: datetime, end: datetime) -> Question:
        said = f"SELECT last(v) FROM s WHERE {_in(start, end)} GROUP BY t"

        def read(answer: bytes) -> Answer:
            series = sorted(self._rows(answer), key=lambda one: one["tags"]["t"])
            stamps, values = zip(*(one["values"][0] for one in series), strict=True)
            return np.array(stamps, np.int64), np.array(values, np.float64)

        return Question(self._path(said), read)

    def minutes(self, tags: list[str], start: datetime, end: datetime) -> Question:
        # A minute's bucket begins a millisecond after the minute before: what it holds last was so at its end.
        begin = in_millis(start) - 59_999
        span = f"time >= {begin}ms AND time < {in_millis(end) - 59_999}ms"
        inner = (
            f"SELECT last(v) AS l FROM s WHERE t =~ /^({'|'.join(tags)})$/ AND {span} "
            "GROUP BY time(1m, 1ms), t fill(previous)"
        )
        said = f"SELECT count(l), sum(l) FROM ({inner}) WHERE {span} GROUP BY t"

        def read(answer: bytes) -> Answer:
            series = sorted(self._rows(answer), key=lambda one: one["tags"]["t"])
            counts, sums = zip(*(one["values"][0][1:] for one in series), strict=True)
            return np.array(counts, np.int64), np.array(sums, np.float64)

        return Question(self._path(said), read, sums=True)

    @property
    def _folders(self) -> list[Path]:
        return [self.folder / "data", self.folder / "wal"]

    def _serve(self, compaction: str) -> Server:
        rpc, http = free_ports(2)
        settings = self.folder / "influx.conf"
        settings.write_text(_SETTINGS.format(rpc=rpc, http=http, folder=self.folder, compaction=compaction))
        command = [str(self.find()), "run", "-config", str(settings)]
        return Server(command, http, ready="/ping", log=self.folder / "influx.log")

    def _path(self, said: str) -> str:
        return "/query?" + urlencode({"db": "bench", "epoch": "ms", "q": said})

    def _rows(self, answer: bytes) -> list[dict[str, Any]]:
        result = json.loads(answer)["results"][0]
        if "error" in result:
            raise RuntimeError(result["error"])
        return result.get("series", [])

    def _columns(self, answer: bytes) -> Answer:
        (series,) = self._rows(answer)
        stamps, *values = zip(*series["values"], strict=True)
        return np.array(stamps, np.int64), *(np.array(column, np.float64) for column in values)


def _in(start: datetime, end: datetime) -> str:
    return f"time >= {in_millis(start)}ms AND time < {in_millis(end)}ms"
