"""Mass balance: what went in, what came out, and what remains unexplained, each number with its movements.

Only what counts is added up, once however many systems saw it; amounts of different dimensions never are.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from hub.model.enums import CONSUMED, LOST, PRODUCED, SAMPLED
from hub.model.unit import UnknownUnitError, canonical_amount, convert, find_unit
from hub.store.answers.readings import Document, fact_reading, read_rows
from hub.store.answers.things import read_things
from hub.store.sets import select_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, assertion, source_system

_MOVE = FACT_TABLES["material_actual"].c
_LOT = ENTITY_TABLES["material_lot"].c
BY_PRODUCT = "By-product Produced"
OUTWARD = ("out", "by_products", "samples", "losses")
"""Where what went in can be found again."""
ROLES = ("in", *OUTWARD, "other")


def balance_batch(connection: Connection, batch_id: int) -> Document:
    """Give the balance of a batch by dimension and by stream; `remainder` is what nobody has accounted for.

    It is null where it would mislead: nothing of the dimension went in, or nothing of it came out while
    something else did.
    """
    moves = _read(connection, _MOVE.batch_id == batch_id)
    counted = [m for m in moves if m["counts"]]
    materials = _materials(connection, counted)
    streams: dict[tuple[str, str, str, str], list[Document]] = defaultdict(list)
    for move in counted:
        if move["counted"] is not None:
            unit = move["counted"]["unit"] or ""
            material = materials.get(move["id"])
            name = (material["code"], material["uid"]) if material else ("", "")
            streams[role_of(move), *name, unit].append(move)
    listed = [_stream(key, some, moves=moves, materials=materials) for key, some in sorted(streams.items())]
    unknown = [m["id"] for m in counted if m["counted"] is None]
    return {
        "is_complete": not unknown,
        "without_amount": unknown,
        "dimensions": _balance(counted),
        "streams": listed,
        "movements": moves,
    }


def role_of(move: Document) -> str:
    """Give the part that a movement has in a balance."""
    use = move["use"]
    if use in CONSUMED:
        return "in"
    if use == BY_PRODUCT:
        return "by_products"
    if use in PRODUCED:
        return "out"
    if use in SAMPLED:
        return "samples"
    return "losses" if (move["use_text"] or "").casefold() in LOST else "other"


def _balance(counted: Sequence[Document]) -> list[Document]:
    """Give the sums of each dimension in one unit."""
    by_dimension: dict[str, list[Document]] = defaultdict(list)
    for move in counted:
        if move["counted"] is not None:
            by_dimension[_dimension(move["counted"]["unit"])].append(move)
    has_come_out = {
        dimension for dimension, some in by_dimension.items() if any(role_of(m) in OUTWARD for m in some)
    }
    return [
        _sum_dimension(dimension, some, is_elsewhere=dimension not in has_come_out and bool(has_come_out))
        for dimension, some in sorted(by_dimension.items())
    ]


def _sum_dimension(dimension: str, moves: Sequence[Document], *, is_elsewhere: bool) -> Document:
    unit = _unit_of(moves)
    sums = {role: _sum((m for m in moves if role_of(m) == role), unit) for role in ROLES}
    went_in = sums["in"]["quantity"]
    remainder = went_in - math.fsum(sums[role]["quantity"] for role in OUTWARD)
    is_known = bool(sums["in"]["movements"]) and not is_elsewhere
    return {
        "dimension": dimension,
        "unit": unit,
        **sums,
        "remainder": remainder if is_known else None,
        "remainder_percent": 100 * remainder / went_in if is_known and went_in else None,
    }


def _stream(
    key: tuple[str, str, str, str],
    counted: Sequence[Document],
    *,
    moves: Sequence[Document],
    materials: dict[int, Document],
) -> Document:
    role, _, _, unit = key
    ids = {m["id"] for m in counted}
    return {
        "role": role,
        "material": materials.get(counted[0]["id"]),
        "dimension": _dimension(unit or None),
        "unit": unit or None,
        **_sum(counted, unit or None),
        "is_disputed": any(m["count_state"] == "disputed" for m in counted),
        "also_seen": [m["id"] for m in moves if m["same_as"] in ids or m["disputes"] in ids],
    }


# ------------------------------------------------------------------------------------------------- lots
def balance_lot(connection: Connection, lot_id: int) -> Document:
    """Give what a lot and its sub-lots got and gave, and what should be left of them against the stock.

    `stock` is what an ERP says is there, else whatever counts as the lot's quantity. `remainder` is what is
    left by the movements and not in stock; null where nobody states a receipt or a stock to compare with.
    """
    lots = _with_parts(connection, lot_id)
    moves = _read(connection, _MOVE.lot_id.in_(lots))
    counted = [m for m in moves if m["counts"] and m["counted"] is not None]
    unknown = [m["id"] for m in moves if m["counts"] and m["counted"] is None]
    stock = _stock(connection, lot_id)
    by_dimension: dict[str, list[Document]] = defaultdict(list)
    for move in counted:
        by_dimension[_dimension(move["counted"]["unit"])].append(move)
    if stock is not None:
        by_dimension.setdefault(_dimension(stock["unit"]), [])
    return {
        "is_complete": not unknown,
        "without_amount": unknown,
        "dimensions": [_sum_lot(d, some, stock) for d, some in sorted(by_dimension.items())],
        "movements": moves,
    }


def _sum_lot(dimension: str, moves: Sequence[Document], stock: Document | None) -> Document:
    mine = stock if stock is not None and _dimension(stock["unit"]) == dimension else None
    unit = _unit_of(moves) if moves else (mine or {}).get("unit")
    parts: dict[str, list[Document]] = defaultdict(list)
    for move in moves:
        parts[_part_of(move)].append(move)
    sums = {part: _sum(parts[part], unit) for part in ("received", "produced", "sampled", "lost", "other")}
    used = {(m["batch"]["code"], m["batch"]["uid"]): m["batch"] for m in parts["consumed"] if m["batch"]}
    consumed = [
        {
            "batch": {"uid": batch["uid"], "code": batch["code"]},
            **_sum((m for m in parts["consumed"] if m["batch"] and m["batch"]["uid"] == uid), unit),
        }
        for (_, uid), batch in sorted(used.items())
    ]
    got = sums["received"]["quantity"] + sums["produced"]["quantity"]
    taken = _sum(parts["consumed"], unit)
    is_known = bool(parts["received"] or parts["produced"])
    left = got - math.fsum((taken["quantity"], sums["sampled"]["quantity"], sums["lost"]["quantity"]))
    in_stock = None if mine is None else _in_unit(mine["value"], mine["unit"], unit)
    remainder = left - in_stock if is_known and in_stock is not None else None
    return {
        "dimension": dimension,
        "unit": unit,
        **sums,
        "consumed": taken,
        "consumed_by": consumed,
        "remaining": left if is_known else None,
        "stock": mine,
        "remainder": remainder,
        "remainder_percent": 100 * remainder / got if remainder is not None and got else None,
    }


def _part_of(move: Document) -> str:
    """Give what a movement did to its lot; one without a batch that brings it in is a receipt."""
    role = role_of(move)
    if role in ("out", "by_products"):
        return "produced" if move["batch"] else "received"
    if role == "other" and move["use"] == "Inventoried" and not move["batch"]:
        return "received"
    return {"in": "consumed", "samples": "sampled", "losses": "lost"}.get(role, "other")


def _with_parts(connection: Connection, lot_id: int) -> list[int]:
    """Give a lot and all lots that are parts of it."""
    found, fresh = {lot_id}, {lot_id}
    while fresh:
        rows = select_in(connection, select(_LOT.id), _LOT.parent_lot_id, fresh)
        fresh = {row.id for row in rows} - found
        found |= fresh
    return sorted(found)


def _stock(connection: Connection, lot_id: int) -> Document | None:
    """Give the quantity that an ERP states, else the one that counts, with who says so since when."""
    query = (
        select(
            source_system.c.code.label("source"),
            source_system.c.kind,
            assertion.c.value,
            assertion.c.is_winner,
            assertion.c.source_record_id.label("source_record"),
            assertion.c.source_time,
        )
        .join(source_system, source_system.c.id == assertion.c.source_system_id)
        .where(
            assertion.c.entity_type == "material_lot",
            assertion.c.entity_id == lot_id,
            assertion.c.attribute == "quantity",
            assertion.c.superseded_at.is_(None),
        )
        .order_by(source_system.c.code)
    )
    said = read_rows(connection, query)
    of_erp = [row for row in said if row["kind"] == "ERP"]
    row = next(iter(sorted(of_erp, key=lambda r: not r["is_winner"])), None) or next(
        (r for r in said if r["is_winner"]), None
    )
    if row is None:
        return None
    value, unit = canonical_amount(row["value"]["value"], row["value"].get("unit"))
    return {
        "value": value,
        "unit": unit,
        "source": row["source"],
        "source_record": row["source_record"],
        "source_time": row["source_time"],
    }


# -------------------------------------------------------------------------------------------- movements
def _read(connection: Connection, condition: Any) -> list[Document]:
    reading = fact_reading("material_actual")
    query = reading.select().where(condition, _MOVE.is_retracted.is_(False))
    moves = reading.read(connection, query.order_by(_MOVE.at.is_(None), _MOVE.at, _MOVE.id))
    for move in moves:
        is_first = move["count_state"] == "disputed" and move["disputes"] is None
        move["counts"] = move["count_state"] == "counted" or is_first
        if move["counted"] is not None and move["counted"]["value"] is None:
            move["counted"] = None
    return moves


def _materials(connection: Connection, moves: Iterable[Document]) -> dict[int, Document]:
    """Give the material of each movement: that of its lot, else the one stated."""
    ids = [m["id"] for m in moves]
    lot = ENTITY_TABLES["material_lot"].alias("moved")
    query = select(_MOVE.id, _MOVE.material_id, lot.c.material_id.label("of_lot")).select_from(
        FACT_TABLES["material_actual"].outerjoin(lot, lot.c.id == _MOVE.lot_id)
    )
    known = {row.id: row.of_lot or row.material_id for row in select_in(connection, query, _MOVE.id, ids)}
    table = ENTITY_TABLES["material_definition"].c
    wanted = {m for m in known.values() if m}
    uids = {r.id: r.uid for r in select_in(connection, select(table.id, table.uid), table.id, wanted)}
    names = ("uid", "code", "description")
    told = {
        d["uid"]: {n: d[n] for n in names} for d in read_things(connection, "material_definition", wanted)
    }
    return {move: told[uids[m]] for move, m in known.items() if m}


def _dimension(unit: str | None) -> str:
    if unit is None:
        return "unknown"
    try:
        return find_unit(unit).dimension
    except UnknownUnitError:
        return unit


def _unit_of(moves: Sequence[Document]) -> str | None:
    return min((m["counted"]["unit"] for m in moves if m["counted"]["unit"] is not None), default=None)


def _sum(moves: Iterable[Document], unit: str | None) -> Document:
    some = list(moves)
    amounts = [_in_unit(m["counted"]["value"], m["counted"]["unit"], unit) for m in some]
    return {"quantity": math.fsum(a for a in amounts if a is not None), "movements": [m["id"] for m in some]}


def _in_unit(amount: float, unit: str | None, wanted: str | None) -> float | None:
    if unit == wanted or unit is None or wanted is None:
        return amount if unit == wanted else None
    try:
        return convert(amount, unit, wanted)
    except ValueError:
        return None
