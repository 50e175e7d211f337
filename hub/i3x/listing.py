"""All objects as JSON, printed by the database, kept while nothing new is known."""

from datetime import datetime
from threading import Lock

from hub.i3x.settings import I3xSettings
from hub.i3x.space import print_elements
from hub.store.database import Connection
from hub.store.order import newest_known
from hub.store.questions.scope import RowScope, scope_of

_KEPT = 4
_Question = tuple[str | None, bool, RowScope | None]
"""Of which type, with metadata, for those who see which rows."""


class Listing:
    """The lists that were asked for last, each with the newest instant that it knows of."""

    def __init__(self, settings: I3xSettings) -> None:
        self._most = settings.objects
        self._kept: dict[_Question, tuple[datetime | None, str, bool]] = {}
        self._lock = Lock()

    @property
    def refusal(self) -> str:
        """Why a list is not whole, and how to get at the rest."""
        return (
            f"There are more than {self._most} objects; the newest of each kind are here. Ask for one "
            "typeElementId, or find the others through /objects/related and /objects/list."
        )

    def print(self, connection: Connection, *, type_id: str | None, metadata: bool) -> tuple[str, bool]:
        """Give objects as a JSON array, and whether these are all."""
        known, question = newest_known(connection), (type_id, metadata, scope_of(connection))
        with self._lock:
            kept = self._kept.get(question)
        if kept is not None and kept[0] == known and known is not None:
            return kept[1], kept[2]
        printed, is_whole = print_elements(connection, type_id=type_id, metadata=metadata, limit=self._most)
        with self._lock:
            self._kept.pop(question, None)
            self._kept[question] = known, printed, is_whole
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return printed, is_whole
