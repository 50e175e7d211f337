"""How things are called in a document: by the code that the hub shows, or as the receiver calls them."""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.model.shape import Field
from hub.records.b2mml.markup import Element, make
from hub.store.answers.things import read_names
from hub.store.database import Connection

Reference = Mapping[str, Any]


class Names:
    """Gives each thing one name with its scheme; `receiver` is a source whose names go first."""

    def __init__(self, connection: Connection, receiver: str | None) -> None:
        self._connection = connection
        self._receiver = receiver
        self._known: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def learn(self, fields: Iterable[Field], documents: Iterable[Mapping[str, Any]]) -> None:
        """Read the names of all that these documents refer to, at once."""
        found = list(documents)
        for field in fields:
            if field.kind == "reference" and field.target:
                uids = {one["uid"] for d in found if (one := d[field.name]) and one["uid"]}
                self.learn_of(field.target, uids)

    def learn_of(self, kind: str, uids: Iterable[str]) -> None:
        """Read the names of these things of a type."""
        missing = sorted({uid for uid in uids if (kind, uid) not in self._known})
        for uid in missing:
            self._known[kind, uid] = []
        for one in read_names(self._connection, kind, missing):
            self._known[kind, one["uid"]].append(one)

    def element(self, title: str, kind: str, thing: Reference | None) -> Element | None:
        """Give an IdentifierType with its `schemeID`; None where nothing is referred to."""
        if thing is None:
            return None
        scheme, text = self._choose(kind, thing)
        return make(title, text, schemeID=scheme) if scheme else make(title, text)

    def text(self, kind: str, thing: Reference) -> str:
        """Give the name alone."""
        return self._choose(kind, thing)[1]

    def scheme(self, kind: str, thing: Reference) -> str:
        """Give the scheme of the name; empty where only a code is known."""
        return self._choose(kind, thing)[0]

    def _choose(self, kind: str, thing: Reference) -> tuple[str, str]:
        label = str(thing["code"] or thing.get("reported") or "")
        names = [one for one in self._known.get((kind, str(thing["uid"])), []) if one["is_active"]]
        theirs = [one for one in names if one["scheme"].startswith(f"{self._receiver}:")]
        ours = [one for one in names if one["label"] == label]
        chosen = min(theirs or ours, key=_rank, default=None)
        return (chosen["scheme"], chosen["value"]) if chosen else ("", label)


def _rank(name: Mapping[str, Any]) -> tuple[bool, bool, str, str]:
    """Put a name that is written as it is spoken first, then one that its system gave itself."""
    return name["value"] != name["label"], name["method"] != "native", name["scheme"], name["value"]
