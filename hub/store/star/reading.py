"""Reads the star's files with DuckDB, as a database to which the same questions are put as to the store."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.pool import NullPool

from hub.store.questions.columns import flat_columns
from hub.store.star.dialect import StarConnection
from hub.store.star.generations import Generations, Manifest

_SCHEME = "plantwidestar"
_MEMORY = "2GB"
registry.register(_SCHEME, "hub.store.star.dialect", "StarDialect")


class Star:
    """The star's files as they are now; a generation that is being read stays to the end of the reading."""

    def __init__(self, folder: Path) -> None:
        self._generations = Generations(folder)
        self._lock = Lock()
        self._opened: tuple[Path, Manifest, Engine] | None = None

    def manifest(self) -> Manifest | None:
        """Give the current generation; None when none was written yet."""
        opened = self._opened
        if opened is not None and self._generations.is_current(opened[0]):
            return opened[1]
        found = self._generations.current()
        return found[1] if found else None

    @contextmanager
    def read(self, manifest: Manifest) -> Generator[Connection | None]:
        """Give a connection to the files of a generation; None when it is not the current one any more."""
        engine = self._open(manifest)
        if engine is None:
            yield None
            return
        with engine.connect() as connection:
            yield connection

    def _open(self, manifest: Manifest) -> Engine | None:
        with self._lock:
            if self._opened is None or self._opened[1] != manifest:
                found = self._generations.current()
                if found is None or found[1] != manifest:
                    return None
                self._opened = (*found, _open_engine(*found))
            return self._opened[2]


def _open_engine(place: Path, manifest: Manifest) -> Engine:
    """Give DuckDB with a view over the files of each view of the star; only compiled questions reach it."""
    base: Any = duckdb.connect(":memory:", config={"memory_limit": _MEMORY})
    for name, view in manifest.views.items():
        base.execute(_define(name, [place / part.path for part in view.parts]))
    base.execute("SET lock_configuration = true")
    return create_engine(f"{_SCHEME}://", creator=lambda: StarConnection(base.cursor()), poolclass=NullPool)


def _define(name: str, files: list[Path]) -> str:
    """Give the SQL of a view over files. Its times are UTC and do not say so: zones are an extension."""
    listed = ", ".join("'{}'".format(str(path).replace("'", "''")) for path in files)
    times = [one.name for one in flat_columns(name) if one.is_instant]
    plain = ", ".join(f'make_timestamp(epoch_us("{time}")) AS "{time}"' for time in times)
    every = f"* REPLACE ({plain})" if times else "*"
    return f"CREATE VIEW {name} AS SELECT {every} FROM read_parquet([{listed}], hive_partitioning = false)"  # noqa: S608 - names and paths of our own
