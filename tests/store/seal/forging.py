"""What somebody does who can write to the store itself: from one byte to all hashes, leaves, nodes and heads."""

import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, delete, insert, select, update

from hub.store.attribution import Act, format_at, teach
from hub.store.chain import chain_hash
from hub.store.database import Database
from hub.store.seal.heads import sign_head
from hub.store.seal.log import STEP
from hub.store.seal.signing import Signer
from hub.store.seal.tree import Frontier, hash_leaf
from hub.store.tables import audit_event, audit_key, audit_leaf, source_record, tree_head, tree_node
from tests.store.seal.writing import document

VICTIM = 3
"""The id of the audit row that is attacked; its place in the log is one less."""


def rehash(scene: Any) -> None:
    """Change a row and compute its own hash anew."""
    _change(scene.connection)


def releaf(scene: Any) -> None:
    """Change a row, and its leaf as well."""
    found = _change(scene.connection)
    leaf = update(audit_leaf).where(audit_leaf.c.audit_event_id == VICTIM)
    scene.connection.execute(leaf.values(hash=hash_leaf(found.encode())))


def swap_key(scene: Any) -> None:
    """Put another public key in the place of the hub's."""
    public = Signer.make().public
    row = {"key_id": public.key_id, "public_key": public.text}
    scene.connection.execute(update(audit_key).values(row))


def rewrite_with_own_key(scene: Any) -> None:
    """Make the whole seal anew over a changed row, with a key of one's own in the place of the hub's."""
    signer = Signer.make()
    row = {"key_id": signer.public.key_id, "public_key": signer.public.text}
    scene.connection.execute(update(audit_key).values(row))
    rewrite(scene.connection, signer)


def rewrite_with_stolen_key(scene: Any) -> None:
    """Make the whole seal anew over a changed row, with the hub's own private key."""
    rewrite(scene.connection, Signer.read(scene.key.read_text(), place=str(scene.key)))


def rewrite(connection: Connection, signer: Signer) -> None:
    """Change a row; make every chain, leaf, node and head what they would be had it always been so."""
    connection.execute(update(audit_event).where(audit_event.c.id == VICTIM).values(actor="nobody"))
    hashes: dict[int, str] = {}
    last: dict[tuple[str, int], str] = {}
    columns = audit_event.c
    for row in connection.execute(select(audit_event).order_by(columns.id)).all():
        thing = (row.entity_type, row.entity_id)
        hashes[row.id] = _hash(row, last.get(thing))
        values = {"hash": hashes[row.id], "prev_hash": last.get(thing)}
        connection.execute(update(audit_event).where(columns.id == row.id).values(values))
        last[thing] = hashes[row.id]
    frontier, roots = Frontier(step=STEP), {0: b""}
    for row in connection.execute(select(audit_leaf).order_by(audit_leaf.c.id)).all():
        leaf = hash_leaf(hashes[row.audit_event_id].encode())
        connection.execute(update(audit_leaf).where(audit_leaf.c.id == row.id).values(hash=leaf))
        frontier.append(leaf)
        roots[frontier.size] = frontier.root()
    connection.execute(delete(tree_node))
    nodes = [{"level": at, "number": number, "hash": one} for at, number, one in frontier.completed]
    connection.execute(insert(tree_node), nodes)
    for row in connection.execute(select(tree_head)).all():
        head = sign_head(row.size, roots[row.size], row.signed_at, signer)
        values = {"root": head.root, "key_id": head.key_id, "signature": head.signature}
        connection.execute(update(tree_head).where(tree_head.c.id == row.id).values(values))


def rebuild_in_batch(scene: Any) -> None:
    """Let Alembic rebuild a table of SQLite as a batch migration does, without the hub's care for triggers."""
    operations = Operations(MigrationContext.configure(scene.connection))
    with operations.batch_alter_table("source_record", recreate="always"):
        pass


def write_backdated(scene: Any) -> None:
    """Write a row with a function of the name that the triggers call, under a name and an instant at will."""
    act = Act("qa.manager", datetime(2020, 1, 1, tzinfo=UTC))
    teach(scene.connection.connection.dbapi_connection, {"act": act})
    scene.connection.execute(insert(source_record), document(1, "forged"))


def set_off_planted(scene: Any) -> None:
    """Plant a trigger that falsifies a row, let the hub write what sets it off, and take it away again."""
    run = scene.connection.exec_driver_sql
    run("CREATE TRIGGER zz AFTER INSERT ON source_record BEGIN UPDATE source_system SET kind = 'MES'; END")
    database = Database(f"sqlite:///{scene.file}")
    try:
        with database.begin("mes") as connection:
            connection.execute(insert(source_record), document(1, "set off"))
    finally:
        database.close()
        run("DROP TRIGGER zz")


def flip_byte(scene: Any) -> None:
    """Change one byte of an audit row in the file, with an editor as it were."""
    with sqlite3.connect(scene.file) as stranger:
        (found,) = stranger.execute("SELECT hash FROM audit_event WHERE id = ?", (VICTIM,)).fetchone()
    stranger.close()
    content = bytearray(scene.file.read_bytes())
    content[content.index(found.encode())] ^= 1
    scene.file.write_bytes(content)


def put_old_copy_back(scene: Any) -> None:
    """Put the file back as it was at the first head."""
    shutil.copyfile(scene.old_copy, scene.file)


def edit_heads_file(scene: Any) -> None:
    """Change the size of the last head in the file outside."""
    file: Path = scene.heads
    *lines, last = file.read_text().splitlines()
    head = json.loads(last)
    changed = json.dumps({**head, "size": head["size"] - 1})
    file.write_text("\n".join([*lines, changed, ""]))


def _change(connection: Connection) -> str:
    columns = audit_event.c
    row = connection.execute(select(audit_event).where(columns.id == VICTIM)).one()
    found = _hash(row, row.prev_hash, actor="nobody")
    values = {"actor": "nobody", "hash": found}
    connection.execute(update(audit_event).where(columns.id == VICTIM).values(values))
    return found


def _hash(row: Any, prev: str | None, *, actor: str | None = None) -> str:
    return chain_hash(
        prev,
        row.entity_type,
        row.entity_id,
        row.version,
        row.action,
        actor or row.actor,
        format_at(row.recorded_at),
        row.reason,
        row.before,
        row.digest,
    )
