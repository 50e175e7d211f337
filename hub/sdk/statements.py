"""What one document states, gathered field by field: a value that cannot be read costs only itself."""

from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, TypeAlias, cast

import orjson
from pydantic import ValidationError

from hub.model import Measurement, Quantity, Record
from hub.sdk.contract import C, Connector, RecordSource, attempt
from hub.sdk.document import Document, Placed, Rejected
from hub.sdk.errors import BadRecord

Part: TypeAlias = Record | Rejected
Name: TypeAlias = dict[str, Any]
"""An identifier, not yet judged."""


class Statements:
    """Gathers `parts` (records and rejected pieces) and `placed` (where the records stand) of one document.

    Each reading gives None for a value that is absent or cannot be read; what cannot be read is noted.
    """

    def __init__(self, connector: Connector[Any], where: str) -> None:
        self.connector = connector
        self.where = where
        self.parts: list[Part] = []
        self.placed: list[Placed] = []

    def state(self, kind: type[Record], where: str = "", /, **fields: Any) -> None:
        """Add a record, or what is wrong with it."""
        part = attempt(kind, self._at(where), **fields)
        self.parts.append(part)
        if isinstance(part, Record):
            self.placed.append(Placed(record=part, at=where))

    def refuse(self, field: str, error: ValueError | str) -> None:
        """Note a field that cannot be read."""
        self.parts.append(Rejected(reason=_reason(error), where=self._at(field)))

    def quantity(self, amount: Any, unit: str | None, field: str) -> Quantity | None:
        """Give an amount in its unit."""
        if _is_absent(amount):
            return None
        try:
            return self.connector.quantity(str(amount), unit)
        except ValueError as error:
            self.refuse(field, error)
            return None

    def measurement(self, entry: Any, unit: str | None, field: str) -> Measurement | None:
        """Give a result: a number with its unit, or a text."""
        if _is_absent(entry):
            return None
        try:
            return self.connector.measurement(str(entry), unit)
        except ValueError as error:
            self.refuse(field, error)
            return None

    def instant(self, written: Any, field: str) -> datetime | None:
        """Give the instant of a time as the source writes it (`timezone` applies to local times)."""
        if _is_absent(written):
            return None
        try:
            return self.connector.instant(written if isinstance(written, datetime) else str(written))
        except ValueError as error:
            self.refuse(field, error)
            return None

    def _at(self, where: str) -> str:
        return f"{self.where}/{where}" if where else self.where


class ObjectSource(RecordSource[C]):
    """A source whose documents are JSON objects: one reading says what each states, and where it stands."""

    facts: ClassVar[type[Statements]] = Statements
    """What gathers a document's statements."""

    @abstractmethod
    def tell(self, facts: Any, item: dict[str, Any], kind: str) -> None:
        """State what an object of this `object_type` says. Pure. Raises `BadRecord` for other kinds."""

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        """Say what a document states; raises `BadRecord` for what is no JSON object."""
        return [] if document.deleted else self._told(document).parts

    def places(self, document: Document) -> Iterable[Placed]:
        """Give the part of the object that says each record."""
        return [] if document.deleted else self._told(document).placed

    def _told(self, document: Document) -> Statements:
        try:
            item: Any = orjson.loads(document.payload)
        except orjson.JSONDecodeError as error:
            raise BadRecord(f"it is no JSON: {error}", where=document.key) from error
        if not isinstance(item, dict):
            raise BadRecord(f"it is no object of {document.object_type}", where=document.key)
        facts = self.facts(self, f"{document.object_type} {document.key}")
        self.tell(facts, cast("dict[str, Any]", item), document.object_type)
        return facts


def _reason(error: ValueError | str) -> str:
    """Say what is wrong with one value; a model's own wrapping of the fault says nothing to a reader."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(fault["msg"].removeprefix("Value error, ") for fault in faults)
    return str(error)


def _is_absent(value: Any) -> bool:
    return value is None or value is False or value == ""
