"""The `odoo` connector: finds out what this database calls things, reads what changed, says what it means."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import orjson

from connectors.odoo.client import Domain, OdooClient, Row
from connectors.odoo.config import OdooConfig
from connectors.odoo.facts import Facts, number, read_utc
from connectors.odoo.meaning import (
    read_bom,
    read_bom_line,
    read_bom_operation,
    read_lot,
    read_product,
    read_production,
    read_productivity,
    read_work_center,
    read_work_order,
)
from connectors.odoo.models import MADE, MODELS, Model
from connectors.odoo.movements import read_move
from connectors.odoo.origins import Origins
from connectors.odoo.quality import read_check, read_point
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
    "bom_lines": read_bom_line,
    "bom_operations": read_bom_operation,
    "productions": read_production,
    "work_orders": read_work_order,
    "moves": read_move,
    "productivity": read_productivity,
    "quality_points": read_point,
    "quality_checks": read_check,
}
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Odoo(ObjectSource[OdooConfig]):
    """Reads manufacturing orders, lots, movements and quality of an Odoo database."""

    name = "odoo"
    version = "1.0.0"
    facts = Facts
    config_class = OdooConfig

    def __init__(self, config: OdooConfig) -> None:
        super().__init__(config)
        self._odoo = OdooClient(config)
        self._origins = Origins(self._odoo)
        self._found: dict[str, tuple[str, list[str]]] = {}

    def check(self) -> Health:
        """Prove that the user gets in and may read the model of every stream."""
        for stream in self.config.streams:
            model, fields = self._model(MODELS[stream])
            self._odoo.rows(model, [], fields[:1], limit=1)
        return Health(
            system="Odoo",
            version=self._odoo.version(),
            detail=", ".join(f"{s}: {self._found[s][0]}" for s in self.config.streams),
        )

    def close(self) -> None:
        """Close the connections."""
        self._odoo.close()

    def streams(self) -> Sequence[Stream]:
        """The streams that the settings name."""
        return [
            Stream(name=name, description=MODELS[name].description, every_s=MODELS[name].every_s)
            for name in self.config.streams
        ]

    # -------------------------------------------------------------------------------------- reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Give changed rows, oldest change first."""
        model = MODELS.get(stream)
        if model is None or model.name not in self.config.streams:
            raise Misconfigured(f"there is no stream {stream!r}", remedy=f"use one of {self.config.streams}")
        called, fields = self._model(model)
        domain: Domain = [list(term) for term in model.domain]
        if model.name == "moves" and self._origins.is_told():
            domain += MADE
        sweep = Sweep(
            ask=partial(self._ask, model=called, fields=fields, domain=domain),
            time_of=_changed_at,
            id_of=lambda row: number(row.get("id")) or 0,
            size=self.config.page_size,
            overlap=timedelta(seconds=self.config.overlap_s),
        )
        for rows, mark in sweep.pages(cursor or {}):
            told = self._origins.join(rows) if model.name == "moves" else rows
            documents = [_document(stream, row, whole) for row, whole in zip(rows, told, strict=True)]
            yield Page(documents=documents, cursor=mark)

    def _ask(self, span: Span, *, model: str, fields: list[str], domain: Domain) -> list[Row]:
        terms = list(domain)
        if span.start is not None:
            terms.append(["write_date", ">=", _written(span.start)])
        if span.end is not None:
            terms += [["write_date", "<", _written(span.end)], ["id", ">", span.after]]
        order = "write_date asc, id asc" if span.end is None else "id asc"
        return self._odoo.rows(model, terms, fields, order=order, limit=self.config.page_size)

    def _model(self, model: Model) -> tuple[str, list[str]]:
        """Give what this database calls a stream's model, and which of its fields there are."""
        if model.name not in self._found:
            called, there = self._odoo.first_of(model.models)
            wanted = (*model.fields, "write_date")
            self._found[model.name] = (called, [field for field in wanted if field in there])
        return self._found[model.name]

    # -------------------------------------------------------------------------------------- meaning
    def tell(self, facts: Facts, item: Row, kind: str) -> None:
        """Say what a row states."""
        meaning = _MEANINGS.get(kind)
        if meaning is None:
            raise BadRecord(f"it is no row of {kind}")
        meaning(facts, item)


def _document(stream: str, row: Row, whole: Row) -> Document:
    return Document(
        object_type=stream,
        key=str(row.get("id")),
        payload=orjson.dumps(whole).decode(),
        changed_at=_changed_at(row),
    )


def _changed_at(row: Row) -> datetime:
    """Give the change time; every stored row has one."""
    return read_utc(row.get("write_date")) or _BEGINNING


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
