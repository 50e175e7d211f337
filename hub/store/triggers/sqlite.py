"""Triggers for SQLite: what they note of a write is made by one call of a function of the hub's connections.

A connection without that function, such as one of a stranger's program, cannot write an audited table at all.
"""

from collections.abc import Iterable, Iterator

from hub.store.triggers.trigger import LIMITED, NO_ACTOR, Shape, Trigger

NOTE = "plantwide_note"
"""The function: see `hub.store.attribution.teach` for what goes in and what comes out."""

_MOST_ARGUMENTS = 127  # of any SQLite function
_OWN_ARGUMENTS = 7
_REFUSE = "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
_GUARDS = {
    "update": "CREATE TRIGGER {name} BEFORE UPDATE ON {table} " + _REFUSE,
    "delete": "CREATE TRIGGER {name} BEFORE DELETE ON {table}{when} " + _REFUSE,
    # INSERT OR REPLACE deletes the row that has one of the new row's keys, past UPDATE and DELETE triggers.
    "replace": "CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {taken} " + _REFUSE,
}
_NOW = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
"""This instant as instants are stored."""
# The function's answer is one text of parts of known lengths: hash 64, digest 64, instant 27, the lengths of
# actor (3) and reason (6), then those two and the old image. LIMIT keeps SQLite from calling it once a part.
_AUDIT = """\
CREATE TRIGGER {name} AFTER {action} ON {table}{when} BEGIN
  INSERT INTO audit_event
    (entity_type, entity_id, version, action, actor, recorded_at, reason, before, digest, prev_hash, hash)
  SELECT '{table}', {key}, n.version, '{verb}',
    substr(n.told, 165, n.actor), substr(n.told, 129, 27),
    nullif(substr(n.told, 165 + n.actor, n.reason), ''), {before}, {digest}, n.prev, substr(n.told, 1, 64)
  FROM (
    SELECT m.version, m.prev, m.told, CAST(substr(m.told, 156, 3) AS INTEGER) AS actor,
      CAST(substr(m.told, 159, 6) AS INTEGER) AS reason
    FROM (
      SELECT coalesce(p.version, 0) + 1 AS version, p.hash AS prev, coalesce(
        {note}('{table}', '{verb}', '{columns}', {key}, p.version, p.hash, p.recorded_at, {row}),
        RAISE(ABORT, '{refusal}')) AS told
      FROM (SELECT 1) LEFT JOIN (
        SELECT version, hash, recorded_at FROM audit_event
        WHERE entity_type = '{table}' AND entity_id = {key} ORDER BY version DESC LIMIT 1
      ) p ON 1 LIMIT 1
    ) m LIMIT 1
  ) n;
END"""


def write_guards(shape: Shape) -> Iterator[Trigger]:
    """Give the triggers that refuse every change of a row."""
    until = LIMITED.get(shape.name)
    when = f" WHEN OLD.{until} IS NULL OR OLD.{until} > {_NOW}" if until else ""
    for what, text in _GUARDS.items():
        name = f"guard_{shape.name}_{what}"
        yield Trigger(
            name, shape.name, text.format(name=name, table=shape.name, taken=_taken(shape), when=when)
        )


def write_audits(shape: Shape) -> Iterator[Trigger]:
    """Give the triggers that note every write of a row."""
    if 2 * len(shape.columns) + _OWN_ARGUMENTS > _MOST_ARGUMENTS:
        msg = f"{shape.name} has {len(shape.columns)} columns; SQLite's triggers can note no more than 60"
        raise ValueError(msg)
    old, new = _row("OLD", shape.names), _row("NEW", shape.names)
    rows = {"insert": new, "update": f"{old}, {new}", "delete": old}
    for verb, row in rows.items():
        name = f"audit_{shape.name}_{verb}"
        text = _AUDIT.format(
            name=name,
            action=verb.upper(),
            verb=verb,
            table=shape.name,
            key="OLD.id" if verb == "delete" else "NEW.id",
            when=f" WHEN ({old}) IS NOT ({new})" if verb == "update" else "",
            before="NULL" if verb == "insert" else "nullif(substr(n.told, 165 + n.actor + n.reason), '')",
            digest="NULL" if verb == "delete" else "substr(n.told, 65, 64)",
            note=NOTE,
            columns=",".join(shape.names),
            row=row,
            refusal=NO_ACTOR,
        )
        yield Trigger(name, shape.name, text)


def _row(of: str, names: Iterable[str]) -> str:
    return ", ".join(f'{of}."{name}"' for name in names)


def _taken(shape: Shape) -> str:
    """Give the condition that a row with one of the new row's keys is there."""
    same = [" AND ".join(f'"{name}" = NEW."{name}"' for name in key) for key in shape.keys]
    return " OR ".join(f"EXISTS (SELECT 1 FROM {shape.name} WHERE {one})" for one in same)  # noqa: S608 - our own names
