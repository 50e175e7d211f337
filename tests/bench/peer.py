"""What a benchmark wants of another sample store: it takes a historian's samples and answers five questions.

A peer keeps a tag's values as numbers with times in milliseconds, which holds all that `historian` makes.
Neither text nor quality is told it: what it would spend on them is spared it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tests.bench.server import Server, bytes_in

arrow: Any = pc
"""Untyped on purpose: the stubs know no texts put together element by element."""

Answer = tuple[npt.NDArray[Any], ...]
"""Columns: whole numbers (times in milliseconds, counts) or values."""


@dataclass(frozen=True)
class Question:
    """A question as this peer has it, and how its answer is read; `reads` is no part of what is measured.

    `sums`: values are sums of thousands, which depend on the order in which they were added.
    """

    path: str
    reads: Callable[[bytes], Answer]
    sums: bool = False


def in_millis(moment: datetime) -> int:
    """Give milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def in_texts(table: pa.Table) -> pa.ChunkedArray:
    """Give the times of a table of samples as texts in milliseconds. Raises `ArrowInvalid` where they are finer."""
    return table["ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).cast(pa.string())


def joined(lines: pa.Array) -> bytes:
    """Give lines as bytes."""
    whole = arrow.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")
    return whole[0].as_buffer().to_pybytes()


class Peer(ABC):
    """A sample store of others, running; it is ended when its block is left."""

    name: ClassVar[str]
    missing: ClassVar[str]
    """What to say where its program is not installed."""
    tolerance: ClassVar[float]
    """How far, relatively, a value that it gives back may be from what it was told."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.server = self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.end()

    @staticmethod
    @abstractmethod
    def find() -> str | None:
        """Give the path of its program, if it is installed."""

    @abstractmethod
    def start(self) -> Server:
        """Start it on this folder with its settings as they come, but for places, ports and limits of questions."""

    @abstractmethod
    def kept_in(self) -> Sequence[Path]:
        """Give the folders of its samples and their index."""

    @abstractmethod
    def write(self, table: pa.Table) -> Iterator[tuple[str, bytes]]:
        """Give a table of samples as requests: path and body."""

    @abstractmethod
    def settle(self) -> float:
        """Let it write and merge all that it holds; give the seconds of processor time that it took."""

    @abstractmethod
    def count(self, start: datetime, end: datetime) -> int:
        """Count all samples in a time, in the store itself."""

    @abstractmethod
    def day(self, tag: str, start: datetime, end: datetime) -> Question:
        """Ask for the samples of a tag in start <= time < end: times, values."""

    @abstractmethod
    def hours(self, tag: str, start: datetime, end: datetime) -> Question:
        """Ask for each hour's least and greatest value of a tag: hours, least, greatest."""

    @abstractmethod
    def latest(self, start: datetime, end: datetime) -> Question:
        """Ask for the last sample of each tag, looked for in a time: times, values in the order of the tags' names."""

    @abstractmethod
    def minutes(self, tags: list[str], start: datetime, end: datetime) -> Question:
        """Ask for the last observations of tags at each minute: how many each has, and their sum, by the tags' names."""

    def size(self) -> int:
        """Give the bytes of its files."""
        return sum(bytes_in(self.kept_in()).values())
