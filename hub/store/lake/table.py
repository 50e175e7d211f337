"""The Delta tables: which runs a version holds, commits, and what a crash or a power cut has left behind.

The feature level is the lowest there is (reader 1, writer 2), so that every engine reads and writes them.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import pyarrow as pa

from hub.store.lake.periods import bounds, month_of
from hub.store.lake.place import LakeUnreachable, Place, TableName, in_one_line, pq
from hub.store.lake.runs import RUN_SCHEMA, Run, describe

FOLD = "plantwide.fold"
"""The application transaction by which a commit tells up to which put frames are folded."""
_META = "plantwide"
_KEPT = 4
_HOURLY_SCHEMA = pa.schema(
    [
        pa.field("tag_id", pa.int64(), nullable=False),
        pa.field("hour", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("good", pa.int64(), nullable=False),
        pa.field("mean", pa.float64()),
        pa.field("std", pa.float64()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("first", pa.float64()),
        pa.field("last", pa.float64()),
    ]
)
SCHEMAS: dict[TableName, pa.Schema] = {
    "live": RUN_SCHEMA,
    "superseded": RUN_SCHEMA,
    "hourly": _HOURLY_SCHEMA,
}
"""The columns in the files of each table; the partition column `period` is in their path."""


class Overtaken(Exception):
    """Another process has written this table meanwhile; nothing was changed, the next turn goes on."""


@dataclass(frozen=True)
class Snapshot:
    """The runs of one version of a table."""

    version: int
    runs: tuple[Run, ...]

    @cached_property
    def by_month(self) -> dict[str, list[Run]]:
        """The runs by the month they lie in."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(month_of(run.period), []).append(run)
        return found

    @cached_property
    def by_period(self) -> dict[str, list[Run]]:
        """The runs by period."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.period, []).append(run)
        return found

    @cached_property
    def daily(self) -> set[str]:
        """The months that are cut into days."""
        return {month_of(period) for period in self.by_period if len(period) > 7}

    @cached_property
    def rows(self) -> int:
        """How many rows they hold."""
        return sum(run.rows for run in self.runs)

    @cached_property
    def names(self) -> frozenset[str]:
        """The paths of the runs."""
        return frozenset(run.path for run in self.runs)


_NOTHING = Snapshot(-1, ())


class Lake:
    """The tables of one place, as this process knows them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._turn = Lock()
        self._snapshots: OrderedDict[tuple[TableName, int], Snapshot] = OrderedDict()

    def open(self, table: TableName, version: int | None = None) -> Any:
        """Open a table with the library; the newest version when none is named."""
        from deltalake import DeltaTable  # noqa: PLC0415 - only who folds or reads cold runs needs it

        return DeltaTable(self.place.url(table), version=version, storage_options=self.place.options)

    def snapshot(self, table: TableName, version: int) -> Snapshot:
        """Give the runs of a version; -1 is the table before there is one."""
        if version < 0:
            return _NOTHING
        key = (table, version)
        with self._turn:
            known = self._snapshots.get(key)
            if known is not None:
                self._snapshots.move_to_end(key)
                return known
        found = Snapshot(version, tuple(_list_runs(self._open_known(table, version))))
        with self._turn:
            self._snapshots[key] = found
            while len(self._snapshots) > _KEPT * len(SCHEMAS):
                self._snapshots.popitem(last=False)
        return found

    def _open_known(self, table: TableName, version: int) -> Any:
        try:
            return self.open(table, version)
        except Exception as error:
            raise LakeUnreachable(
                f"the cold runs of samples cannot be read: version {version} of {self.place.url(table)}: "
                f"{in_one_line(error)}; see that the samples' folder or object store is there and is this "
                "hub's"
            ) from error

    def create(self, table: TableName) -> str:
        """Make an empty table; give its id."""
        from deltalake import DeltaTable, Schema  # noqa: PLC0415 - as above

        made = DeltaTable.create(
            self.place.url(table),
            Schema.from_arrow(_with_period(table)),
            partition_by=["period"],
            name=f"plantwide_samples_{table}",
            configuration={"delta.logRetentionDuration": "interval 1 days"},
            storage_options=self.place.options,
        )
        self.place.harden(table, 0)
        return str(made.metadata().id)

    def commit(
        self,
        table: TableName,
        base: int,
        *,
        adds: Sequence[Run] = (),
        removes: Sequence[Run] = (),
        watermark: int,
        what: str,
    ) -> int:
        """Add and remove runs in one commit upon version `base`, and make it lasting; give the new version.

        Raises `Overtaken` when the table has another newest version.
        """
        import deltalake as delta  # noqa: PLC0415 - as above
        from deltalake.exceptions import CommitFailedError, DeltaError  # noqa: PLC0415 - as above
        from deltalake.transaction import AddAction, RemoveAction  # noqa: PLC0415 - as above

        now = int(time.time() * 1000)
        stamp = "hour" if table == "hourly" else "ts"
        actions: list[Any] = [
            AddAction(r.path, r.size, {"period": r.period}, now, True, describe(r, stamp))  # noqa: FBT003 - by position
            for r in adds
        ]
        actions += [RemoveAction(r.path, True, now, r.size, {"period": r.period}) for r in removes]  # noqa: FBT003 - as above
        opened = self.open(table)
        if opened.version() != base:
            raise Overtaken(f"{self.place.url(table)} is at version {opened.version()}, not {base}")
        try:
            opened.create_write_transaction(
                actions,
                "append",
                delta.Schema.from_arrow(_with_period(table)),
                ["period"],
                commit_properties=delta.CommitProperties(
                    custom_metadata={_META: f"{what} {len(actions)}"},
                    max_commit_retries=0,
                    app_transactions=[delta.Transaction(FOLD, watermark)],
                ),
                post_commithook_properties=delta.PostCommitHookProperties(
                    create_checkpoint=False, cleanup_expired_logs=False
                ),
            )
        except (CommitFailedError, DeltaError, OSError) as error:
            judged = self.place.judge(error)
            if judged is error and isinstance(error, CommitFailedError):
                judged = Overtaken(f"{self.place.url(table)}: {error}")
            raise judged from error
        self.place.harden(table, base + 1)
        return base + 1

    def settle(self, table: TableName, known: int) -> tuple[int, int | None]:
        """Bring a table's log in order after a crash: give its newest whole version and that one's watermark.

        `known` is the version that counts. What the log says beyond it was not acknowledged: whole commits
        are made lasting and given; one that a power cut has torn is removed, with what depends on it. Their
        frames are still there. Nothing is removed that counts.
        """
        if not self.place.is_there(table):
            return -1, None
        if self.place.is_local:
            self._drop_torn(table, known)
            if not self.place.is_there(table):
                return -1, None
        opened = self.open(table)
        version = int(opened.version())
        for later in range(known + 1, version + 1):
            self.place.harden(table, later)
        return version, opened.transaction_version(FOLD)

    def _drop_torn(self, table: TableName, known: int) -> None:
        log = self.place.path(table, "_delta_log")
        self._drop_checkpoints(table)
        later = sorted(
            (int(file.stem), file)
            for file in log.glob("*.json")
            if file.stem.isdigit() and int(file.stem) > known
        )
        expected = known + 1
        is_torn = False
        for version, file in later:
            is_torn = is_torn or version != expected or not self._is_whole(table, version)
            expected += 1
            if is_torn:
                self.place.disk.remove(file)
        if is_torn:
            self.place.disk.sync_folder(log)

    def _drop_checkpoints(self, table: TableName) -> None:
        """Remove a checkpoint that cannot be read: it copies the log, which is there while it is new."""
        hint = self.place.path(table, "_delta_log/_last_checkpoint")
        if not hint.exists():
            return
        try:
            version = int(json.loads(hint.read_bytes())["version"])
            with self.place.open(table, f"_delta_log/{version:020}.checkpoint.parquet") as file:
                file.read()
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException):
            for file in hint.parent.glob("*.checkpoint.parquet"):
                if not _is_readable(file):
                    self.place.disk.remove(file)
            self.place.disk.remove(hint)

    def _is_whole(self, table: TableName, version: int) -> bool:
        """Tell whether a commit says all that it began to say, and its runs are there with their sizes."""
        try:
            text = self.place.log_file(table, version).read_text(encoding="utf-8")
            actions: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
            info = next(a["commitInfo"] for a in actions if "commitInfo" in a)
            if version == 0:
                return any("metaData" in a for a in actions) and any("protocol" in a for a in actions)
            expected = int(str(info[_META]).rpartition(" ")[2])
            named = [a for a in actions if "add" in a or "remove" in a]
            is_told = len(named) == expected and any("txn" in a for a in actions)
            return is_told and all(self._is_there(table, a["add"]) for a in named if "add" in a)
        except (OSError, ValueError, KeyError, TypeError, StopIteration):
            return False

    def _is_there(self, table: TableName, add: dict[str, Any]) -> bool:
        file = self.place.path(table, add["path"])
        return file.exists() and file.stat().st_size == add["size"]

    def checkpoint(self, table: TableName) -> None:
        """Write a checkpoint, so that no log is read from its beginning, and drop what is old of it."""
        opened = self.open(table)
        opened.create_checkpoint()
        if self.place.is_local:
            log = self.place.path(table, "_delta_log")
            for file in (*log.glob(f"{opened.version():020}.checkpoint*.parquet"), log / "_last_checkpoint"):
                self.place.disk.sync_file(file)
            self.place.disk.sync_folder(log)
        opened.cleanup_metadata()


def _is_readable(file: Any) -> bool:
    try:
        pq.read_table(file)
    except (OSError, pa.ArrowException):
        return False
    return True


def _with_period(table: TableName) -> pa.Schema:
    period: Any = pa.field("period", pa.string(), nullable=False)
    fields: list[Any] = [*SCHEMAS[table], period]
    return pa.schema(fields)


def _list_runs(opened: Any) -> list[Run]:
    actions = pa.table(opened.get_add_actions(flatten=True))
    if not actions.num_rows:
        return []
    kind = pa.timestamp("us", tz="UTC")
    stamp = "ts" if "min.ts" in actions.column_names else "hour"
    micros = {
        end: actions[f"{end}.{stamp}"].cast(kind).cast(pa.int64()).to_pylist() for end in ("min", "max")
    }
    columns = [
        actions[name].to_pylist()
        for name in ("path", "partition.period", "num_records", "size_bytes", "min.tag_id", "max.tag_id")
    ]
    return [
        Run(path, period, rows, size, first, last, low, high)
        for path, period, rows, size, low, high, first, last in zip(
            *columns, micros["min"], micros["max"], strict=True
        )
    ]


def overlapping(runs: Sequence[Run], start: int, end: int) -> list[Run]:
    """Give the runs with samples in a half-open time."""
    return [run for run in runs if run.last >= start and run.first < end]


def period_bounds(runs: Sequence[Run]) -> tuple[int, int]:
    """Give the time that the periods of these runs span."""
    edges = [bounds(run.period) for run in runs]
    return min(one for one, _ in edges), max(other for _, other in edges)
