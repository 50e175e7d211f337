"""What an item's second address says: asked once for each item, and kept inside the item's document."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from connectors.rest.answer import Client, read_json, write_json
from connectors.rest.settings import Detail
from hub.sdk import BadRecord, Document, Misconfigured
from hub.sdk.mapping import Path, Reader, Scope, Template

_NONE = frozenset({404, 410})


class DetailReader:
    """Completes documents: to the item is added, under the name `into`, what its own address answers.

    A document that stayed without is kept as the list gave it, and is refused when it is read (`require`):
    so it waits in quarantine under its own name, and is released when a later reading brings the detail.
    """

    def __init__(self, settings: Detail, *, client: Client, reader: Reader) -> None:
        self.settings = settings
        self._client = client
        self._reader = reader
        self._pieces = Template.parse(settings.path).pieces

    def complete(self, document: Document) -> Document:
        """Give the document with its detail, or as it is: when it is deleted, or the source has no detail.

        Raises as `HttpClient.get` when the source fails or refuses us, and `Misconfigured` when the item has
        something of its own under the name `into`.
        """
        if document.deleted:
            return document
        item, into = read_json(document.payload, document.key), self.settings.into
        if not isinstance(item, dict) or into in item:
            raise Misconfigured(
                f"{document.object_type} {document.key} has {into!r} of its own, or is no object",
                remedy="give `detail.into` another name: nothing that the source says is overwritten",
            )
        try:
            answer = self.ask(cast("dict[str, Any]", item))
        except BadRecord:
            return document
        return replace(document, payload=write_json({**item, into: answer}))

    def ask(self, item: Mapping[str, Any]) -> Any:
        """Give what the item's address answers; `BadRecord` when it has none (404, 410) or one too large."""
        path = self._address(item)
        try:
            return self._client.fetch(path, dict(self.settings.params))
        except Misconfigured as error:
            if self._client.status not in _NONE:
                raise
            raise BadRecord(error.what, where="detail") from error

    def require(self, item: Mapping[str, Any]) -> None:
        """Refuse an item that stayed without its detail."""
        if self.settings.into in item:
            return
        raise BadRecord(
            f"GET {self._address(item)} gave nothing when this was read: it answered 404 or 410, or more "
            "than `max_mib`",
            where="detail",
            remedy="if the source has it, correct `detail`; it is asked for again with the item",
        )

    def _address(self, item: Mapping[str, Any]) -> str:
        """Fill the path; what the source wrote is one step of it and leads nowhere else."""
        scope, parts = Scope(item), list[str]()
        for piece in self._pieces:
            if isinstance(piece, Path):
                parts.append(self._step(piece, scope))
            else:
                parts.append(piece)
        return "".join(parts)

    def _step(self, hole: Path, scope: Scope) -> str:
        given = self._reader.stated(hole.find(scope))
        if given is None or isinstance(given, dict | list) or str(given) in {".", ".."}:
            raise BadRecord(f"{hole.text!r} of the item names no address", where="detail")
        return quote(self._reader.text(given), safe="")
