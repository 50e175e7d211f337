"""What a line of a stock movement states: material into or out of a batch, and what takes it back."""

from typing import Any, cast

from connectors.odoo.client import Row
from connectors.odoo.facts import Facts, name, number
from connectors.odoo.meaning import batch_of
from hub.model import MaterialActual

_PURPOSES = (
    ("consume_unbuild_id", "Produced", "-"),
    ("unbuild_id", "Consumed", "-"),
    ("raw_material_production_id", "Consumed", ""),
    ("production_id", "Produced", ""),
)
"""Use and sign by the link that its move has; taking a product apart reverses its making."""


def read_move(facts: Facts, document: Row) -> None:
    """State a movement of manufacturing; others are no part of making a batch.

    The document is the line, with its `move` and the `order` that it belongs to, as the reader found them.
    """
    line = _row(document, "line")
    order = document.get("order")
    use, sign = _purpose(document)
    if not use or number(order) is None:
        return
    known = len(facts.parts)
    quantity = facts.amount(line, "quantity" if "quantity" in line else "qty_done", sign=sign)
    if quantity is None and len(facts.parts) > known:
        return  # a movement without its amount would count as nothing: it waits in quarantine
    work_order = number(_row(document, "move").get("workorder_id")) or number(line.get("workorder_id"))
    reverses = document.get("reverses")
    facts.state(
        MaterialActual,
        key=f"move line {line.get('id')}",
        batch=batch_of(order),
        response=f"work order {work_order}" if work_order else None,
        lot=name(line.get("lot_id")),
        material=name(line.get("product_id")),
        use=use,
        quantity=quantity,
        at=facts.moment(line, "date"),
        reverses=f"move line {reverses}" if reverses else None,
    )


def _purpose(document: Row) -> tuple[str, str]:
    """Give use and sign: by the move's links, else by the side of the order on which it stands."""
    move = _row(document, "move")
    if move.get("scrapped") is True:
        return "", ""  # what was scrapped beside the order was never consumed by it
    for field, use, sign in _PURPOSES:
        if number(move.get(field)) is not None:
            is_by_product = field == "production_id" and number(move.get("byproduct_id")) is not None
            return "By-product Produced" if is_by_product else use, sign
    side = {"move_raw_ids": "Consumed", "move_finished_ids": "Produced"}
    return side.get(str(document.get("side") or ""), ""), ""


def _row(document: Row, part: str) -> Row:
    held: Any = document.get(part)
    return cast("Row", held) if isinstance(held, dict) else {}
