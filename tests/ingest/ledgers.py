"""A source for runner tests: a ledger of changes that is read page by page, and misbehaves when told to."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hub.ingest.sources import History, Source
from hub.model import Batch, Identifier, Record, Sample
from hub.sdk import Config, Connector, Cursor, Document, Health, Page, RecordSource, Rejected, Stream, attempt

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Ledger:
    """What the source holds: (second of change, key, content), and how it behaves."""

    rows: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list[Any])
    snapshot: bool = False
    page: int = 2
    after_tie: bool = True
    resumes: bool = False
    """Whether it follows a cursor even where all is to be given."""
    fails_with: Exception | None = None
    fails_at: int = 0
    understands: bool = True
    opened: int = 0
    closed: int = 0


class Reader(RecordSource[Config]):
    """Reads a ledger from the second of the last change on, so that a tie cut by a page is read again."""

    name: ClassVar[str] = "ledger"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(Config())
        self.ledger = ledger
        ledger.opened += 1

    def check(self) -> Health:
        return Health(system="ledger")

    def close(self) -> None:
        self.ledger.closed += 1

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="rows", snapshot=self.ledger.snapshot, every_s=60)]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        is_whole = cursor is None or (self.ledger.snapshot and not self.ledger.resumes)
        since = -1 if is_whole or cursor is None else int(cursor["at"])
        rows = sorted(
            (r for r in self.ledger.rows if (r[0] >= since if self.ledger.after_tie else r[0] > since)),
            key=lambda r: (r[0], r[1]),
        )
        for number, start in enumerate(range(0, len(rows), self.ledger.page)):
            if self.ledger.fails_with and number == self.ledger.fails_at:
                raise self.ledger.fails_with
            some = rows[start : start + self.ledger.page]
            torn = [Rejected(reason="half a line", where=row[1]) for row in some if "torn" in row[2]]
            documents = [_document(*row) for row in some if "torn" not in row[2]]
            yield Page(documents=documents, rejected=torn, cursor={"at": some[-1][0]})
        if self.ledger.fails_with and not rows:
            raise self.ledger.fails_with

    def parse(self, document: Document) -> Iterator[Record | Rejected]:
        told: dict[str, Any] = json.loads(document.payload)
        yield Batch(id=Identifier(value=document.key))
        if "taken" in told or "sample" in told:
            taken = told.get("taken") if self.ledger.understands else None
            yield attempt(Sample, "sample", key=f"S-{document.key}", code="S", taken_at=taken)
        if "unit" in told:
            try:
                yield Batch(id=Identifier(value=document.key), actual_size=self.quantity("5", told["unit"]))
            except ValueError as error:
                yield Rejected(reason=str(error), where="unit", payload=str(told["unit"]))


def _document(second: int, key: str, content: dict[str, Any]) -> Document:
    payload = content["raw"] if "raw" in content else json.dumps(content)
    return Document(object_type="row", key=key, payload=payload, changed_at=START + timedelta(seconds=second))


@dataclass(frozen=True)
class LedgerSource(Source):
    """A source whose connector reads a ledger in memory."""

    ledger: Ledger = field(default_factory=Ledger)

    def open(self) -> Connector[Any]:
        """Make the connector."""
        return Reader(self.ledger)


def source_of(ledger: Ledger, code: str = "mes") -> LedgerSource:
    return LedgerSource(code, code.upper(), "ledger", None, Config(), History(), None, ledger)
