"""Writes the star's files: views that something was written for since are read; files that change are new.

A fact lies in a file a month, so what happened this month leaves the files of the years before as they are.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from sqlalchemy import Connection

from hub.store.database import Database
from hub.store.mart import STAR
from hub.store.order import newest_known
from hub.store.questions.collections import find_collection
from hub.store.questions.columns import ROWS, schema_of, stream_columns
from hub.store.questions.question import ask
from hub.store.star.freshness import define, is_current
from hub.store.star.generations import Generations, Manifest, Part, View

MONTHS = {
    "fact_batch": "start_day",
    "fact_phase": "start_day",
    "fact_material_movement": "day",
    "fact_test_result": "done_day",
    "fact_event": "day",
    "fact_equipment_time": "day",
    "fact_kpi": "period_day",
}
"""The day (yyyymmdd) by whose month the rows of each fact are laid apart; dimensions are one file each."""
_WHOLE = -1
_pc: Any = pyarrow.compute
_parquet: Any = pyarrow.parquet
_arrow: Any = pa


@dataclass(frozen=True)
class Refreshed:
    """What was done: views read anew, files written, files that are as they were; the generation now."""

    views: int
    written: int
    kept: int
    manifest: Manifest


def refresh(
    database: Database, folder: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Refreshed:
    """Write what has changed since the last time, as a new generation when anything has.

    Raises `StarBusy` while another process does so.
    """
    generations = Generations(folder)
    with generations.writing(), database.read() as connection:
        found = generations.current()
        before = found[1] if found else None
        known_at = newest_known(connection)
        stale = [name for name in STAR if not _stands(connection, before, name)]
        if before is not None and not stale and before.known_at == known_at:
            return Refreshed(0, 0, sum(len(view.parts) for view in before.views.values()), before)
        place = generations.begin(before.number + 1 if before else 1)
        writer = _Writer(place, found)
        views = {name: writer.write(connection, name, is_stale=name in stale) for name in STAR}
        manifest = Manifest(
            number=before.number + 1 if before else 1, known_at=known_at, written_at=clock(), views=views
        )
        generations.finish(place, manifest)
        generations.clear(now=clock())
        return Refreshed(len(stale), writer.written, writer.kept, manifest)


def _stands(connection: Connection, before: Manifest | None, name: str) -> bool:
    if before is None or name not in before.views or before.views[name].definition != define(name):
        return False
    return is_current(connection, [name], since=before.known_at)


class _Writer:
    """Fills a new generation from the store and from the one before."""

    def __init__(self, place: Path, found: tuple[Path, Manifest] | None) -> None:
        self._place = place
        self._before = found[0] if found else None
        self._views: Mapping[str, View] = found[1].views if found else {}
        self.written = 0
        self.kept = 0

    def write(self, connection: Connection, name: str, *, is_stale: bool) -> View:
        """Give a view's files: those of the generation before as far as they hold the same."""
        before = {part.path: part for part in self._views[name].parts} if name in self._views else {}
        if not is_stale:
            parts = list(before.values())
            for part in parts:
                self._keep(part)
            return View(definition=define(name), parts=tuple(parts))
        made = [
            self._settle(path, rows, before) for path, rows in _write_files(connection, name, self._place)
        ]
        return View(definition=define(name), parts=tuple(sorted(made, key=lambda part: part.path)))

    def _settle(self, path: Path, rows: int, before: dict[str, Part]) -> Part:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        below = path.relative_to(self._place).as_posix()
        part = Part(path=below, rows=rows, bytes=path.stat().st_size, sha256=digest)
        if before.get(below) == part:
            path.unlink()
            self._keep(part)
        else:
            self.written += 1
        return part

    def _keep(self, part: Part) -> None:
        if self._before is None:  # never: what is kept was in the generation before
            raise LookupError(part.path)
        home = self._place / part.path
        home.parent.mkdir(parents=True, exist_ok=True)
        os.link(self._before / part.path, home)
        self.kept += 1


def _write_files(connection: Connection, name: str, place: Path) -> list[tuple[Path, int]]:
    """Write the rows of a view in the order of their keys; give its files and how many rows each has."""
    schema, day = schema_of(find_collection(name)), MONTHS.get(name)
    files: dict[int, _File] = {}
    for batch in stream_columns(connection, ask(name)):
        for month, rows in _by_month(batch, day):
            if month not in files:
                files[month] = _File(place / name / _folder(month, day) / "part.parquet", schema)
            files[month].add(rows)
    if not files:  # an empty view has a file too, which says its columns
        files[0] = _File(place / name / _folder(0, day) / "part.parquet", schema)
    return [(file.path, file.close()) for _, file in sorted(files.items())]


def _folder(month: int, day: str | None) -> str:
    if day is None:
        return ""
    return f"month={month // 100:04}-{month % 100:02}" if month > 0 else "month=none"


def _by_month(batch: Any, day: str | None) -> Iterator[tuple[int, Any]]:
    """Give the rows of each month (yyyymm; 0 without a day) in their order."""
    if day is None:
        yield _WHOLE, batch
        return
    months = _pc.fill_null(_pc.divide(batch.column(day), 100), 0)
    for month in _pc.unique(months).to_pylist():
        yield int(month), batch.filter(_pc.equal(months, month))


class _File:
    """A Parquet file that is being written; its rows are gathered into groups of one size.

    So the same rows make the same bytes, in whatever parts they come.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._schema = schema
        self._writer: Any = _parquet.ParquetWriter(path, schema, compression="zstd")
        self._waiting: list[Any] = []
        self._held = 0
        self._rows = 0

    def add(self, batch: Any) -> None:
        """Take rows."""
        self._waiting.append(batch)
        self._held += batch.num_rows
        self._rows += batch.num_rows
        if self._held >= ROWS:
            table = _arrow.Table.from_batches(self._waiting, schema=self._schema)
            whole = self._held // ROWS * ROWS
            self._writer.write_table(table.slice(0, whole), row_group_size=ROWS)
            self._waiting = table.slice(whole).to_batches()
            self._held -= whole

    def close(self) -> int:
        """Write what is held and end; give how many rows there are."""
        if self._held or not self._rows:
            table = _arrow.Table.from_batches(self._waiting, schema=self._schema)
            self._writer.write_table(table, row_group_size=ROWS)
        self._writer.close()
        return self._rows
