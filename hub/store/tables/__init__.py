"""The tables: the unified model's spine, resources, material, execution and quality, and the runtime's."""

from hub.store.tables.entities import ENTITY_TABLES
from hub.store.tables.facts import FACT_TABLES, lot_genealogy
from hub.store.tables.judgement import precedence_rule, value_decision
from hub.store.tables.order import overtaken_act
from hub.store.tables.outputs import kpi_value
from hub.store.tables.parts import metadata
from hub.store.tables.reads import read_event
from hub.store.tables.receipts import mapping, reading_mark, redelivery
from hub.store.tables.runtime import (
    api_key,
    coverage,
    job,
    kept_reply,
    mart_reader,
    mention,
    pending,
    quarantine,
    sample_arrival,
    sample_frame,
    setting,
    source,
    statement,
    stream,
)
from hub.store.tables.samples import (
    sample_annotation,
    sample_erasure,
    sample_hot,
    sample_lake,
    sample_put,
    tag_latest,
)
from hub.store.tables.seal import SEAL_TABLES, audit_key, audit_leaf, tree_head, tree_node
from hub.store.tables.spine import (
    assertion,
    audit_event,
    identifier,
    link_decision,
    scheme_group,
    scheme_version,
    signature,
    source_record,
    source_system,
    unit,
)
from hub.store.tables.webhooks import webhook, webhook_delivery, webhook_progress

__all__ = [
    "ENTITY_TABLES",
    "FACT_TABLES",
    "SEAL_TABLES",
    "api_key",
    "assertion",
    "audit_event",
    "audit_key",
    "audit_leaf",
    "coverage",
    "identifier",
    "job",
    "kept_reply",
    "kpi_value",
    "link_decision",
    "lot_genealogy",
    "mapping",
    "mart_reader",
    "mention",
    "metadata",
    "overtaken_act",
    "pending",
    "precedence_rule",
    "quarantine",
    "read_event",
    "reading_mark",
    "redelivery",
    "sample_annotation",
    "sample_arrival",
    "sample_erasure",
    "sample_frame",
    "sample_hot",
    "sample_lake",
    "sample_put",
    "scheme_group",
    "scheme_version",
    "setting",
    "signature",
    "source",
    "source_record",
    "source_system",
    "statement",
    "stream",
    "tag_latest",
    "tree_head",
    "tree_node",
    "unit",
    "value_decision",
    "webhook",
    "webhook_delivery",
    "webhook_progress",
]
