"""Things and facts as one space of objects: each has a key, a title, what it hangs from, what refers to it.

A key is `batch/<uid>` for a thing and `sample/<id>` for a fact. An object hangs from the first of its kind's
`parents` that is known; where the kind is a part, it is a part of that. What is merged, retracted or repeated
by another system has no key of its own: whatever refers to it refers to what stands for it. Over a connection
that sees some rows only, what it does not see is no object: it is not counted, and nothing hangs from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from itertools import starmap
from operator import add
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    False_,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
)

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.answers.readings import Document, fact_reading, thing_reading
from hub.store.questions.scope import RowScope, scope_of, see
from hub.store.sets import select_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, lot_genealogy

_HIDDEN = ("merged", "retracted")
_KEPT = 1_024
"""Outlines and statements that are kept, each for a kind and for those who see the same rows."""


@dataclass(frozen=True)
class ObjectKind:
    """A kind of object. `parents` are the fields it may hang from; `title` is the column of its name."""

    name: str
    parents: tuple[str, ...] = ()
    is_part: bool = False
    title: str = "code"

    @property
    def is_fact(self) -> bool:
        """Whether one system saw it once."""
        return self.name in FACT_TABLES


OBJECT_KINDS: Mapping[str, ObjectKind] = {
    kind.name: kind
    for kind in (
        ObjectKind("equipment", ("parent",)),
        ObjectKind("tag", ("equipment",), is_part=True),
        ObjectKind("batch", ("campaign", "product")),
        ObjectKind("material_lot", ("parent_lot", "material")),
        ObjectKind("material_definition"),
        ObjectKind("operations_request"),
        ObjectKind("segment_requirement", ("parent", "operations_request")),
        ObjectKind("recipe"),
        ObjectKind("operations_definition"),
        ObjectKind("process_segment", ("parent",)),
        ObjectKind("test_specification"),
        ObjectKind("resource_class"),
        ObjectKind("physical_asset", ("parent",)),
        ObjectKind("person"),
        ObjectKind("quality_event", ("parent",)),
        ObjectKind("document"),
        ObjectKind("segment_response", ("parent", "batch"), is_part=True, title="name"),
        ObjectKind("segment_data", ("response", "batch"), is_part=True, title="name"),
        ObjectKind("sample", ("batch", "lot")),
        ObjectKind("test_result", ("sample",), is_part=True, title="test_code"),
        ObjectKind("material_actual", ("batch",), title="use"),
        ObjectKind("operations_event", ("batch", "equipment"), title="event_type"),
    )
}
"""The kinds of objects, what others refer to first."""

UNITS = ("Unit", "WorkCell", "StorageUnit")
"""Levels of equipment in which batches run: what runs there is a part of it."""
Piece = Literal["key", "title", "described", "parent", "form", "has_parts"]


@dataclass(frozen=True, slots=True)
class Outlined:
    """An object without its values. `id` is the key of its row, `parent` the key of what it hangs from.

    `form` is its kind, and for a tag also what its values are: `tag_float`, `tag_string`, `tag_any`, ….
    """

    kind: str
    id: int
    key: str
    title: str
    description: str | None
    parent: str | None
    form: str
    has_parts: bool
    level: str | None = None


# ------------------------------------------------------------------------------------------ what there is
def count_objects(connection: Connection, kind: str) -> int:
    """Give how many objects of a kind there are."""
    outline = _outline(kind, scope_of(connection))
    return connection.scalar(select(func.count()).select_from(outline.table).where(outline.is_shown)) or 0


def print_objects(
    connection: Connection,
    kind: str,
    pieces: Sequence[Piece | tuple[str]],
    *,
    root: str | None,
    limit: int,
    form: str | None = None,
) -> tuple[str, int]:
    """Let the database print the newest objects of a kind (and form), separated by commas; text and number.

    A piece is a member, printed as JSON, or a one-tuple with text as it stands; `described` is a whole
    member with its comma, or nothing. `root` is printed as parent of what hangs from nothing. Rows that
    become Python objects first take several times as long.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    query = _printing(kind, scope_of(connection), tuple(pieces), root, form, is_sqlite=is_sqlite)
    row: Any = connection.execute(query, {"most": limit}).one()
    return str(row[0] or ""), int(row[1])


def list_units(connection: Connection) -> list[Outlined]:
    """Give the equipment in which batches run."""
    outline = _outline("equipment", scope_of(connection))
    return _read(connection, "equipment", outline.objects().where(outline.table.c.level.in_(UNITS)))


def list_roots(connection: Connection, kind: str, *, limit: int) -> list[Outlined]:
    """Give objects of a kind that hang from nothing."""
    outline = _outline(kind, scope_of(connection))
    return _read(connection, kind, outline.objects().where(outline.parent.is_(None)).limit(limit))


def find_objects(connection: Connection, kind: str, names: Iterable[str]) -> dict[str, Outlined]:
    """Give the objects of a kind by key; a name is what follows the kind in a key."""
    outline = _outline(kind, scope_of(connection))
    if outline.kind.is_fact:
        wanted: list[Any] = [int(n) for n in names if n.isascii() and n.isdigit() and len(n) < 19]
        rows = select_in(connection, outline.objects(), outline.table.c.id, wanted)
    else:
        rows = select_in(connection, outline.objects(), outline.table.c.uid, names)
    return {one.key: one for one in starmap(_make(kind), rows)}


def read_documents(connection: Connection, kind: str, ids: Iterable[int]) -> dict[int, Document]:
    """Give the documents of objects of a kind by the keys of their rows."""
    reading = fact_reading(kind) if kind in FACT_TABLES else thing_reading(kind)
    rows = select_in(connection, reading.select(), reading.table.c.id, ids)
    return {row[0]: document for row, document in zip(rows, reading.documents(rows), strict=True)}


# ------------------------------------------------------------------------------------ what refers to what
@cache
def references_of(kind: str) -> dict[str, str]:
    """Give the references of a kind to objects: field and kind referred to."""
    record = OBSERVED[kind] if kind in OBSERVED else MASTERED[kind]
    fields = [(field.name, field.target or "") for field in fields_of(record)]
    return {name: target for name, target in fields if target in OBJECT_KINDS}


def list_referring(  # noqa: PLR0917 - a kind's field in these
    connection: Connection, kind: str, field: str, ids: Iterable[int], *, limit: int
) -> list[tuple[int, Outlined]]:
    """Give objects of a kind whose field refers to any of these rows: the row referred to, and the object."""
    outline, wanted = _outline(kind, scope_of(connection)), set(ids)
    target = references_of(kind)[field]
    means = {one: one for one in wanted}
    if target in FACT_TABLES:  # whatever refers to a repetition refers to what it repeats
        other = FACT_TABLES[target]
        query = select(other.c.id, other.c.same_as_id)
        means |= {row[0]: row[1] for row in select_in(connection, query, other.c.same_as_id, wanted)}
    there = outline.table.c[f"{field}_id"]
    query = outline.objects().add_columns(there.label("there")).limit(limit)
    rows = select_in(connection, query, there, means)
    return [(means[row[-1]], _make(kind)(*row[:-1])) for row in rows]


def list_referred(  # noqa: PLR0917 - as list_referring
    connection: Connection, kind: str, field: str, ids: Iterable[int]
) -> list[tuple[int, Outlined]]:
    """Give what a field of these objects of a kind refers to: the referring row, and the object."""
    target = _outline(references_of(kind)[field], scope_of(connection))
    table = _alias(kind, "here")
    means = target.table.alias("means")
    query = (
        target.objects()
        .join(means, _own(means) == target.table.c.id)
        .join(table, table.c[f"{field}_id"] == means.c.id)
        .add_columns(table.c.id.label("referring"))
    )
    rows = select_in(connection, query, table.c.id, ids)
    return [(row[-1], _make(target.kind.name)(*row[:-1])) for row in rows]


def list_lot_edges(
    connection: Connection, column: str, ids: Iterable[int], *, other: str
) -> list[tuple[int, int]]:
    """Give pairs of genealogy edges: `input_lot`, `output_lot` or `batch` in these, and the `other` one."""
    here, there = lot_genealogy.c[f"{column}_id"], lot_genealogy.c[f"{other}_id"]
    query = select(here, there).where(there.is_not(None)).distinct()
    if "batch" in (column, other):
        query = query.where(lot_genealogy.c.kind == "consume")
    return [(row[0], row[1]) for row in select_in(connection, query, here, ids)]


def list_by_id(connection: Connection, kind: str, ids: Iterable[int]) -> dict[int, Outlined]:
    """Give objects of a kind by the keys of their rows."""
    outline = _outline(kind, scope_of(connection))
    rows = select_in(connection, outline.objects(), outline.table.c.id, ids)
    return {one.id: one for one in starmap(_make(kind), rows)}


def seen_among(connection: Connection, kind: str, ids: Iterable[int]) -> set[int]:
    """Give those of these rows of a kind that may be seen over this connection."""
    table = FACT_TABLES[kind] if kind in FACT_TABLES else ENTITY_TABLES[kind]
    seen = see(scope_of(connection), kind, table)
    if not seen:
        return set(ids)
    return {row[0] for row in select_in(connection, select(table.c.id).where(*seen), table.c.id, ids)}


# ------------------------------------------------------------------------------------------ inside
@dataclass(frozen=True)
class _Outline:
    """How the objects of a kind are found: their table, its joins, and the columns of an object.

    `name` is the part of its key behind the kind; `parents` are kind and name of what it hangs from, null
    where there is none, the first that there is counts.
    """

    kind: ObjectKind
    table: FromClause
    source: FromClause
    name: ColumnElement[str]
    title: ColumnElement[str]
    description: ColumnElement[Any]
    parents: tuple[tuple[str, ColumnElement[str]], ...]
    form: ColumnElement[str]
    has_parts: ColumnElement[bool]
    level: ColumnElement[Any]
    is_shown: ColumnElement[bool]

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        return select(*columns).select_from(self.source).where(self.is_shown)

    @property
    def key(self) -> ColumnElement[str]:
        return literal(f"{self.kind.name}/") + self.name

    @property
    def parent(self) -> ColumnElement[Any]:
        above = [literal(f"{kind}/") + name for kind, name in self.parents]
        return func.coalesce(*above, cast(null(), String)) if above else cast(null(), String)

    @property
    def columns(self) -> tuple[ColumnElement[Any], ...]:
        found = (self.table.c.id, self.key, self.title, self.description, self.parent, self.form)
        return (*found, self.has_parts, self.level)

    def objects(self) -> Select[Any]:
        return self.select(*self.columns)


@lru_cache(_KEPT)
def _outline(kind: str, scope: RowScope | None) -> _Outline:
    described = OBJECT_KINDS[kind]
    table = FACT_TABLES[kind] if described.is_fact else ENTITY_TABLES[kind]
    source: FromClause = table
    parents: list[tuple[str, ColumnElement[str]]] = []
    for field in described.parents:
        target = references_of(kind)[field]
        above = _alias(target, f"above_{field}")
        there = (above.c.id == table.c[f"{field}_id"], _stands(above), *see(scope, target, above))
        source = source.outerjoin(above, and_(*there))
        parents.append((target, _name(above)))
    title: ColumnElement[Any] = table.c[described.title]
    is_fact = described.is_fact
    stands = (_stands(table), table.c.same_as_id.is_(None)) if is_fact else (_stands(table),)
    return _Outline(
        kind=described,
        table=table,
        source=source,
        name=_name(table),
        title=func.coalesce(title, literal(kind)),
        description=cast(null(), String) if is_fact else table.c.description,
        parents=tuple(parents),
        form=_form(kind, table),
        has_parts=_has_parts(kind, table, scope),
        level=table.c.level if kind == "equipment" else cast(null(), String),
        is_shown=and_(*stands, *see(scope, kind, table)),
    )


def _alias(kind: str, name: str) -> FromClause:
    return (FACT_TABLES[kind] if kind in FACT_TABLES else ENTITY_TABLES[kind]).alias(name)


def _stands(table: FromClause) -> ColumnElement[bool]:
    """Tell whether a row counts: neither merged away nor taken back."""
    return table.c.is_retracted.is_(False) if "is_retracted" in table.c else table.c.lifecycle.not_in(_HIDDEN)


def _own(table: FromClause) -> ColumnElement[int]:
    """Give the row that stands for a row: another one where two systems saw the same."""
    return func.coalesce(table.c.same_as_id, table.c.id) if "same_as_id" in table.c else table.c.id


def _name(table: FromClause) -> ColumnElement[str]:
    return table.c.uid if "uid" in table.c else cast(_own(table), String)


def _has_parts(kind: str, table: FromClause, scope: RowScope | None) -> ColumnElement[bool]:
    """Tell whether an object has parts: a row that hangs from it and would hang from nothing before it."""
    found: list[ColumnElement[bool]] = []
    for part in OBJECT_KINDS.values():
        for at, field in enumerate(part.parents):
            if part.is_part and references_of(part.name)[field] == kind:
                rows = _alias(part.name, f"part_{part.name}_{field}")
                stand = [rows.c[f"{earlier}_id"].is_(None) for earlier in part.parents[:at]]
                stand += [_stands(rows), *see(scope, part.name, rows)]
                found.append(exists().where(rows.c[f"{field}_id"] == table.c.id, *stand))
    if kind == "equipment":
        found.append(func.coalesce(table.c.level, "").in_(UNITS))
    return or_(*found) if found else false()


def _form(kind: str, table: FromClause) -> ColumnElement[str]:
    if kind != "tag":
        return literal(kind)
    return literal("tag_") + _value_type(table)


def _value_type(table: FromClause) -> ColumnElement[str]:
    return func.coalesce(table.c.value_type, "any")


@lru_cache(_KEPT)
def _printing(  # noqa: PLR0917 - the arguments of print_objects
    kind: str,
    scope: RowScope | None,
    pieces: tuple[Piece | tuple[str], ...],
    root: str | None,
    form: str | None,
    *,
    is_sqlite: bool,
) -> Select[Any]:
    """Give the query that prints; one that is made anew costs more than it takes to run on few rows."""
    outline = _outline(kind, scope)
    printer = _Printer(outline, root, is_sqlite=is_sqlite)
    newest = outline.select(printer.print_all(pieces).label("printed")).order_by(outline.table.c.id.desc())
    newest = newest if form is None else newest.where(outline.form == form)
    rows = newest.limit(bindparam("most")).subquery()
    joined = func.group_concat if is_sqlite else func.string_agg
    printed: Select[Any] = select(joined(rows.c.printed, ",")).add_columns(func.count())
    return printed


@dataclass(frozen=True)
class _Printer:
    """Prints members of an object as JSON in the database; what is the same for all is text beforehand."""

    outline: _Outline
    root: str | None
    is_sqlite: bool

    def print_all(self, pieces: Sequence[Piece | tuple[str]]) -> ColumnElement[str]:
        parts = [part for piece in pieces for part in self._parts(piece)]
        printed: list[ColumnElement[str]] = []
        same = ""  # text is put together here: the database would do it for each row
        for part in parts:
            if isinstance(part, str):
                same += part
                continue
            printed += [literal(same), part] if same else [part]
            same = ""
        return reduce(add, [*printed, literal(same)])

    def _parts(self, piece: Piece | tuple[str]) -> Sequence[ColumnElement[str] | str]:
        outline = self.outline
        match piece:
            case (text,):
                return (text,)
            case "form":
                return (
                    ("tag_", _value_type(outline.table))
                    if outline.kind.name == "tag"
                    else (outline.kind.name,)
                )
            case "has_parts":
                if isinstance(outline.has_parts, False_):
                    return ("false",)
                return (case((outline.has_parts, literal("true")), else_=literal("false")),)
            case "described":
                told = literal(',"description":') + self._quote(outline.description)
                return (case((outline.description.is_not(None), told), else_=literal("")),)
            case "parent":
                # A key has nothing that JSON would escape.
                root = "null" if self.root is None else f'"{self.root}"'
                above = [literal(f'"{kind}/') + name + literal('"') for kind, name in outline.parents]
                return (func.coalesce(*above, literal(root)) if above else root,)
            case "key":
                return (f'"{outline.kind.name}/', outline.name, '"')
            case "title":
                return (self._quote(outline.title),)

    def _quote(self, value: ColumnElement[Any]) -> ColumnElement[str]:
        if self.is_sqlite:
            return func.json_quote(value, type_=String)
        return cast(func.to_json(cast(value, String)), String)


def _make(kind: str) -> Any:
    def make(*row: Any) -> Outlined:
        return Outlined(kind, *row[:6], has_parts=bool(row[6]), level=row[7])

    return make


def _read(connection: Connection, kind: str, query: Select[Any]) -> list[Outlined]:
    return list(starmap(_make(kind), connection.execute(query)))
