"""Mastered things: golden columns that say what counts; the `assertion` rows say who said it."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from hub.model import Mastered
from hub.model.mastered import MASTERED
from hub.model.shape import fields_of
from hub.store.tables.columns import golden_columns, value_checks
from hub.store.tables.parts import (
    PathText,
    flag,
    instant,
    integer,
    key_column,
    metadata,
    one_of,
    reference,
    text,
)

LIFECYCLES = ("stub", "active", "retired", "merged", "retracted")


def _table(kind: type[Mastered]) -> Table:
    name = kind.record_type
    golden = [c for field in fields_of(kind) if field.name != "description" for c in golden_columns(field)]
    return Table(
        name,
        metadata,
        key_column(),
        text("uid", 36, nullable=False),
        Column("code", PathText, nullable=False),
        text("description"),
        text("lifecycle", 10, nullable=False),
        integer("version", default=0),
        reference("merged_into_id", name),
        flag("has_conflict"),
        instant("recorded_at", nullable=False),
        *golden,
        UniqueConstraint("uid"),
        Index(f"ix_{name}_code", "code"),
        one_of("lifecycle", *LIFECYCLES),
        *value_checks(kind),
    )


ENTITY_TABLES: dict[str, Table] = {name: _table(kind) for name, kind in MASTERED.items()}
"""Tables of mastered things by entity type, in the order in which identities are settled."""

ENTITY_TABLES["equipment"].append_column(Column("path", PathText, index=True))
Index("ix_material_lot_coi_id", ENTITY_TABLES["material_lot"].c.coi_id)
Index("ix_batch_actual_start", ENTITY_TABLES["batch"].c.actual_start, ENTITY_TABLES["batch"].c.id)
