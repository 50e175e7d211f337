"""Which rows the one who asks may see: those of some sites, those of some products.

The scope rides on the connection, so that no question can forget it. What belongs to no site is seen by those
alone who see all; materials, recipes and other definitions are shared by all sites, as in the mart. Equipment
and tags belong to no product and are shown to those who see some; what happened there and what was measured
is a product's, and seen through its batches.

A past is seen as it was known, save for what may not be seen today: what has since gone to another site or
become another product's is named by `list_gone`.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, false, or_, select

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.mart.functions import starts
from hub.store.questions.collections import Collection
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

_SHARED = frozenset(
    {
        "resource_class",
        "material_definition",
        "process_segment",
        "operations_definition",
        "recipe",
        "test_specification",
        "recipe_element",
        "recipe_parameter",
        "test_criterion",
        "dim_material",
        "dim_recipe",
        "dim_segment",
        "dim_time",
    }
)
"""What belongs to no site and may be seen by whoever sees any."""
BY_BATCH = (
    "This key sees some products, and what a tag measured is of whatever ran there; ask for the samples of a "
    "batch that it sees"
)
"""What whoever may not read samples by tag and time is told."""
_OPTION = "scope"
_T = ENTITY_TABLES


@dataclass(frozen=True)
class RowScope:
    """Sites and products by code; None sees all of them.

    `gone` are things by their type and ids that are not seen whatever site and product they had then.
    """

    sites: tuple[str, ...] | None = None
    products: tuple[str, ...] | None = None
    gone: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether there is anything that it does not see."""
        return self.sites is not None or self.products is not None


def narrow_connection(connection: Connection, scope: RowScope | None) -> Connection:
    """Let a connection see the rows of a scope only."""
    if scope is None or not scope.is_limited:
        return connection
    return connection.execution_options(**{_OPTION: scope})


def scope_of(connection: Connection) -> RowScope | None:
    """Give the scope of a connection; None when it sees all."""
    scope: RowScope | None = connection.get_execution_options().get(_OPTION)
    return scope


def visible(connection: Connection, collection: Collection, rows: FromClause) -> list[ColumnElement[bool]]:
    """Give the conditions under which rows of a collection may be seen over this connection."""
    return see(scope_of(connection), collection.kind, rows)


def sees_series(connection: Connection) -> bool:
    """Tell whether samples may be read by tag and time: whoever sees some products reads them by batch."""
    scope = scope_of(connection)
    return scope is None or scope.products is None


def list_gone(then: Connection, now: Connection, scope: RowScope) -> RowScope:
    """Give a scope for a past that sees nothing of what it does not see at present.

    Orders, batches and equipment have a place of their own, and everything else is seen by one of these.
    """
    gone: list[tuple[str, tuple[int, ...]]] = []
    for kind in _PLACED:
        seen_then, seen_now = (set(connection.scalars(_ids(scope, kind))) for connection in (then, now))
        if lost := tuple(sorted(seen_then - seen_now)):
            gone.append((kind, lost))
    return replace(scope, gone=tuple(gone))


def see(scope: RowScope | None, kind: str, rows: FromClause) -> list[ColumnElement[bool]]:
    """Give the conditions under which rows of a type of thing, fact or view may be seen."""
    if scope is None or not scope.is_limited or kind in _SHARED:
        return []
    if kind in _THINGS:
        return [_THINGS[kind](scope, rows), *_not_gone(scope, kind, rows.c.id)]
    if kind in FACT_TABLES:
        return [_by_what_it_is_about(scope, kind, rows)]
    if kind in _T:
        return [_by_reference(scope, kind, rows)]
    return [_in_the_star(scope, rows)]


def _not_gone(scope: RowScope, kind: str, key: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    return [or_(key.is_(None), key.not_in(ids)) for one, ids in scope.gone if one == kind]


def _sites(scope: RowScope) -> Select[Any]:
    site = _T["equipment"].alias()
    return select(site.c.id).where(site.c.level == "Site", site.c.code.in_(scope.sites or ()))


def _products(scope: RowScope) -> Select[Any]:
    product = _T["material_definition"].alias()
    return select(product.c.id).where(product.c.code.in_(scope.products or ()))


def _ids(scope: RowScope, kind: str) -> Select[Any]:
    table = (_T[kind] if kind in _T else FACT_TABLES[kind]).alias()
    return select(table.c.id).where(*see(scope, kind, table))


def _see_equipment(scope: RowScope, rows: FromClause) -> ColumnElement[bool]:
    if scope.sites is None:
        return rows.c.id.is_not(None)
    site, part = _T["equipment"].alias(), _T["equipment"].alias()
    under = (
        select(part.c.id)
        .join(site, (site.c.level == "Site") & starts(part.c.path, site.c.path))
        .where(site.c.code.in_(scope.sites))
    )
    return rows.c.id.in_(under)


def _see_orders(scope: RowScope, rows: FromClause) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if scope.sites is not None:
        conditions.append(rows.c.site_id.in_(_sites(scope)))
    if scope.products is not None:
        conditions.append(rows.c.product_id.in_(_products(scope)))
    return and_(*conditions)


def _see_batches(scope: RowScope, rows: FromClause) -> ColumnElement[bool]:
    """A batch is of the site of its unit, or, where no unit is known, of that of its order."""
    conditions: list[ColumnElement[bool]] = []
    if scope.sites is not None:
        order = _T["operations_request"].alias()
        ordered = select(order.c.id).where(order.c.site_id.in_(_sites(scope)))
        here = rows.c.equipment_id.in_(_ids(replace(scope, products=None), "equipment"))
        conditions.append(
            or_(here, and_(rows.c.equipment_id.is_(None), rows.c.operations_request_id.in_(ordered)))
        )
    if scope.products is not None:
        conditions.append(rows.c.product_id.in_(_products(scope)))
    return and_(*conditions)


def _see_lots(scope: RowScope, rows: FromClause) -> ColumnElement[bool]:
    """A lot is of the site of the batch that made it."""
    batch = _T["batch"].alias()
    made = select(batch.c.output_lot_id).where(batch.c.output_lot_id.is_not(None))
    return rows.c.id.in_(made.where(*see(scope, "batch", batch)))


_THINGS = {
    "equipment": _see_equipment,
    "operations_request": _see_orders,
    "batch": _see_batches,
    "material_lot": _see_lots,
}
_PLACED = ("equipment", "operations_request", "batch")
_STAR_KEYS = {"batch": "batch_key", "equipment": "equipment_key", "operations_request": "order_key"}
_SUBJECTS = ("batch", "operations_request", "segment_requirement", "equipment", "lot")
"""By what a fact's place is told: the first of these that it names decides."""
_OF_EQUIPMENT = frozenset(
    {"document_owner", "equipment_asset_mapping", "qualification", "recipe_element", "resource_property"}
)
"""Facts that say what a piece of equipment is; all others say what happened there, which is a product's."""
_DEFINED = {
    "material_requirement": ("operations_definition", "recipe"),
    "resource_property": ("material", "resource_class"),
}
"""What is part of a definition, where a fact names none of the above: it is shared as the definition is."""


def _by_what_it_is_about(scope: RowScope, kind: str, rows: FromClause) -> ColumnElement[bool]:
    """See a fact with what it is about; one that names nothing that has a place is not seen.

    What is part of a shared definition is shared. Of what happened on a piece of equipment whoever sees some
    products sees what names a batch, an order or a lot of these.
    """
    if scope.sites is not None and scope.products is not None:
        parts = replace(scope, products=None), replace(scope, sites=None)
        return and_(*(_by_what_it_is_about(part, kind, rows) for part in parts))
    fields = {f.name: f for f in fields_of(OBSERVED[kind])}
    if scope.products is not None and kind not in _OF_EQUIPMENT:
        fields.pop("equipment", None)
    ways: list[ColumnElement[bool]] = []
    unnamed: list[ColumnElement[bool]] = []
    for name in _SUBJECTS:
        if name in fields and fields[name].kind == "reference":
            column = rows.c[f"{name}_id"]
            ways.append(and_(*unnamed, column.in_(_ids(scope, fields[name].target or ""))))
            unnamed.append(column.is_(None))
    if kind in _DEFINED:
        unnamed += [rows.c[f"{name}_identifier_id"].is_(None) for name in _SUBJECTS if name in fields]
        ways += [and_(*unnamed, rows.c[f"{name}_id"].is_not(None)) for name in _DEFINED[kind]]
    if not ways:
        ways = [
            rows.c[f"{f.name}_id"].in_(_ids(scope, f.target or ""))
            for f in fields.values()
            if f.kind == "peer" and f.target not in (kind, *_SHARED)
        ]
    return or_(false(), *ways)


def _by_reference(scope: RowScope, kind: str, rows: FromClause) -> ColumnElement[bool]:
    """See a thing with the batch, order or equipment that it belongs to; another one is not seen."""
    fields = {f.name: f for f in fields_of(MASTERED[kind]) if f.kind == "reference"}
    for name in _SUBJECTS:
        if name in fields:
            return rows.c[f"{name}_id"].in_(_ids(scope, fields[name].target or ""))
    return false()


def _in_the_star(scope: RowScope, rows: FromClause) -> ColumnElement[bool]:
    """See what has the key of one's site and of one's product; a row that lacks such a key is not seen."""
    conditions: list[ColumnElement[bool]] = []
    if scope.sites is not None:
        conditions.append(rows.c.site_key.in_(_sites(scope)) if "site_key" in rows.c else false())
    if scope.products is not None:
        conditions.append(rows.c.material_key.in_(_products(scope)) if "material_key" in rows.c else false())
    for kind, key in _STAR_KEYS.items():
        if key in rows.c:
            conditions += _not_gone(scope, kind, rows.c[key])
    return and_(*conditions)
