"""The dimensions: one row an entity, with the words that people filter and group by."""

from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select

from hub.store.mart.functions import day, starts, truth
from hub.store.sets import AnySelect
from hub.store.tables import ENTITY_TABLES

GONE = ("merged", "retracted")
"""What was merged into another is that other; what nobody states any more is gone."""

_T = ENTITY_TABLES


def sites() -> Subquery:
    """Give each equipment with the site in which it stands (`equipment_key`, `site_key`).

    Where sites are nested, which ISA-95 does not foresee, it is the one that became known last.
    """
    part, site = _T["equipment"].alias("part"), _T["equipment"].alias("site")
    return (
        select(part.c.id.label("equipment_key"), func.max(site.c.id).label("site_key"))
        .join(site, (site.c.level == "Site") & starts(part.c.path, site.c.path))
        .group_by(part.c.id)
        .subquery("equipment_site")
    )


def words(table: Any, name: str) -> ColumnElement[str]:
    """Give a value of a standard's list, or what was written where it is on none."""
    return func.coalesce(table.c[f"{name}_text"], table.c[name])


def name_key(table: Any, key: str) -> list[ColumnElement[Any]]:
    """Give the columns that every dimension begins with."""
    return [table.c.id.label(key), table.c.uid, table.c.code, table.c.description]


def write_dim_site() -> AnySelect:
    """Sites."""
    site = _T["equipment"].alias("s")
    return select(*name_key(site, "site_key"), site.c.timezone).where(
        site.c.level == "Site", site.c.lifecycle.not_in(GONE)
    )


def write_dim_equipment() -> AnySelect:
    """Equipment of all levels, with its site and its class."""
    part, parent, site = (_T["equipment"].alias(name) for name in ("e", "p", "s"))
    kind, where = _T["resource_class"].alias("c"), sites()
    return (
        select(
            *name_key(part, "equipment_key"),
            words(part, "level").label("level"),
            part.c.parent_id.label("parent_key"),
            parent.c.code.label("parent"),
            part.c.path,
            where.c.site_key,
            site.c.code.label("site"),
            kind.c.code.label("equipment_class"),
        )
        .select_from(part)
        .outerjoin(parent, parent.c.id == part.c.parent_id)
        .outerjoin(where, where.c.equipment_key == part.c.id)
        .outerjoin(site, site.c.id == where.c.site_key)
        .outerjoin(kind, kind.c.id == part.c.equipment_class_id)
        .where(part.c.lifecycle.not_in(GONE))
    )


def write_dim_material() -> AnySelect:
    """Materials and products."""
    material, kind = _T["material_definition"].alias("m"), _T["resource_class"].alias("c")
    return (
        select(
            *name_key(material, "material_key"),
            material.c.stage,
            material.c.base_unit,
            kind.c.code.label("material_class"),
        )
        .select_from(material)
        .outerjoin(kind, kind.c.id == material.c.material_class_id)
        .where(material.c.lifecycle.not_in(GONE))
    )


def write_dim_recipe() -> AnySelect:
    """Recipes of all kinds and versions."""
    recipe, base = _T["recipe"].alias("r"), _T["recipe"].alias("b")
    return (
        select(
            *name_key(recipe, "recipe_key"),
            recipe.c.kind,
            recipe.c.recipe_version,
            recipe.c.status,
            recipe.c.product_id.label("material_key"),
            base.c.code.label("based_on"),
            day(recipe.c.effective_from).label("effective_from_day"),
            day(recipe.c.effective_to).label("effective_to_day"),
        )
        .select_from(recipe)
        .outerjoin(base, base.c.id == recipe.c.based_on_id)
        .where(recipe.c.lifecycle.not_in(GONE))
    )


def write_dim_segment() -> AnySelect:
    """Process segments: the harmonised steps."""
    segment = _T["process_segment"].alias("s")
    return select(
        *name_key(segment, "segment_key"),
        segment.c.parent_id.label("parent_key"),
        segment.c.standard_duration_s,
        words(segment, "operations_type").label("operations_type"),
    ).where(segment.c.lifecycle.not_in(GONE))


def write_dim_order() -> AnySelect:
    """Orders."""
    order = _T["operations_request"].alias("o")
    return select(
        *name_key(order, "order_key"),
        words(order, "request_type").label("order_type"),
        words(order, "state").label("state"),
        order.c.product_id.label("material_key"),
        order.c.site_id.label("site_key"),
        order.c.quantity,
        order.c.quantity_unit.label("unit"),
        order.c.priority,
        *(order.c[name] for name in ("created_at", "released_at", "planned_start", "planned_end", "due_at")),
        day(func.coalesce(order.c.due_at, order.c.planned_end)).label("due_day"),
    ).where(order.c.lifecycle.not_in(GONE))


def write_dim_lot() -> AnySelect:
    """Lots; the site of one is that of the batch that made it."""
    lot, made = _T["material_lot"].alias("l"), _site_of_lots()
    return (
        select(
            *name_key(lot, "lot_key"),
            lot.c.kind,
            lot.c.material_id.label("material_key"),
            lot.c.parent_lot_id.label("parent_key"),
            words(lot, "disposition").label("disposition"),
            lot.c.quantity,
            lot.c.quantity_unit.label("unit"),
            lot.c.supplier_lot,
            *(lot.c[name] for name in ("manufactured_at", "released_at", "expires_at")),
            day(lot.c.released_at).label("release_day"),
            day(lot.c.expires_at).label("expiry_day"),
            made.c.site_key,
        )
        .select_from(lot)
        .outerjoin(made, made.c.lot_key == lot.c.id)
        .where(lot.c.lifecycle.not_in(GONE))
    )


def _site_of_lots() -> Subquery:
    batch, order, where = _T["batch"].alias("b"), _T["operations_request"].alias("o"), sites()
    site = func.min(func.coalesce(where.c.site_key, order.c.site_id))
    return (
        select(batch.c.output_lot_id.label("lot_key"), site.label("site_key"))
        .select_from(batch)
        .outerjoin(order, order.c.id == batch.c.operations_request_id)
        .outerjoin(where, where.c.equipment_key == batch.c.equipment_id)
        .where(batch.c.output_lot_id.is_not(None))
        .group_by(batch.c.output_lot_id)
        .subquery("site_of_lot")
    )


def write_dim_batch() -> AnySelect:
    """Batches and campaigns, with the names of what they belong to."""
    batch, campaign = _T["batch"].alias("b"), _T["batch"].alias("c")
    product, order = _T["material_definition"].alias("m"), _T["operations_request"].alias("o")
    recipe, lot, unit = _T["recipe"].alias("r"), _T["material_lot"].alias("l"), _T["equipment"].alias("e")
    where = sites()
    return (
        select(
            *name_key(batch, "batch_key"),
            func.coalesce(batch.c.kind, "batch").label("kind"),
            words(batch, "status").label("status"),
            batch.c.lifecycle,
            truth(batch.c.has_conflict).label("has_conflict"),
            batch.c.campaign_id.label("campaign_key"),
            campaign.c.code.label("campaign"),
            batch.c.product_id.label("material_key"),
            product.c.code.label("product"),
            batch.c.operations_request_id.label("order_key"),
            order.c.code.label("order_code"),
            batch.c.recipe_id.label("recipe_key"),
            recipe.c.code.label("recipe"),
            batch.c.output_lot_id.label("lot_key"),
            lot.c.code.label("output_lot"),
            batch.c.equipment_id.label("equipment_key"),
            unit.c.code.label("equipment"),
            func.coalesce(where.c.site_key, order.c.site_id).label("site_key"),
        )
        .select_from(batch)
        .outerjoin(campaign, campaign.c.id == batch.c.campaign_id)
        .outerjoin(product, product.c.id == batch.c.product_id)
        .outerjoin(order, order.c.id == batch.c.operations_request_id)
        .outerjoin(recipe, recipe.c.id == batch.c.recipe_id)
        .outerjoin(lot, lot.c.id == batch.c.output_lot_id)
        .outerjoin(unit, unit.c.id == batch.c.equipment_id)
        .outerjoin(where, where.c.equipment_key == batch.c.equipment_id)
        .where(batch.c.lifecycle.not_in(GONE))
    )
