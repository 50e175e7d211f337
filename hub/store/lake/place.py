"""Where cold runs lie: a local folder, or an object store by URL (`s3://`, `gs://`, `az://`) with options."""

import errno
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

from hub.store.lake.disk import Disk, sync_names

pq: Any = pyarrow.parquet
"""Untyped on purpose: the stubs leave most of it partly unknown."""
TableName = Literal["live", "superseded", "hourly"]
TABLES: tuple[TableName, ...] = ("live", "superseded", "hourly")


class LakeUnreachable(Exception):
    """The folder or object store of the samples' cold runs does not answer; see to it, then run again."""


class LakeFull(Exception):
    """The disk of the samples' cold runs is full; free space there, frames are folded by the next turn."""


class Place:
    """The root of the cold runs' tables.

    `options` are those of the `object_store` library (for S3: `AWS_ACCESS_KEY_ID`, `AWS_REGION`,
    `AWS_ENDPOINT_URL`, …; https://docs.rs/object_store).
    """

    def __init__(
        self, root: str | Path, options: Mapping[str, str] | None = None, disk: Disk | None = None
    ) -> None:
        text = str(root)
        self.is_local = len(urlsplit(text).scheme) < 2  # "" or a drive letter
        self.root = str(Path(text).absolute()) if self.is_local else text.rstrip("/")
        self.options = dict(options or {})
        self.disk = disk or Disk()
        self._systems: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.root

    def url(self, table: TableName) -> str:
        """Give the address of a table."""
        return f"{self.root}/{table}"

    def path(self, table: TableName, name: str = "") -> Path:
        """Give the local path of a table's file."""
        return Path(self.root, table, name)

    def is_there(self, table: TableName) -> bool:
        """Tell whether a table has a log."""
        from deltalake import DeltaTable  # noqa: PLC0415 - only who folds or reads cold runs needs it

        if self.is_local:
            return any(self.path(table, "_delta_log").glob("*.json"))
        return DeltaTable.is_deltatable(self.url(table), storage_options=self.options)

    def files(self, table: TableName) -> Any:
        """Give the file system of a table, rooted at it."""
        if table not in self._systems:
            if self.is_local:
                self._systems[table] = pyarrow.fs.SubTreeFileSystem(
                    str(self.path(table)), pyarrow.fs.LocalFileSystem()
                )
            else:
                self._systems[table] = self._remote(table)
        return self._systems[table]

    def _remote(self, table: TableName) -> Any:
        from deltalake import DeltaTable  # noqa: PLC0415 - as above
        from deltalake.fs import DeltaStorageHandler  # noqa: PLC0415 - as above

        opened: Any = DeltaTable(self.url(table), storage_options=self.options)
        handler: Any = DeltaStorageHandler.from_table(opened._table)  # noqa: SLF001 - as deltalake's own to_pyarrow_dataset
        return pyarrow.fs.PyFileSystem(handler)

    def write(self, table: TableName, name: str, rows: pa.Table, **options: Any) -> int:
        """Write a Parquet file that outlasts a power cut; give its size in bytes."""
        if self.is_local:
            file = self.path(table, name)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(rows, file, **options)
                self.disk.sync_file(file)
            except OSError as error:
                self.disk.remove(file)
                raise self.judge(error) from error
            sync_names(self.disk, file, Path(self.root))
            return file.stat().st_size
        pq.write_table(rows, name, filesystem=self.files(table), **options)
        return int(self.files(table).get_file_info(name).size)

    def judge(self, error: Exception) -> Exception:
        """Give the error to raise: `LakeFull` when no space is left, `LakeUnreachable` of an object store."""
        if getattr(error, "errno", None) == errno.ENOSPC or "no space left" in str(error).casefold():
            return LakeFull(
                f"no space is left in {self.root}; free some: samples stay in frames until then, and count"
            )
        if not self.is_local and isinstance(error, OSError):
            return LakeUnreachable(
                f"{self.root} does not answer as it should: {in_one_line(error)}; see to it and to "
                "samples_options: samples stay in frames until then, and count"
            )
        return error

    def open(self, table: TableName, name: str, metadata: Any = None) -> Any:
        """Open a Parquet file; `metadata` spares reading its footer again."""
        if self.is_local:
            return pq.ParquetFile(self.path(table, name), metadata=metadata, memory_map=True)
        return pq.ParquetFile(self.files(table).open_input_file(name), metadata=metadata, pre_buffer=True)

    def log_file(self, table: TableName, version: int) -> Path:
        """Give the local path of a commit in a table's log."""
        return self.path(table, f"_delta_log/{version:020}.json")

    def harden(self, table: TableName, version: int) -> None:
        """Make a commit outlast a power cut. An object store has done so by itself."""
        if self.is_local:
            file = self.log_file(table, version)
            self.disk.sync_file(file)
            sync_names(self.disk, file, Path(self.root))

    def remove(self, table: TableName, names: Iterable[str]) -> int:
        """Remove files of a table; give how many."""
        count = 0
        for name in names:
            count += 1
            if self.is_local:
                self.disk.remove(self.path(table, name))
            else:
                self.files(table).delete_file(name)
        return count

    def list_data(self, table: TableName, *, older_than_s: float) -> Iterator[tuple[str, int]]:
        """Give name and size of each Parquet file of a table that was written so long ago, used or not."""
        limit = time.time() - older_than_s
        if self.is_local:
            root = self.path(table)
            for file in sorted(root.glob("period=*/*.parquet")):
                state = file.stat()
                if state.st_mtime < limit:
                    yield str(file.relative_to(root)), state.st_size
            return
        selector = pyarrow.fs.FileSelector("", recursive=True)
        for info in self.files(table).get_file_info(selector):
            name: str = info.path
            if name.endswith(".parquet") and name.startswith("period=") and info.mtime_ns / 1e9 < limit:
                yield name, int(info.size)

    def free_bytes(self) -> int | None:
        """Give the free space under a local root."""
        if not self.is_local:
            return None
        folder = Path(self.root)
        while not folder.exists():
            folder = folder.parent
        state = os.statvfs(folder)
        return state.f_bavail * state.f_frsize


def in_one_line(error: Exception) -> str:
    """Give what an object store's library says in coloured lines, without what may sign an address."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = (line.strip(" ↳\t") for line in plain.splitlines())
    return re.sub(r"\?[\w.%-]+=\S*", "?…", ": ".join(filter(None, lines)))
