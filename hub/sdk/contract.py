"""The contract: what a connector class offers; the hub does the rest (retry, limits, state, transactions)."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from hub.model import Measurement, Quantity, Record, Tag, parse_instant
from hub.sdk.config import Config
from hub.sdk.document import Cursor, Document, Page, Rejected, Window

C = TypeVar("C", bound=Config)

API_LEVEL = 1
"""The level of this contract; a connector built for another level is refused at load."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """What `check` found: who answers and which version; problems are raised, not returned."""

    system: str
    version: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Something to read on its own clock; after each read of a `snapshot`, what is missing has vanished."""

    name: str
    description: str = ""
    snapshot: bool = False
    every_s: float = 60.0


class Connector(ABC, Generic[C]):
    """Base of all connectors: a configuration class, a check, and a clean end.

    Methods may be plain or async. Raise `Misconfigured`, `Unauthorized`, `Unavailable`, `BadRecord`; write
    no retry, limiter, log or state file.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    api_level: ClassVar[int] = API_LEVEL
    config_class: ClassVar[type[Config]]

    def __init__(self, config: C) -> None:
        self.config = config

    @abstractmethod
    def check(self) -> Health | Awaitable[Health]:
        """Prove that the source answers and that our rights suffice."""

    def close(self) -> Awaitable[None] | None:
        """Release connections; called once, also after errors."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def quantity(self, text: str | float, unit: str | None = None) -> Quantity:
        """Make an amount, with the unit spelled as this source does (`units` setting)."""
        return Quantity.of(text, self.config.units.get((unit or "").strip(), unit))

    def measurement(self, text: str | float, unit: str | None = None) -> Measurement:
        """Make a result, with the unit spelled as this source does (`units` setting)."""
        return Measurement.of(text, self.config.units.get((unit or "").strip(), unit))

    def instant(self, text: str | datetime) -> datetime:
        """Give the UTC instant of a time as this source writes it (`timezone` setting for local times)."""
        return parse_instant(text, self.config.zone)


class RecordSource(Connector[C]):
    """A source of business facts: it fetches documents, and it says what a document means."""

    @abstractmethod
    def streams(self) -> Sequence[Stream]:
        """Name the streams; no I/O beyond what naming needs."""

    @abstractmethod
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page] | AsyncIterator[Page]:
        """Give pages of documents from the cursor on, oldest change first; None starts at the beginning.

        Resuming at any page's cursor must lose nothing; giving something again is harmless.
        """

    @abstractmethod
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        """Say what a document states. Pure: no I/O, so that quarantined documents can be replayed."""


class SampleSource(Connector[C]):
    """A source of samples: stateless windows of columns; the hub keeps what is covered."""

    @abstractmethod
    def tags(self) -> Iterable[Tag] | AsyncIterator[Tag]:
        """List the signals with what the source knows of them."""

    @abstractmethod
    def samples(
        self, tags: Sequence[str], window: Window
    ) -> Iterator[pa.RecordBatch | Rejected] | AsyncIterator[pa.RecordBatch | Rejected]:
        """Give every sample of these tags with start <= ts < end, as `SAMPLE_SCHEMA`; order is free.

        A tag that cannot be read (closed to the user, gone) is given as `Rejected(key=tag, …)`: its window
        stays open and the reason is on record, while the others go on.
        """

    def extent(self) -> Window | Awaitable[Window | None] | None:
        """Give the span in which the source has samples, when it can tell cheaply."""
        return None


def attempt(kind: type[Record], where: str, /, **fields: Any) -> Record | Rejected:
    """Build a record; give a `Rejected` that names the fault and the place instead of raising."""
    try:
        return kind(**fields)
    except ValidationError as error:
        return reject(error, where)


def reject(error: ValidationError | ValueError, where: str) -> Rejected:
    """Turn a validation error into a rejected part: what, where, and the remedy when the error names one."""
    if not isinstance(error, ValidationError):
        return Rejected(reason=str(error), where=where)
    faults = [
        f"{'.'.join(str(p) for p in e['loc']) or 'record'}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_url=False, include_context=False)
    ]
    return Rejected(reason="; ".join(faults), where=f"{where} ({error.title})")
