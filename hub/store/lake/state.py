"""Where the cold runs stand, as the database tells it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from hub.store.lake.place import TableName
from hub.store.tables import sample_lake

_C = sample_lake.c
_STATE = select(
    _C.live_version,
    _C.superseded_version,
    _C.hourly_version,
    _C.watermark,
    _C.folded,
    _C.retained_from,
    _C.retained_at,
)


@dataclass(frozen=True)
class LakeState:
    """Which version of each table counts, and up to which put frames are folded."""

    live: int = -1
    superseded: int = -1
    hourly: int = -1
    watermark: int = 0
    folded: int = 0
    retained_from: datetime | None = None
    retained_at: datetime | None = None

    @property
    def versions(self) -> dict[TableName, int]:
        """The versions by table."""
        return {"live": self.live, "superseded": self.superseded, "hourly": self.hourly}


def read_lake(connection: Connection) -> LakeState:
    """Give where the cold runs stand."""
    row = connection.execute(_STATE).first()
    return LakeState(*row) if row is not None else LakeState()
