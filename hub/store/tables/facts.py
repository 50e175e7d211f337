"""Observed facts: one system saw it once; rows keep source, name as reported and the thing it resolved to."""

from typing import get_args

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

from hub.model import Observed
from hub.model.measurement import Comparator
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.tables.columns import observed_columns, value_checks
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
        *value_checks(kind),
        *_checks(kind),
    )


def _checks(kind: type[Observed]) -> list[CheckConstraint]:
    """Give the second wall behind what the record itself refuses: order, subject, not its own parent."""
    fields = {f.name: f for f in fields_of(kind)}
    checks = [CheckConstraint(f"{last} >= {first}", name=f"{last}_not_before") for first, last in kind.spans]
    checks += [
        CheckConstraint(f"{name}_key <> source_key", name=f"{name}_is_another") for name in kind.others
    ]
    if kind.one_of:
        stated = [f"{n}_key" if fields[n].kind == "peer" else f"{n}_identifier_id" for n in kind.one_of]
        listed = " OR ".join(f"{column} IS NOT NULL" for column in stated)
        checks.append(CheckConstraint(listed, name="is_about_something"))
    if any(f.kind == "measurement" for f in fields.values()):
        checks.append(one_of("comparator", *get_args(Comparator)))
    return checks


FACT_TABLES: dict[str, Table] = {name: _table(kind) for name, kind in OBSERVED.items()}
"""Tables of observed facts by record type, parents before the peers that point at them."""

_run, _move = FACT_TABLES["segment_response"], FACT_TABLES["material_actual"]
_run.append_column(number("duration_s"))
Index("ix_segment_response_unit_time", _run.c.equipment_id, _run.c.actual_start)
_move.append_column(text("count_state", 10))
_move.append_column(number("count_quantity"))
_move.append_column(text("count_unit", 40))
_move.append_column(number("count_difference"))
_move.append_column(reference("disputes_id", "material_actual"))
_move.append_constraint(one_of("count_state", "counted", "same_as", "disputed", "netted"))

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
