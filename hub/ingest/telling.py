"""From a connector's documents to what the store writes down: full schemes, and faults with their place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hub.model import Record
from hub.sdk import BadRecord, Document, RecordSource, Rejected, reject
from hub.store.quarantine import Fault
from hub.store.statements import Said, Told
from hub.store.stating import state


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a document states and what of it could not be read; `unreadable` when nothing could."""

    records: Sequence[Record] = ()
    rejected: Sequence[Rejected] = ()
    unreadable: bool = False


def tell(source_code: str, connector: RecordSource[Any], document: Document) -> Told:
    """Read a document through its connector; what cannot be read becomes faults, the rest is told."""
    return told_of(source_code, document, read_meaning(connector, document))


def read_meaning(connector: RecordSource[Any], document: Document) -> Meaning:
    """Ask a connector what a document means; never raises for what stands in the document."""
    if document.deleted:
        return Meaning()
    try:
        parsed = list(connector.parse(document))
    except BadRecord as error:
        fault = Rejected(reason=error.reason, where=error.where, remedy=error.remedy)
        return Meaning(rejected=(fault,), unreadable=True)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError, LookupError) as error:
        # A document that the mapping did not foresee must not stop the rest of the stream.
        fault = (
            reject(error, document.key)
            if isinstance(error, ValidationError)
            else Rejected(
                reason=f"the mapping failed: {type(error).__name__}: {error}",
                where=document.key,
                remedy="correct the document or the mapping, then `plantwide quarantine replay`",
            )
        )
        return Meaning(rejected=(fault,), unreadable=True)
    records = [item for item in parsed if isinstance(item, Record)]
    rejected = [item for item in parsed if isinstance(item, Rejected)]
    return Meaning(records=records, rejected=rejected, unreadable=bool(rejected) and not records)


def told_of(source_code: str, document: Document, meaning: Meaning) -> Told:
    """Give a document with its meaning as the store writes it down."""
    said = [state(source_code, record) for record in meaning.records]
    return _told(document, said, meaning.rejected, unreadable=meaning.unreadable)


def tell_rejected(piece: Rejected) -> Told:
    """Give a piece that a connector could not make a document of: it goes to quarantine as it is."""
    document = Document(
        object_type="piece",
        key=piece.key or piece.where or "?",
        payload=piece.payload,
        media_type="text/plain",
    )
    return _told(document, (), (piece,), unreadable=True)


def _told(
    document: Document, said: Iterable[Said], rejected: Iterable[Rejected], *, unreadable: bool = False
) -> Told:
    return Told(
        object_type=document.object_type,
        source_key=document.key,
        payload=document.payload,
        media_type=document.media_type,
        version=document.version,
        source_time=document.changed_at,
        deleted=document.deleted,
        said=tuple(said),
        faults=tuple(_fault(document, r, whole=unreadable) for r in rejected),
        unreadable=unreadable,
    )


def _fault(document: Document, rejected: Rejected, *, whole: bool) -> Fault:
    """Give a fault with what to read again: the `whole` document where nothing of it is stored elsewhere."""
    return Fault(
        object_type=document.object_type,
        source_key=document.key,
        part=rejected.where,
        reason=rejected.reason,
        remedy=rejected.remedy,
        payload=document.payload if whole else rejected.payload or document.payload,
        media_type=document.media_type,
        version=document.version,
        source_time=document.changed_at,
    )
