"""The tables: the unified model's spine, resources, material, execution and quality, and the runtime's."""

from hub.store.tables.entities import ENTITY_TABLES
from hub.store.tables.facts import FACT_TABLES, lot_genealogy
from hub.store.tables.parts import metadata
from hub.store.tables.runtime import (
    api_key,
    coverage,
    mention,
    quarantine,
    sample_frame,
    setting,
    source,
    statement,
    stream,
    tag_latest,
)
from hub.store.tables.spine import (
    assertion,
    audit_event,
    identifier,
    link_decision,
    precedence_rule,
    scheme_group,
    source_record,
    source_system,
    unit,
)

__all__ = [
    "ENTITY_TABLES",
    "FACT_TABLES",
    "api_key",
    "assertion",
    "audit_event",
    "coverage",
    "identifier",
    "link_decision",
    "lot_genealogy",
    "mention",
    "metadata",
    "precedence_rule",
    "quarantine",
    "sample_frame",
    "scheme_group",
    "setting",
    "source",
    "source_record",
    "source_system",
    "statement",
    "stream",
    "tag_latest",
    "unit",
]
