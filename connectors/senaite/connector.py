"""The `senaite` connector: reads what changed in the laboratory, and says what it means."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import orjson

from connectors.senaite.client import Item, SenaiteClient
from connectors.senaite.config import SenaiteConfig
from connectors.senaite.meaning import Facts, read_analysis, read_attachment, read_sample, read_specification
from connectors.senaite.reading import Listing, pick
from hub.model import parse_instant
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


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A stream: its portal type, and what its objects mean."""

    portal_type: str
    description: str
    read: Callable[[Facts, Item], None]
    every_s: float


_KINDS: dict[str, _Kind] = {
    "specifications": _Kind(
        portal_type="analysisspec",
        description="specifications with their limits",
        read=read_specification,
        every_s=3600.0,
    ),
    "samples": _Kind(portal_type="analysisrequest", description="samples", read=read_sample, every_s=300.0),
    "analyses": _Kind(
        portal_type="analysis", description="analyses: results", read=read_analysis, every_s=300.0
    ),
    "attachments": _Kind(
        portal_type="attachment", description="attached files", read=read_attachment, every_s=900.0
    ),
}


class Senaite(ObjectSource[SenaiteConfig]):
    """Reads samples, results, limits and attachments of a SENAITE laboratory."""

    name = "senaite"
    version = "1.0.0"
    facts = Facts
    config_class = SenaiteConfig

    def __init__(self, config: SenaiteConfig) -> None:
        super().__init__(config)
        self._lab = SenaiteClient(config)

    def check(self) -> Health:
        """Prove that the user is known, and that each kind of object can be listed."""
        self._lab.prove_login()
        counts = {
            name: self._lab.page(_KINDS[name].portal_type, {"limit": "1"}).total
            for name in self.config.streams
        }
        told = ", ".join(f"{name}: {count}" for name, count in counts.items())
        return Health(system="SENAITE", version=self._lab.version(), detail=told)

    def close(self) -> None:
        """Close the connections."""
        self._lab.close()

    def streams(self) -> Sequence[Stream]:
        """The streams that the settings name."""
        return [
            Stream(name=name, description=_KINDS[name].description, every_s=_KINDS[name].every_s)
            for name in self.config.streams
        ]

    # -------------------------------------------------------------------------------------- reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Give changed objects."""
        kind = _KINDS.get(stream)
        if kind is None or stream not in self.config.streams:
            raise Misconfigured(f"there is no stream {stream!r}", remedy=f"use one of {self.config.streams}")
        self._lab.prove_login()
        listing = Listing(
            client=self._lab,
            kind=kind.portal_type,
            size=self.config.page_size,
            overlap=timedelta(seconds=self.config.overlap_s),
            changed_at=_changed_at,
        )
        services = self._services() if stream == "specifications" else {}
        for items, mark in listing.pages(cursor or {}):
            yield Page(documents=[_document(stream, item, services) for item in items], cursor=mark)

    def _services(self) -> dict[str, Item]:
        """Give title and unit of every test by keyword: a specification's limits tell neither."""
        found: dict[str, Item] = {}
        while True:
            options = {"complete": "yes", "limit": str(self.config.page_size), "b_start": str(len(found))}
            answer = self._lab.page("analysisservice", options)
            before = len(found)
            for item in answer.items:
                keyword = str(pick(item, "Keyword", "getKeyword") or item.get("uid"))
                found[keyword] = {"title": item.get("title"), "unit": pick(item, "Unit", "getUnit")}
            if len(found) >= answer.total or len(found) == before:
                return found

    # -------------------------------------------------------------------------------------- meaning
    def tell(self, facts: Facts, item: Item, kind: str) -> None:
        """Say what an object states."""
        known = _KINDS.get(kind)
        if known is None:
            raise BadRecord(f"it is no object of {kind}")
        facts.batch_field, facts.lot_field = self.config.batch_field, self.config.lot_field
        known.read(facts, item)


def _document(name: str, item: Item, services: dict[str, Item]) -> Document:
    whole = {"specification": item, "services": _used(item, services)} if name == "specifications" else item
    return Document(
        object_type=name,
        key=str(item.get("uid")),
        payload=orjson.dumps(whole).decode(),
        changed_at=_changed_at(item),
    )


def _used(item: Item, services: dict[str, Item]) -> dict[str, Item]:
    limits: Any = item.get("ResultsRange")
    rows = cast("list[Any]", limits) if isinstance(limits, list) else []
    named = [str(cast("Item", row).get("keyword")) for row in rows if isinstance(row, dict)]
    return {keyword: services[keyword] for keyword in named if keyword in services}


def _changed_at(item: Item) -> datetime | None:
    """Give the object's own change time (with an offset); None where it is none."""
    told = pick(item, "modified", "modification_date")
    try:
        return parse_instant(str(told), "UTC") if told else None
    except ValueError:
        return None
