"""The shape of a record class: which fields are plain, which are amounts, which refer to something.

Tables, resolution and answers are all made from this one reading, so a new field is written once.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hub.model.enums import OpenList
from hub.model.identifier import Identifier
from hub.model.measurement import Measurement, Quantity
from hub.model.record import Peer, Record, Refers

FieldKind = Literal[
    "text", "choice", "number", "integer", "flag", "instant", "quantity", "measurement", "reference", "peer"
]

_PLAIN: dict[Any, FieldKind] = {
    str: "text",
    float: "number",
    int: "integer",
    bool: "flag",
    datetime: "instant",
    Quantity: "quantity",
    Measurement: "measurement",
    Identifier: "reference",
}
_OWN = {"id", "also", "replaces", "renumbered_at", "key"}


@dataclass(frozen=True)
class Field:
    """A field of a record: its name, its kind, the type it points at, whether it must be stated.

    `scheme` is the local scheme of a reference given without one; `values` are those of a list, and a
    `choice` is a list that is open: whatever else a source wrote is kept beside `Other`.
    """

    name: str
    kind: FieldKind
    target: str | None = None
    required: bool = False
    values: tuple[str, ...] = ()
    scheme: str = ""

    def split(self, stated: str | None) -> tuple[str | None, str | None]:
        """Give a choice's value and, where that is `Other`, what was written."""
        return OpenList(self.values).split(stated)


def _bare(annotation: Any, marks: list[Any]) -> Any:
    """Strip Optional and Annotated, collecting the marks."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        marks.extend(more)
        return _bare(inner, marks)
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(a for a in get_args(annotation) if a is not type(None)), marks)
    return annotation


@cache
def fields_of(kind: type[Record]) -> tuple[Field, ...]:
    """Give the fields of a record class in their order, without its own names and key."""
    return tuple(
        _read(name, info.annotation, list(info.metadata), required=info.is_required())
        for name, info in kind.model_fields.items()
        if name not in _OWN
    )


def _read(name: str, annotation: Any, marks: list[Any], *, required: bool) -> Field:
    bare = _bare(annotation, marks)
    mark = next((m for m in marks if isinstance(m, Refers | Peer)), None)
    if isinstance(mark, Peer):
        return Field(name, "peer", mark.record_type, required)
    if isinstance(mark, Refers):
        return Field(name, "reference", mark.entity_type, required, scheme=mark.scheme or mark.entity_type)
    listed = next((m for m in marks if isinstance(m, OpenList)), None)
    if listed:
        return Field(name, "choice", None, required, listed.values)
    if get_origin(bare) is Literal:
        return Field(name, "text", None, required, get_args(bare))
    return Field(name, _PLAIN[bare], None, required)
