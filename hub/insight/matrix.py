"""The modelling matrix: a row a batch; what went in, how it ran, what was tested, in columns with units."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from hub.insight.blending import Blends, average, in_unit
from hub.insight.intake import list_intake
from hub.store.answers.matrix import (
    RowHead,
    Value,
    list_figures_of,
    list_heads,
    list_lot_properties,
    list_lots,
    list_made,
    list_results_by,
)
from hub.store.database import Connection

GROUPS = ("raw", "feature", "ipc", "cqa")
"""Raw-material properties, figures of phases, in-process results, critical quality attributes."""
STAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Cell:
    """A value of the matrix with its unit and the rows it comes from (table, key), each with its source."""

    value: float
    unit: str | None
    rows: dict[tuple[str, int], str]


Cells = dict[str, Cell]


def build_matrix(
    connection: Connection,
    batch_ids: Sequence[int],
    *,
    groups: Iterable[str] = GROUPS,
    provenance: bool = False,
) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Give the matrix and a description of each of its columns.

    Columns after those of the head are called `<group>:<name>` (`raw:<material>.<property>`); a column is
    there when a batch of the rows has it. `completeness` is the part of a row's columns that have a value.
    The column `provenance` holds, as JSON and if it is asked for, the rows that each cell comes from.
    """
    wanted = set(groups)
    heads = list_heads(connection, batch_ids)
    ids = [head.id for head in heads]
    rows: dict[int, Cells] = {batch_id: {} for batch_id in ids}
    if "raw" in wanted:
        _add_raw(connection, heads, rows)
    if "feature" in wanted:
        _add_values(rows, list_figures_of(connection, ids), _as_feature)
    if wanted & {"ipc", "cqa"}:
        results = list_results_by(connection, "batch_id", ids)
        lots = {head.output_lot: head.id for head in heads if head.output_lot is not None}
        for lot, values in list_results_by(connection, "lot_id", lots).items():
            known = {value.row for value in results.get(lots[lot], ())}
            results.setdefault(lots[lot], []).extend(v for v in values if v.row not in known)
        _add_values(rows, results, _as_result)
    units = _settle_units(rows)
    names = sorted(
        (name for name in units if name.partition(":")[0] in wanted),
        key=lambda name: (GROUPS.index(name.partition(":")[0]), name),
    )
    columns: dict[str, Any] = {
        "batch": pa.array([head.code for head in heads], pa.string()),
        "uid": pa.array([head.uid for head in heads], pa.string()),
        "product": pa.array([head.product for head in heads], pa.string()),
        "actual_start": pa.array([head.start for head in heads], STAMP),
        "actual_end": pa.array([head.end for head in heads], STAMP),
        "completeness": pa.array([_part(rows[i], names) for i in ids], pa.float64()),
    }
    for name in names:
        columns[name] = pa.array([_number(rows[i].get(name)) for i in ids], pa.float64())
    traces = [_trace(rows[i], names) if provenance else None for i in ids]
    columns["provenance"] = pa.array(traces, pa.string())
    described = [_describe(name, units[name], rows.values()) for name in names]
    return _with_units(pa.table(columns), described), described


def _as_feature(value: Value) -> str:
    del value  # whatever it is
    return "feature"


def _as_result(value: Value) -> str:
    return "cqa" if value.is_cqa else "ipc"


def _add_raw(connection: Connection, heads: Sequence[RowHead], rows: dict[int, Cells]) -> None:
    taken = list_intake(connection, heads)
    made = list_made(connection, {edge.input for edges in taken.values() for edge in edges})
    blends = Blends(made, list_lots(connection, made), list_lot_properties(connection, made))
    for batch_id, edges in taken.items():
        for (material, name), blend in blends.of_inputs(edges).items():
            rows[batch_id][f"raw:{material}.{name}"] = Cell(blend.value, blend.unit, blend.rows)


def _add_values(
    rows: dict[int, Cells], values: dict[int, list[Value]], group: Callable[[Value], str]
) -> None:
    for batch_id, some in values.items():
        by_name: dict[str, list[Value]] = defaultdict(list)
        for value in some:
            by_name[f"{group(value)}:{value.name}"].append(value)
        for name, same in by_name.items():
            if (mean := average(same)) is not None:
                rows[batch_id][name] = Cell(*mean)


def _settle_units(rows: dict[int, Cells]) -> dict[str, str | None]:
    """Give each column one unit, the first batch's; a cell that cannot be told in it is taken out."""
    units: dict[str, str | None] = {}
    for cells in rows.values():
        for name, cell in list(cells.items()):
            unit = units.setdefault(name, cell.unit)
            if cell.unit == unit:
                continue
            number = in_unit(cell.value, cell.unit, unit)
            if number is None:
                del cells[name]
            else:
                cells[name] = Cell(number, unit, cell.rows)
    return units


def _part(cells: Cells, names: Sequence[str]) -> float | None:
    return sum(name in cells for name in names) / len(names) if names else None


def _number(cell: Cell | None) -> float | None:
    return None if cell is None else cell.value


def _trace(cells: Cells, names: Sequence[str]) -> str:
    told = {
        name: [
            {"table": table, "id": row, "source": source}
            for (table, row), source in sorted(cells[name].rows.items())
        ]
        for name in names
        if name in cells
    }
    return orjson.dumps(told).decode()


def _describe(name: str, unit: str | None, rows: Iterable[Cells]) -> dict[str, Any]:
    group, _, label = name.partition(":")
    cells = [cells[name] for cells in rows if name in cells]
    return {
        "name": name,
        "group": group,
        "label": label,
        "unit": unit,
        "known": len(cells),
        "sources": sorted({source for cell in cells for source in cell.rows.values()}),
    }


def _with_units(table: pa.Table, described: Sequence[dict[str, Any]]) -> pa.Table:
    """Write each column's description into its field, so that Arrow and Parquet carry it."""
    about = {
        one["name"]: {b"unit": (one["unit"] or "").encode(), b"about": orjson.dumps(one)} for one in described
    }
    fields: list[Any] = [
        field.with_metadata(about[field.name]) if field.name in about else field
        for field in list[Any](table.schema)
    ]
    return table.cast(pa.schema(fields))
