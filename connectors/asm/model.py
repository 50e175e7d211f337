"""Allotrope Simple Model: JSON documents whose names tell what they are; every value in them, in their order.

Source: the ASM schemas of the Allotrope Foundation (REC and BENCHLING manifests of 2023 to 2024).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from connectors.asm.readings import Part, Reading, Specimen, Unreadable
from hub.sdk import BadRecord

MARK = "$asm.manifest"
_AGGREGATE, _DOCUMENT = " aggregate document", " document"
_ABOUT = frozenset(
    {
        "sample document",
        "device control aggregate document",
        "device system document",
        "data system document",
        "data processing document",
        "injection document",
        "chromatography column document",
        "custom information document",
        "image aggregate document",
        "error aggregate document",
        "statistics aggregate document",
    }
)
"""Parts that tell how something was measured, not what: they stay in the document."""
_NAMES = ("analyte name", "written name", "peak name")
"""What names a part. Identifiers do not: a converter may make new ones each time."""
_VESSELS = ("Vessel ID", "vessel identifier", "bioreactor identifier")
_DEPTH = 60

Node = dict[str, Any]


class Number(str):
    """A number of JSON, as it is written."""

    __slots__ = ()


def read_model(text: str) -> Iterator[Part]:
    """Give the values of a document. Raises `BadRecord` for what is no ASM."""
    try:
        root = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"this is no JSON: {error}", remedy="convert the file again") from error
    if not isinstance(root, dict) or MARK not in root:
        raise BadRecord(f"the document has no {MARK}", remedy="give Allotrope Simple Model, or set `form`")
    whole = [_node(v) for k, v in cast("Node", root).items() if k.endswith(_AGGREGATE)]
    for node in whole:
        yield from _Whole(node).read()


class _Whole:
    """Reads one aggregate document; calculated values find their sample by what they are made of."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._of: dict[str, Specimen] = {}
        self._at: dict[str, str | None] = {}

    def read(self) -> Iterator[Part]:
        if _depth(self._node) > _DEPTH:
            yield Unreadable("document", f"it is nested deeper than {_DEPTH}")
            return
        number = 0
        for title, part in self._node.items():
            if title in _ABOUT or title.endswith(_AGGREGATE) or not title.endswith(_DOCUMENT):
                continue
            for one in _list(part):
                number += 1
                yield from self._document(one, f"{number}")
        yield from self._calculated(self._node, "calculated", None)

    def _document(self, node: Node, place: str) -> Iterator[Part]:
        analyst = _text(node.get("analyst"))
        holder = _node(node.get("measurement aggregate document"))
        for number, one in enumerate(_list(holder.get("measurement document")), start=1):
            yield from self._measurement({**_shared(holder), **one}, f"{place}/{number}", analyst)
        for level in (holder, node):
            yield from self._calculated(level, f"{place}/calculated", analyst)

    def _measurement(self, node: Node, place: str, analyst: str | None) -> Iterator[Part]:
        specimen = _specimen(_node(node.get("sample document")))
        if specimen is None:
            yield Unreadable(f"measurement {place}", "it names no sample")
            return
        at = _text(node.get("measurement time"))
        for identifier in _identifiers(node):
            self._of[identifier], self._at[identifier] = specimen, at
        yield specimen
        for found in _values(node, place):
            yield Reading(
                key=found.place,
                specimen=specimen,
                name=found.name,
                quantity=found.quantity,
                text=found.text,
                unit=found.unit,
                at=at,
                analyst=analyst,
                status=found.status,
            )

    def _calculated(self, node: Node, place: str, analyst: str | None) -> Iterator[Part]:
        holder = _node(node.get("calculated data aggregate document"))
        waiting = list(enumerate(_list(holder.get("calculated data document")), start=1))
        while waiting:
            rest: list[tuple[int, Node]] = []
            for number, one in waiting:
                source = next((s for s in _sources(one) if s in self._of), None)
                if source is None:
                    rest.append((number, one))
                    continue
                if own := _text(one.get("calculated data identifier")):
                    self._of[own], self._at[own] = self._of[source], self._at[source]
                yield from self._calculation(one, f"{place}/{number}", source, analyst=analyst)
            if len(rest) == len(waiting):
                for number, _ in rest:
                    yield Unreadable(
                        f"{place}/{number}", "nothing that the value is made of is in the document"
                    )
                return
            waiting = rest

    def _calculation(self, one: Node, place: str, source: str, *, analyst: str | None) -> Iterator[Part]:
        datum = one.get("calculated datum", one.get("calculated result"))
        found = _quantity(datum)
        if found is None:
            yield Unreadable(place, "the calculated value has no value")
            return
        name = _text(one.get("calculated data name")) or "calculated value"
        text, unit = found
        yield Reading(
            key=place,
            specimen=self._of[source],
            name=name,
            text=text,
            unit=unit,
            at=self._at[source],
            analyst=analyst,
            is_calculated=True,
        )


# ------------------------------------------------------------------------------------------ values
class _Value:
    __slots__ = ("name", "place", "quantity", "status", "text", "unit")

    def __init__(self, place: str, name: str, quantity: str | None) -> None:
        self.place, self.name, self.quantity = place, name, quantity
        self.text, self.unit, self.status = "", cast("str | None", None), cast("str | None", None)


def _values(node: Node, place: str, owner: str | None = None) -> Iterator[_Value]:
    """Give the values below a node; `owner` is the analyte or peak that they belong to."""
    named = next((t for n in _NAMES if (t := _text(node.get(n)))), None) or owner
    custom = _node(node.get("custom information document"))
    for title, part in node.items():
        if title in _ABOUT or title.endswith("data cube") or title == "calculated data aggregate document":
            continue
        found = _quantity(part)
        if found is not None:
            code = _text(custom.get("analyte code"))
            quantity = ", ".join(t for t in (title if named else None, code) if t) or None
            value = _Value(f"{place}/{title}", named or title, quantity)
            value.text, value.unit = found
            _flag(value, custom)
            yield value
        elif inner := _node(part):
            yield from _values(inner, f"{place}/{title}", named)
        elif isinstance(part, list):
            for number, one in enumerate(_list(cast("object", part)), start=1):
                owner_of = f"peak {_text(one.get('peak index')) or number}" if title == "peak" else named
                yield from _values(one, f"{place}/{title}/{number}", owner_of)


def _flag(value: _Value, custom: Node) -> None:
    """Take a flag for the value where the converter had no number: it writes -0.0 for `< 20.00`."""
    value.status = _text(custom.get("flag"))
    if value.text.startswith("-0") and float(value.text) == 0 and value.status:
        value.text, value.unit = value.status, None


def _quantity(part: object) -> tuple[str, str | None] | None:
    """Give text and unit of a value; None for what is none."""
    if not isinstance(part, dict):
        return None
    node = cast("Node", part)
    entry = node.get("value")
    if not isinstance(entry, (str, bool)) or entry == "":
        return None
    return str(entry), _text(node.get("unit"))


def _specimen(sample: Node) -> Specimen | None:
    code = _text(sample.get("sample identifier")) or _text(sample.get("written name"))
    if code is None:
        return None
    custom = _node(sample.get("custom information document"))
    vessel = next((t for n in _VESSELS if (t := _text(custom.get(n)) or _text(sample.get(n)))), None)
    role = _text(sample.get("sample role type")) or _text(sample.get("description"))
    return Specimen(code, _text(sample.get("batch identifier")), vessel, role)


def _shared(holder: Node) -> Node:
    """Give what the measurements of an aggregate have in common."""
    return {k: holder[k] for k in ("measurement time", "sample document") if k in holder}


def _identifiers(node: Node) -> Iterator[str]:
    for title, part in node.items():
        if title.endswith("identifier") and (text := _text(part)):
            yield text
        elif inner := _node(part):
            yield from _identifiers(inner)
        elif isinstance(part, list) and not title.endswith("cube"):
            for one in _list(cast("object", part)):
                yield from _identifiers(one)


def _sources(node: Node) -> Iterator[str]:
    holder = _node(node.get("data source aggregate document"))
    for one in _list(holder.get("data source document")):
        if text := _text(one.get("data source identifier")):
            yield text


# ------------------------------------------------------------------------------------------ shapes
def _node(part: object) -> Node:
    return cast("Node", part) if isinstance(part, dict) else {}


def _list(part: object) -> list[Node]:
    """Give the objects of a list; one alone is a list of one."""
    if isinstance(part, dict):
        return [cast("Node", part)]
    return (
        [cast("Node", one) for one in cast("list[object]", part) if isinstance(one, dict)]
        if isinstance(part, list)
        else []
    )


def _text(part: object) -> str | None:
    return part.strip() or None if isinstance(part, str) else None


def _depth(root: Mapping[str, Any]) -> int:
    """Give how deep a document is nested, without recursion."""
    depth, level = 0, [cast("object", root)]
    while level and depth <= _DEPTH:
        depth += 1
        inner: list[object] = []
        for one in level:
            parts = cast("Node", one).values() if isinstance(one, dict) else cast("list[object]", one)
            inner += [part for part in parts if isinstance(part, (dict, list))]
        level = inner
    return depth
