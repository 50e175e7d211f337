"""What movements were for: the moves of a page's lines, their orders, and what they take back."""

from typing import Any, cast

from connectors.odoo.client import NoSuchModelError, OdooClient, Row
from connectors.odoo.facts import number
from connectors.odoo.models import MOVE_FIELDS
from hub.sdk import Unauthorized

_SIDES = ("move_raw_ids", "move_finished_ids")
_UNBUILDS = ("consume_unbuild_id", "unbuild_id")
_ORDERS = ("raw_material_production_id", "production_id")


class Origins:
    """Completes lines of movements with what only other models tell, one question a model and page.

    A user who may not read stock.move is told by the orders which of their movements a line belongs to; what
    was taken apart again stays unknown then.
    """

    def __init__(self, odoo: OdooClient) -> None:
        self._odoo = odoo
        self._fields: list[str] | None = None

    def is_told(self) -> bool:
        """Say whether stock.move tells what a movement is for."""
        return set(_ORDERS) <= set(self._move_fields())

    def join(self, lines: list[Row]) -> list[Row]:
        """Give each line as `{"line", "move", "order", "side", "reverses"}`, in the same order."""
        ids = sorted({n for line in lines if (n := number(line.get("move_id"))) is not None})
        moves = self._moves(ids)
        orders = {} if self.is_told() else self._sides(ids)
        unbuilt = self._unbuilt(moves)
        reversed_lines = self._reversed(moves)
        return [
            self._whole(line, moves=moves, orders=orders, unbuilt=unbuilt, reversed_lines=reversed_lines)
            for line in lines
        ]

    def _whole(
        self,
        line: Row,
        *,
        moves: dict[int, Row],
        orders: dict[int, tuple[list[Any], str]],
        unbuilt: dict[int, Any],
        reversed_lines: dict[int, list[Row]],
    ) -> Row:
        own = number(line.get("move_id")) or 0
        move = moves.get(own, {})
        order, side = orders.get(own, (None, None))
        unbuild = next((n for f in _UNBUILDS if (n := number(move.get(f))) is not None), None)
        if unbuild is not None:
            order = unbuilt.get(unbuild)
        elif move:
            order = next((move[f] for f in _ORDERS if number(move.get(f)) is not None), order)
        back = [
            r
            for r in reversed_lines.get(number(move.get("origin_returned_move_id")) or 0, [])
            if unbuild is not None and number(r.get("lot_id")) == number(line.get("lot_id"))
        ]
        reverses = back[0].get("id") if len(back) == 1 else None
        told = {name: value for name, value in move.items() if name != "move_line_ids"}
        return {"line": line, "move": told, "order": order, "side": side, "reverses": reverses}

    def _move_fields(self) -> list[str]:
        if self._fields is None:
            try:
                there = self._odoo.fields("stock.move")
            except (NoSuchModelError, Unauthorized):
                there = {}
            self._fields = [field for field in MOVE_FIELDS if field in there]
        return self._fields

    def _moves(self, ids: list[int]) -> dict[int, Row]:
        fields = [field for field in self._move_fields() if field != "move_line_ids"]
        return _by_id(self._odoo.rows("stock.move", [["id", "in", ids]], fields)) if ids and fields else {}

    def _sides(self, ids: list[int]) -> dict[int, tuple[list[Any], str]]:
        """Give order and side of moves, as the orders list them."""
        found: dict[int, tuple[list[Any], str]] = {}
        asked = ["|", *([side, "in", ids] for side in _SIDES)]
        for order in self._odoo.rows("mrp.production", asked, ["name", *_SIDES]) if ids else []:
            for side in _SIDES:
                listed: Any = order.get(side)
                for move in cast("list[int]", listed) if isinstance(listed, list) else []:
                    found[move] = ([order.get("id"), order.get("name")], side)
        return found

    def _unbuilt(self, moves: dict[int, Row]) -> dict[int, Any]:
        """Give the orders whose products were taken apart, by unbuild order."""
        ids = sorted({n for m in moves.values() for f in _UNBUILDS if (n := number(m.get(f))) is not None})
        if not ids:
            return {}
        return {
            number(row.get("id")) or 0: row.get("mo_id")
            for row in self._odoo.rows("mrp.unbuild", [["id", "in", ids]], ["mo_id"])
        }

    def _reversed(self, moves: dict[int, Row]) -> dict[int, list[Row]]:
        """Give the lines of the moves that others take back, by move."""
        ids = sorted(
            {n for m in moves.values() if (n := number(m.get("origin_returned_move_id"))) is not None}
        )
        found: dict[int, list[Row]] = {}
        done = [["move_id", "in", ids], ["state", "=", "done"]]
        for row in self._odoo.rows("stock.move.line", done, ["move_id", "lot_id"]) if ids else []:
            found.setdefault(number(row.get("move_id")) or 0, []).append(row)
        return found


def _by_id(rows: list[Row]) -> dict[int, Row]:
    return {number(row.get("id")) or 0: row for row in rows}
