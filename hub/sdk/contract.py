"""The contract: what a connector class offers; the hub does the rest (retry, limits, state, transactions)."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from hub.model import Measurement, Quantity, Record, Tag, parse_instant
from hub.sdk.config import Config
from hub.sdk.document import Cursor, Document, Page, Placed, Receipt, Rejected, Whole, Window
from hub.sdk.errors import Misconfigured

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
    """Something to read on its own clock; after each read of a `snapshot`, what is missing has vanished.

    A snapshot is always read from the beginning. When pieces of it could not be read (`Page.rejected`),
    nobody knows which objects they are: nothing is taken as vanished then.
    """

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
        return parse_instant(text, self.config.zone, ambiguous=self.config.ambiguous)


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

    def places(self, document: Document) -> Iterable[Placed]:  # noqa: ARG002 - for those that know places
        """Say where in a document the records stand that `parse` gives, and their fields where that is known.

        Optional and pure. A place that is not known is left out; nothing is guessed.
        """
        return ()


class SampleSource(Connector[C]):
    """A source of samples: stateless windows of columns; the hub keeps what is covered."""

    @abstractmethod
    def tags(self) -> Iterable[Tag] | AsyncIterator[Tag]:
        """List the signals with what the source knows of them."""

    def branches(self) -> Mapping[str, Sequence[str]]:
        """Give where tags hang in the source's own tree, by tag: names from the root to the tag's own.

        Optional; asked after `tags`, no I/O. People make rows of a tag map of it (`plantwide tags import`);
        what the source knows for certain belongs into the tag itself (`equipment`, `property`).
        """
        return {}

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

    def can_subscribe(self) -> bool:
        """Say whether `subscribe` is offered: whether it is overridden, unless settings decide. No I/O."""
        mine: object = type(self).subscribe
        return mine is not vars(SampleSource)["subscribe"]

    def keeps_history(self, tag: str) -> bool:  # noqa: ARG002 - for those that have tags without history
        """Say whether `samples` can give this tag's past; asked after `tags`, no I/O.

        A tag without history is never asked for by windows. What its subscription misses is lost, and the hub
        puts the gap on record.
        """
        return True

    def states_quality(self) -> bool:
        """Say whether each sample has a quality of the source's own. No I/O.

        False where good is only the connector's word for being there: people are told then that the quality
        was not checked (`plantwide tags quality`).
        """
        return True

    def subscribe(
        self,
        tags: Sequence[str],  # noqa: ARG002 - for those that offer it
    ) -> AsyncIterator[pa.RecordBatch | Whole | Rejected | Receipt]:
        """Give what these tags say from now on, until it is closed. Optional: a live tail beside `samples`.

        A `pa.RecordBatch` (`SAMPLE_SCHEMA`) promises nothing but itself. It is stored soon; samples may come
        late, twice and in any order, and the last one given for a tag and time counts. A sample has the same
        time, value and quality here as in `samples`: else the two make two of one.

        Only a `Whole` moves coverage: of its tags, all that the source has by now with start <= ts < end was
        given before, so the hub need not read that window again. Give one often, each from where the last one
        of a tag ended; what lies between two is read by `samples`, or is a gap of a tag without history.
        Never promise over a moment at which something may be missing: the start, a queue that overflowed, a
        message that did not come, values that were sampled coarser than `samples` gives them. How late
        samples may come is the hub's matter (`history.settle_s`): as many seconds before the end of a promise
        stay open until a later one follows it without a break.

        A `Rejected` says that samples of a tag (`key`; of all tags when it is empty) may be missing, or that
        the tag cannot be followed; the others go on, and the reason is on record.

        A `Receipt` is for sources that keep what nobody has acknowledged: it is called when all that was
        given before it is stored.

        Raise `Unavailable` when the source goes away, and do not reconnect: the hub subscribes anew, backing
        off. Ending without an error means the same. While the hub does not ask for the next item, hold a
        bounded amount, then lose something and promise nothing over it. When the hub has had enough, it
        closes the iterator: let go of everything in `finally`.
        """
        raise Misconfigured(
            f"connector {self.name!r} offers no subscription; its samples are read by windows"
        )


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
