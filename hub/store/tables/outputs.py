"""What the hub works out from everything else and can work out again (MODEL table 44)."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

from hub.store.tables.parts import (
    instant,
    integer,
    key_column,
    metadata,
    number,
    one_of,
    text,
    words,
)

kpi_value = Table(
    "kpi_value",
    metadata,
    key_column(),
    text("kpi", 60, nullable=False),
    words("word"),
    integer("formula_version", default=1),
    text("scope_type", 30, nullable=False),
    integer("scope_id", default=0),
    instant("period_start", nullable=False),
    instant("period_end", nullable=False),
    number("value"),
    text("unit", 40),
    number("numerator"),
    number("denominator"),
    integer("rows", default=0),
    text("incomplete"),
    text("inputs_hash", 64, nullable=False),
    instant("recorded_at", nullable=False),
    UniqueConstraint(
        "kpi",
        "formula_version",
        "scope_type",
        "scope_id",
        "word",
        "period_start",
        "period_end",
        name="uq_kpi_value_of",
    ),
    Index("ix_kpi_value_scope", "scope_type", "scope_id"),
    CheckConstraint("period_end >= period_start", name="period_end_not_before"),
    one_of("scope_type", "all", "equipment", "material_definition", "batch", "operations_request"),
)
"""A key figure of a scope and period, with the sums behind it; `inputs_hash` tells when it is out of date.

A scope is all, equipment (a site is equipment), a product, a batch or an order, by the id in its own table.
`word` keeps apart what is one figure a property, step or unit. `incomplete` says why there is no value.
"""
