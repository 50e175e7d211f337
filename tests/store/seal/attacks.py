"""What somebody might try on an audit trail, by who tries it: a table that tests run and a page shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.store.seal import forging


@dataclass(frozen=True)
class Attack:
    """Who tries what; SQL, or something to do."""

    who: str
    what: str
    act: tuple[str, ...] | Callable[[Any], None]
    guards_away: bool = False
    """Whether the triggers are dropped or disabled before it and put back after it."""
    actor: str | None = "intruder"
    """The name that the transaction is put down to, for those who come by the hub's own way."""


HUB, PROGRAM, OUTSIDER = "the hub's connection", "a program with the file", "who holds the file of heads"
ROLE, OWNER, SUPERUSER = "the hub's role", "the tables' owner", "a superuser"
_COLUMNS = (
    "entity_type, entity_id, version, action, actor, recorded_at, reason, before, digest, prev_hash, hash"
)
_FORGED = (
    f"INSERT INTO audit_event ({_COLUMNS}) SELECT entity_type, entity_id, 9, action, 'qa.manager', recorded_at,"
    " reason, before, digest, hash, hash FROM audit_event WHERE id = 3"
)
_SWAPPED = (
    f"audit_event (id, {_COLUMNS}) SELECT id, entity_type, entity_id, version, action, 'nobody', recorded_at,"
    " reason, before, digest, prev_hash, hash FROM audit_event WHERE id = 3"
)
_DOCUMENT = (
    "source_system_id, object_type, source_key, op, content_hash, payload, media_type, received_at,"
    " mapping_version"
)
_OTHER_DOCUMENT = f"source_record (id, {_DOCUMENT}) SELECT id, {_DOCUMENT.replace('payload', repr('{}'))}"
_OTHER_DOCUMENT += " FROM source_record WHERE id = 3"
_NEW_DOCUMENT = (
    f"INSERT INTO source_record ({_DOCUMENT})"
    f" SELECT {_DOCUMENT.replace('source_key', repr('forged'))} FROM source_record WHERE id = 3"
)
_FORGED_HEAD = (
    "INSERT INTO tree_head (size, root, signed_at, key_id, signature, last_event_id, horizon, settled_event_id)"
    " SELECT size + 100, root, signed_at, key_id, signature, 10000, horizon, 10000 FROM tree_head WHERE id = 1"
)
_UPDATED = "UPDATE audit_event SET actor = 'nobody' WHERE id = 3"
_DELETED = "DELETE FROM audit_event WHERE id = 3"
_REWORDED = "UPDATE source_record SET payload = '{}' WHERE id = 3"
_RESIGNED = "UPDATE signature SET meaning = 'reviewed' WHERE id = 1"
_THING_GONE = (
    "DELETE FROM audit_event WHERE entity_type = 'source_record' AND entity_id = 3",
    "DELETE FROM source_record WHERE id = 3",
)
_CUT = "DELETE FROM {0} WHERE {1}"
_TAIL = (
    "DELETE FROM audit_event WHERE id > 16",
    "DELETE FROM source_record WHERE id > 13",
    "DELETE FROM audit_leaf WHERE audit_event_id > 16",
    "DELETE FROM tree_node WHERE number > 0",
    "DELETE FROM tree_head WHERE id > 1",
)

# ------------------------------------------------------------------ what is tried on either engine
_REFUSED_TO_ALL = (
    ("an audit row is changed", (_UPDATED,)),
    ("an audit row is deleted", (_DELETED,)),
    ("an audit row is made up", (_FORGED,)),
    ("a source record is changed", (_REWORDED,)),
    ("a source record is deleted", ("DELETE FROM source_record WHERE id = 3",)),
    ("a signature is changed", (_RESIGNED,)),
    ("a signature is deleted", ("DELETE FROM signature",)),
    ("a signed head is changed", ("UPDATE tree_head SET size = 5",)),
    ("the newest head is deleted", ("DELETE FROM tree_head WHERE id = 2",)),
)
_UPSERTED = f"INSERT INTO {_SWAPPED} ON CONFLICT (id) DO UPDATE SET actor = excluded.actor"
_UPSERTED_SQLITE = _UPSERTED.replace("WHERE id = 3 ON", "WHERE id = 3 AND true ON")
_AGAINST_ALL = (
    ("triggers away, an audit row changed, triggers back", (_UPDATED,)),
    ("the same, its own hash computed anew", forging.rehash),
    ("the same, its leaf in the log computed anew too", forging.releaf),
    ("triggers away, a source record changed, triggers back", (_REWORDED,)),
    ("triggers away, a signature changed, triggers back", (_RESIGNED,)),
    (
        "triggers away, a row of the present state changed, triggers back",
        ("UPDATE source_system SET kind = 'MES'",),
    ),
    ("triggers away, a source record deleted with its audit rows, triggers back", _THING_GONE),
    (
        "triggers away, the newest rows of the log deleted, triggers back",
        (_CUT.format("audit_leaf", "id > 14"),),
    ),
    ("another public key put in the place of the hub's", forging.swap_key),
    ("the tail cut off together with its log and its head", _TAIL),
    (
        "a row changed, all chains, leaves, nodes and heads computed anew, signed with a key of one's own",
        forging.rewrite_with_own_key,
    ),
    ("the same, signed with the hub's own stolen key", forging.rewrite_with_stolen_key),
)

# ------------------------------------------------------------------ SQLite
_TURNED = (
    "UPDATE sqlite_master SET sql = replace(sql, 'BEFORE UPDATE', 'BEFORE DELETE')"
    " WHERE name = 'guard_source_record_update'"
)
_FILE = (
    ("an audit row is changed", (_UPDATED,)),
    (
        "`recursive_triggers` off, an audit row replaced",
        ("PRAGMA recursive_triggers=OFF", f"REPLACE INTO {_SWAPPED}"),
    ),
    ("an audited row is written", (_NEW_DOCUMENT,)),
    ("a trigger is dropped", ("DROP TRIGGER guard_source_record_update",)),
    (
        "a trigger is rewritten through `writable_schema`",
        (
            "PRAGMA writable_schema=ON",
            _TURNED,
        ),
    ),
    ("a batch migration rebuilds a table and loses its triggers", forging.rebuild_in_batch),
    (
        "a row is written with a function that only looks like the hub's, dated years back",
        forging.write_backdated,
    ),
    (
        "a trigger of one's own is planted, for the hub to set off",
        ("CREATE TRIGGER zz AFTER INSERT ON source_record BEGIN UPDATE source_system SET kind = 'MES'; END",),
    ),
    ("the same, and the hub sets it off", forging.set_off_planted),
    (
        "a trigger of one's own on a table that is not under audit writes to one that is",
        ("CREATE TRIGGER zz AFTER UPDATE ON stream BEGIN UPDATE source_system SET kind = 'MES'; END",),
    ),
    (
        "a trigger of one's own swallows what the hub writes",
        ("CREATE TRIGGER zz BEFORE INSERT ON source_record BEGIN SELECT RAISE(IGNORE); END",),
    ),
    ("one byte of an audit row is changed in the file itself", forging.flip_byte),
    ("an old copy of the file is put back", forging.put_old_copy_back),
)
SQLITE = (
    *(Attack(HUB, what, act) for what, act in _REFUSED_TO_ALL),
    Attack(HUB, "an audit row is replaced (`INSERT OR REPLACE`)", (f"INSERT OR REPLACE INTO {_SWAPPED}",)),
    Attack(HUB, "an audit row is rewritten by `ON CONFLICT DO UPDATE`", (_UPSERTED_SQLITE,)),
    Attack(
        HUB,
        "a source record is replaced (`INSERT OR REPLACE`)",
        (f"INSERT OR REPLACE INTO {_OTHER_DOCUMENT}",),
    ),
    Attack(
        HUB,
        "a signature is replaced (`INSERT OR REPLACE`)",
        ("INSERT OR REPLACE INTO signature SELECT * FROM signature",),
    ),
    Attack(HUB, "a trigger is dropped", ("DROP TRIGGER guard_audit_event_update",)),
    Attack(HUB, "a table is renamed away", ("ALTER TABLE audit_event RENAME TO old_event",)),
    Attack(HUB, "the trail's table is dropped", ("DROP TABLE audit_event",)),
    Attack(
        HUB,
        "a trigger of one's own takes rows back",
        ("CREATE TEMP TRIGGER t AFTER INSERT ON source_record BEGIN DELETE FROM source_record; END",),
    ),
    Attack(HUB, "`PRAGMA writable_schema`", ("PRAGMA writable_schema=ON",)),
    Attack(HUB, "`PRAGMA recursive_triggers` off", ("PRAGMA recursive_triggers=OFF",)),
    Attack(HUB, "`PRAGMA ignore_check_constraints`", ("PRAGMA ignore_check_constraints=ON",)),
    Attack(HUB, "another database is attached", ("ATTACH ':memory:' AS other",)),
    Attack(HUB, "a row is written without an actor", (_NEW_DOCUMENT,), actor=None),
    Attack(HUB, "a head that nobody signed is added", (_FORGED_HEAD,)),
    *(Attack(PROGRAM, what, act) for what, act in _FILE),
    *(Attack(PROGRAM, what, act, guards_away=True) for what, act in _AGAINST_ALL),
    Attack(OUTSIDER, "the last head is changed in the file outside", forging.edit_heads_file),
)

# ------------------------------------------------------------------ PostgreSQL
_BACKDATED = ("SELECT set_config('plantwide.at', '2020-01-01T00:00:00Z', true)", _NEW_DOCUMENT)
_BAITED = (
    "CREATE TRIGGER t AFTER UPDATE ON bait REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
    " FOR EACH STATEMENT EXECUTE FUNCTION note_source_record()"
)
_BORROWED = (
    "CREATE TEMP TABLE bait AS SELECT * FROM source_record WHERE id = 3",
    _BAITED,
    "UPDATE bait SET payload = 'forged'",
)
_DISABLE = "ALTER TABLE source_record DISABLE TRIGGER ALL"
_EMPTY_FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
)
_TWIN = (
    _EMPTY_FUNCTION,
    """CREATE FUNCTION refuse_change(integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$""",
)
_REPLICA = "SET LOCAL session_replication_role = replica"
_FALSIFYING = (
    "CREATE FUNCTION zz() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN UPDATE source_system SET kind = 'MES'; RETURN NULL; END $$"
)
_PLANTED = (_FALSIFYING, "CREATE TRIGGER zz AFTER INSERT ON source_record EXECUTE FUNCTION zz()")
_PLANTED_ELSEWHERE = (_FALSIFYING, "CREATE TRIGGER zz AFTER UPDATE ON stream EXECUTE FUNCTION zz()")
POSTGRESQL = (
    *(Attack(ROLE, what, act) for what, act in _REFUSED_TO_ALL),
    Attack(ROLE, "an audit row is rewritten by `ON CONFLICT DO UPDATE`", (_UPSERTED,)),
    Attack(ROLE, "the trail is emptied (`TRUNCATE`)", ("TRUNCATE audit_event",)),
    Attack(ROLE, "triggers are disabled", (_DISABLE,)),
    Attack(ROLE, "a trigger is dropped", ("DROP TRIGGER guard_audit_event ON audit_event",)),
    Attack(ROLE, "a table is altered", ("ALTER TABLE audit_event ALTER actor DROP NOT NULL",)),
    Attack(ROLE, "a trigger's function is replaced", (_EMPTY_FUNCTION,)),
    Attack(ROLE, "`session_replication_role = replica`", (_REPLICA,)),
    Attack(ROLE, "a row is written without an actor", (_NEW_DOCUMENT,), actor=None),
    Attack(ROLE, "a row is dated years back", _BACKDATED),
    Attack(ROLE, "the trail's function is borrowed for a table of one's own", _BORROWED),
    Attack(ROLE, "a head that nobody signed is added", (_FORGED_HEAD,)),
    *(Attack(OWNER, what, act) for what, act in _REFUSED_TO_ALL),
    Attack(OWNER, "the trail is emptied (`TRUNCATE`)", ("TRUNCATE audit_event",)),
    Attack(OWNER, "what refers to source records is emptied with them", ("TRUNCATE source_record CASCADE",)),
    Attack(OWNER, "the trail's function is borrowed for a table of one's own", _BORROWED),
    Attack(
        OWNER,
        "a rule swallows audit rows, then a row is written",
        ("CREATE RULE r AS ON INSERT TO audit_event DO INSTEAD NOTHING", _NEW_DOCUMENT),
    ),
    Attack(OWNER, "a trigger is dropped", ("DROP TRIGGER guard_audit_event ON audit_event",)),
    Attack(OWNER, "triggers are disabled", ("ALTER TABLE source_record DISABLE TRIGGER USER",)),
    Attack(
        OWNER,
        "a trigger is enabled, but not always",
        ("ALTER TABLE source_record ENABLE TRIGGER guard_source_record",),
    ),
    Attack(OWNER, "a trigger's function is replaced", (_EMPTY_FUNCTION,)),
    Attack(OWNER, "the same, and a function of its name with an argument keeps the old text", _TWIN),
    Attack(
        OWNER,
        "a trigger's function is made to look for its tables elsewhere",
        ("ALTER FUNCTION note_source_record() SET search_path = pg_temp, public",),
    ),
    Attack(OWNER, "a trigger of one's own is planted, for the hub to set off", _PLANTED),
    Attack(
        OWNER,
        "a trigger of one's own on a table that is not under audit writes to one that is",
        _PLANTED_ELSEWHERE,
    ),
    Attack(
        OWNER,
        "a rule of one's own writes more than the hub does",
        ("CREATE RULE zz AS ON UPDATE TO stream DO ALSO UPDATE source_system SET kind = 'MES'",),
    ),
    Attack(SUPERUSER, "`session_replication_role = replica`, an audit row changed", (_REPLICA, _UPDATED)),
    Attack(
        SUPERUSER,
        "`session_replication_role = replica`, a source record deleted",
        (_REPLICA, "DELETE FROM source_record WHERE id = 3"),
    ),
    Attack(
        SUPERUSER, "`session_replication_role = replica`, no actor", (_REPLICA, _NEW_DOCUMENT), actor=None
    ),
    Attack(
        SUPERUSER,
        "a trigger is switched off in the catalogue",
        ("UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'guard_source_record'",),
    ),
    Attack(
        SUPERUSER,
        "a trigger of one's own is planted, and called the engine's own in the catalogue",
        (*_PLANTED, "UPDATE pg_trigger SET tgisinternal = true WHERE tgname = 'zz'"),
    ),
    *(Attack(SUPERUSER, what, act, guards_away=True) for what, act in _AGAINST_ALL),
    Attack(OUTSIDER, "the last head is changed in the file outside", forging.edit_heads_file),
)
ATTACKS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
