"""The seal over the audit trail: a Merkle tree's leaves and nodes, its signed heads, the keys that signed."""

from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Table, UniqueConstraint

from hub.store.tables.parts import Key, instant, integer, key_column, metadata, text

audit_leaf = Table(
    "audit_leaf",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    integer("audit_event_id", default=0),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("audit_event_id"),
)
"""One row a sealed audit row; `id` is its place in the tree, from 0 without gaps.

Audit rows have no such order of their own: on PostgreSQL ids are given out before it is known which
transaction commits first. There is no foreign key, so that a removed audit row leaves its leaf behind.
"""

tree_node = Table(
    "tree_node",
    metadata,
    integer("level", default=0),
    integer("number", default=0),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "number"),
)
"""Every fourth level of the tree's complete inner nodes; the levels between are quickly made from these."""

tree_head = Table(
    "tree_head",
    metadata,
    key_column(),
    integer("size", default=0),
    text("root", 64, nullable=False),
    instant("signed_at", nullable=False),
    text("key_id", 16, nullable=False),
    text("signature", 88, nullable=False),
    integer("last_event_id", default=0),
    integer("horizon", default=0),
    integer("settled_event_id", default=0),
)
"""The tree's size and root, signed, and where the next one goes on.

`last_event_id` is the highest id among the rows that were visible when it was made, `horizon` the first
transaction id of PostgreSQL that was not given out by then (0 on SQLite). Every audit row up to
`settled_event_id` is sealed, and nobody is at work any more who could add one.
"""

audit_key = Table(
    "audit_key",
    metadata,
    key_column(),
    text("key_id", 16, nullable=False),
    text("public_key", 44, nullable=False),
    instant("recorded_at", nullable=False),
    text("endorsed_by", 16),
    text("endorsement", 88),
    UniqueConstraint("key_id"),
)
"""Public keys that heads were signed with, and the word of each one's predecessor for it."""

SEAL_TABLES = (audit_leaf, tree_node, tree_head, audit_key)
