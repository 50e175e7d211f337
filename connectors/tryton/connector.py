"""The `tryton` connector: finds out which fields this version has, reads what changed, says what it means."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from connectors.tryton.client import Domain, Row, TrytonClient, write_time
from connectors.tryton.config import TrytonConfig
from connectors.tryton.facts import Facts, read_time
from connectors.tryton.laboratory import (
    read_control,
    read_criterion,
    read_inspection,
    read_lab_result,
    read_lab_test,
    read_point,
    read_test_type,
)
from connectors.tryton.meaning import (
    read_bom,
    read_bom_input,
    read_cycle,
    read_lot,
    read_move,
    read_product,
    read_production,
    read_routing,
    read_routing_step,
    read_work,
    read_work_center,
)
from connectors.tryton.models import MODELS, Model
from hub.sdk import (
    BadRecord,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    Stream,
)
from hub.sdk.statements import ObjectSource
from hub.sdk.sweep import Span, Sweep

_MEANINGS: dict[str, Callable[[Facts, Row], None]] = {
    "products": read_product,
    "lots": read_lot,
    "work_centers": read_work_center,
    "boms": read_bom,
    "bom_inputs": read_bom_input,
    "routings": read_routing,
    "routing_steps": read_routing_step,
    "productions": read_production,
    "works": read_work,
    "cycles": read_cycle,
    "moves": read_move,
    "controls": read_control,
    "control_points": read_point,
    "inspections": read_inspection,
    "test_types": read_test_type,
    "test_criteria": read_criterion,
    "lab_tests": read_lab_test,
    "lab_results": read_lab_result,
}
_CLOCKS = ("create_date", "write_date")
"""A row that was never changed has no `write_date`, so there are two orders, created rows first: what changes
meanwhile is found by the second."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Tryton(ObjectSource[TrytonConfig]):
    """Reads productions, lots, movements, quality and laboratory of a Tryton database."""

    name = "tryton"
    version = "1.0.0"
    facts = Facts
    config_class = TrytonConfig

    def __init__(self, config: TrytonConfig) -> None:
        super().__init__(config)
        self._tryton = TrytonClient(config)
        self._found: dict[str, list[str]] = {}

    def check(self) -> Health:
        """Prove that the user gets in and may read the model of every stream."""
        for stream in self.config.streams:
            model = MODELS[stream]
            self._tryton.rows(
                model.model, list(model.domain), self._fields(model), order=[["id", "ASC"]], limit=1
            )
        return Health(
            system="Tryton",
            version=self._tryton.version(),
            detail=", ".join(f"{s}: {MODELS[s].model}" for s in self.config.streams),
        )

    def close(self) -> None:
        """End the session and close the connections."""
        self._tryton.log_out()
        self._tryton.close()

    def streams(self) -> Sequence[Stream]:
        """The streams that the settings name."""
        return [
            Stream(name=name, description=MODELS[name].description, every_s=MODELS[name].every_s)
            for name in self.config.streams
        ]

    # -------------------------------------------------------------------------------------- reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Give rows that were never changed, oldest first, then changed rows, oldest change first.

        The cursor holds a mark for each of the two clocks.
        """
        model = MODELS.get(stream)
        if model is None or model.name not in self.config.streams:
            raise Misconfigured(f"there is no stream {stream!r}", remedy=f"use one of {self.config.streams}")
        fields = self._fields(model)
        marks: dict[str, Any] = {clock: (cursor or {}).get(clock) or {} for clock in _CLOCKS}
        for clock in _CLOCKS:
            sweep = Sweep(
                ask=partial(self._ask, model=model, fields=fields, clock=clock),
                time_of=_changed_at,
                id_of=lambda row: int(row.get("id") or 0),
                size=self.config.page_size,
                overlap=timedelta(seconds=self.config.overlap_s),
            )
            for rows, mark in sweep.pages(marks[clock]):
                marks[clock] = mark
                whole = self._with_moves(rows) if stream == "inspections" else rows
                documents = [_document(stream, row) for row in whole]
                yield Page(documents=documents, cursor={name: m for name, m in marks.items() if m})

    def _ask(self, span: Span, *, model: Model, fields: list[str], clock: str) -> list[Row]:
        terms: Domain = list(model.domain)
        terms.append(["write_date", "=" if clock == "create_date" else "!=", None])
        if span.start is not None:
            terms.append([clock, ">=", write_time(span.start)])
        if span.end is not None:
            terms += [[clock, "<", write_time(span.end)], ["id", ">", span.after]]
        order = [["id", "ASC"]] if span.end else [[clock, "ASC"], ["id", "ASC"]]
        return self._tryton.rows(model.model, terms, fields, order=order, limit=self.config.page_size)

    def _with_moves(self, rows: list[Row]) -> list[Row]:
        """Add to inspections of movements what was moved: `moved` with lot and production."""
        origins = [str(row.get("origin") or "").partition(",") for row in rows]
        wanted = sorted({int(n) for kind, _, n in origins if kind == "stock.move" and n.isdecimal()})
        if not wanted:
            return rows
        fields = ["lot.number", "production_output.number"]
        asked: Domain = [["id", "in", wanted]]
        found = self._tryton.rows("stock.move", asked, fields, order=[["id", "ASC"]])
        moved = {f"stock.move,{move.get('id')}": move for move in found}
        return [
            {**row, "moved": moved[origin]} if (origin := row.get("origin")) in moved else row for row in rows
        ]

    def _fields(self, model: Model) -> list[str]:
        """Give which of a stream's fields this version has."""
        if model.name not in self._found:
            there = self._tryton.fields(model.model)
            wanted = dict.fromkeys((*model.fields, *_CLOCKS))
            self._found[model.name] = [field for field in wanted if field.partition(".")[0] in there]
        return self._found[model.name]

    # -------------------------------------------------------------------------------------- meaning
    def tell(self, facts: Facts, item: Row, kind: str) -> None:
        """Say what a row states."""
        meaning = _MEANINGS.get(kind)
        if meaning is None:
            raise BadRecord(f"it is no row of {kind}")
        meaning(facts, item)


def _document(stream: str, row: Row) -> Document:
    return Document(
        object_type=stream,
        key=str(row.get("id")),
        payload=orjson.dumps(row).decode(),
        changed_at=_changed_at(row),
    )


def _changed_at(row: Row) -> datetime:
    """Give the time of a row's last change, or of its making."""
    return read_time(row.get("write_date")) or read_time(row.get("create_date")) or _BEGINNING
