"""Which tables are under audit: every write of a row of theirs leaves an audit row, made by the database."""

from sqlalchemy import Table

from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    SEAL_TABLES,
    api_key,
    assertion,
    coverage,
    identifier,
    kpi_value,
    link_decision,
    lot_genealogy,
    mapping,
    mart_reader,
    metadata,
    overtaken_act,
    precedence_rule,
    quarantine,
    reading_mark,
    redelivery,
    sample_annotation,
    sample_erasure,
    sample_frame,
    sample_put,
    scheme_group,
    scheme_version,
    signature,
    source_record,
    source_system,
    value_decision,
    webhook,
)

AUDITED: tuple[Table, ...] = (
    source_system,
    source_record,
    identifier,
    link_decision,
    assertion,
    precedence_rule,
    value_decision,
    scheme_group,
    scheme_version,
    *ENTITY_TABLES.values(),
    *FACT_TABLES.values(),
    lot_genealogy,
    signature,
    kpi_value,
    overtaken_act,
    quarantine,
    coverage,
    sample_frame,
    sample_put,
    sample_erasure,
    sample_annotation,
    redelivery,
    reading_mark,
    mapping,
    api_key,
    mart_reader,
    webhook,
)
"""The tables under audit. Each has the primary key `id`.

Not among them: `statement`, `pending` and `mention` (working state, made again from the source records),
`stream`, `source` and `setting` (the running of the hub itself), `sample_hot` (each frame's digest is in its
audited `sample_put`), `sample_lake` (where the same samples lie), `tag_latest` (a copy of what they say),
`sample_arrival` (news that is let go after days), `kept_reply` (answers that are given again for a day),
`job` (calls that are answered later, for a day), `webhook_progress` and `webhook_delivery` (how far listeners
have come), `read_event` (a log itself, of persons' reading: what is sealed could never be forgotten, and each
answer would make the next one's instant another), and the tables of the seal over the trail itself.
"""

UNAUDITED: frozenset[str] = frozenset(
    {"audit_event", "statement", "pending", "mention", "stream", "source", "setting", "tag_latest", "unit"}
    | {"sample_hot", "sample_lake", "sample_arrival", "kept_reply", "job"}
    | {"webhook_progress", "webhook_delivery", "read_event"}
) | {t.name for t in SEAL_TABLES}
"""Tables that are not under audit, each for the reason above."""


def forgotten_tables() -> set[str]:
    """Give the tables that are on neither list; a test holds that there is none."""
    return set(metadata.tables) - {t.name for t in AUDITED} - UNAUDITED
