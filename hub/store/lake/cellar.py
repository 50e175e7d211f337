"""What one process remembers of a database's samples: where cold runs lie, and frames it has decoded."""

from collections import OrderedDict
from threading import Lock
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from hub.store.lake.frames import unpack
from hub.store.lake.place import Place
from hub.store.lake.table import Lake

_BYTES = 64 << 20
KEY = "samples"
"""Under which a database's connections know it."""


class NoPlace(Exception):
    """The hub was not told where cold runs of samples lie; set `samples` to a folder or an address."""


class Cellar:
    """The lake of a database (None where it has no place), and a few decoded frames."""

    def __init__(self, place: Place | None) -> None:
        self._lake = Lake(place) if place else None
        self._turn = Lock()
        self._frames: OrderedDict[int, pa.Table] = OrderedDict()
        self._bytes = 0

    @property
    def lake(self) -> Lake:
        """The lake. Raises `NoPlace`."""
        if self._lake is None:
            raise NoPlace(
                "samples of this store lie in cold runs, and it was opened without being told where: give "
                "their folder or address (the setting `samples`, or `Database(url, samples=…)`)"
            )
        return self._lake

    @property
    def has_place(self) -> bool:
        """Whether there is a place for cold runs."""
        return self._lake is not None

    def remembered(self, put_id: int) -> pa.Table | None:
        """Give a frame that was decoded before."""
        with self._turn:
            return self._frames.get(put_id)

    def decode(self, put_id: int, frame: bytes, *, remember: bool) -> pa.Table:
        """Decode a frame; what a transaction may still take back must not be remembered."""
        table = unpack(frame)
        if remember:
            with self._turn:
                if put_id not in self._frames:
                    self._frames[put_id] = table
                    self._bytes += table.nbytes
                while self._bytes > _BYTES:
                    self._bytes -= self._frames.popitem(last=False)[1].nbytes
        return table


def cellar_of(connection: Connection) -> Cellar:
    """Give the cellar of a connection's database."""
    found: Any = connection.info.get(KEY)
    return found if found is not None else Cellar(None)
