"""Observed facts: one system saw it once; rows keep source, name as reported and the thing it resolved to."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

from hub.model import Observed
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.tables.columns import observed_columns
from hub.store.tables.parts import (
    flag,
    instant,
    integer,
    key_column,
    metadata,
    number,
    one_of,
    reference,
    text,
)


def _table(kind: type[Observed]) -> Table:
    name = kind.record_type
    stated = [c for field in fields_of(kind) for c in observed_columns(field)]
    by_peer_key = [
        Index(f"ix_{name}_{field.name}_key", "source_system_id", f"{field.name}_key")
        for field in fields_of(kind)
        if field.kind == "peer"
    ]
    return Table(
        name,
        metadata,
        key_column(),
        reference("source_system_id", "source_system", index=False, nullable=False),
        text("source_key", 300, nullable=False),
        reference("source_record_id", "source_record", nullable=False),
        integer("source_version", default=0),
        text("content_hash", 64, nullable=False),
        reference("same_as_id", name),
        flag("is_retracted"),
        integer("version", default=1),
        instant("recorded_at", nullable=False),
        *stated,
        *by_peer_key,
        UniqueConstraint("source_system_id", "source_key"),
    )


FACT_TABLES: dict[str, Table] = {name: _table(kind) for name, kind in OBSERVED.items()}
"""Tables of observed facts by record type, parents before the peers that point at them."""

_run, _move = FACT_TABLES["segment_response"], FACT_TABLES["material_actual"]
_run.append_column(number("duration_s"))
Index("ix_segment_response_unit_time", _run.c.equipment_id, _run.c.actual_start)
_move.append_column(text("count_state", 10))
_move.append_constraint(one_of("count_state", "counted", "same_as", "disputed"))

lot_genealogy = Table(
    "lot_genealogy",
    metadata,
    key_column(),
    reference("input_lot_id", "material_lot", index=False, nullable=False),
    reference("output_lot_id", "material_lot", index=False, nullable=False),
    reference("batch_id", "batch"),
    text("kind", 10, nullable=False),
    number("quantity"),
    text("unit", 40),
    UniqueConstraint("input_lot_id", "output_lot_id", "batch_id", "kind"),
    Index("ix_lot_genealogy_back", "output_lot_id", "input_lot_id"),
    CheckConstraint("input_lot_id <> output_lot_id", name="no_self"),
    one_of("kind", "consume", "split", "merge", "sample", "rework"),
)
"""Which lot went into which, made from the counted movements; rebuilt for a batch when they change."""
