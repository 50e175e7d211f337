"""Triggers for PostgreSQL: one function a table notes all rows of a statement at once.

A trigger a row costs ten times as much: a call, two look-ups and an insert for each. The functions belong to
the owner of the tables and run with its rights, so that the hub's own role needs none on the audit trail.
"""

from collections.abc import Iterable, Iterator

from hub.store.triggers.trigger import BACKDATED, LIMITED, NO_ACTOR, Function, Shape, Trigger

_SEARCH = "search_path"
_NOTING = (
    "TimeZone=UTC",
    "enable_bitmapscan=off",
    "enable_incremental_sort=off",
    "enable_seqscan=off",
    "enable_sort=off",
    "extra_float_digits=1",
)
_EVENTS = {
    "insert": ("INSERT", "NEW TABLE AS new_rows"),
    "update": ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
    "delete": ("DELETE", "OLD TABLE AS old_rows"),
}
_FUNCTION = """
DECLARE
  who text := current_setting('plantwide.actor', true);
  noted text := current_setting('plantwide.at', true);
  why text := coalesce(current_setting('plantwide.reason', true), '');
  happened timestamptz;
BEGIN
  IF TG_RELID <> '{table}'::regclass THEN RAISE EXCEPTION 'only {table} is noted here'; END IF;
  IF TG_OP = 'INSERT' THEN
    IF NOT EXISTS (SELECT FROM new_rows) THEN RETURN NULL; END IF;
  ELSIF NOT EXISTS (SELECT FROM old_rows) THEN RETURN NULL;
  END IF;
  IF coalesce(who, '') = '' OR coalesce(noted, '') = '' THEN RAISE EXCEPTION '{refusal}'; END IF;
  happened := noted::timestamptz;{no_older}
  noted := to_char(happened, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  IF TG_OP = 'INSERT' THEN
    {insert}
  ELSIF TG_OP = 'UPDATE' THEN
    {update}
  ELSE
    {delete}
  END IF;
  RETURN NULL;
END """
# Whoever writes now began after everybody who could add a row up to this one had ended (`draw_stamp` sees to
# that), and so bears a later stamp.
_NO_OLDER = """
  IF happened <= (
    SELECT s.recorded_at FROM audit_event s
    WHERE s.id = (SELECT h.settled_event_id FROM tree_head h ORDER BY h.id DESC LIMIT 1)
  ) THEN RAISE EXCEPTION '{refusal}'; END IF;"""
# The newest row of a chain is found by the chains' index, and the function's settings leave no other way: a
# planner that has not counted new rows yet would, for each row, read the whole trail, or all of a table's.
_NOTE = """INSERT INTO audit_event
    (entity_type, entity_id, version, action, actor, recorded_at, reason, before, digest, prev_hash, hash)
    SELECT '{table}', c.id, n.version, n.verb, who, happened, nullif(why, ''), n.before, n.digest, p.hash,
      encode(sha256(convert_to(concat_ws(E'\\x1f', coalesce(p.hash, ''), '{table}', c.id, n.version, n.verb,
        who, noted, why, coalesce(n.before, ''), coalesce(n.digest, '')), 'UTF8')), 'hex')
    FROM ({changes}) c
    LEFT JOIN LATERAL (
      SELECT version, hash, recorded_at FROM audit_event
      WHERE entity_type = '{table}' AND entity_id = c.id ORDER BY version DESC LIMIT 1
    ) p ON true
    CROSS JOIN LATERAL (
      SELECT coalesce(p.version, 0) + 1 AS version, {verb} AS verb,
        CASE WHEN p.recorded_at IS DISTINCT FROM happened THEN c.was END AS before,
        encode(sha256(convert_to(c.becomes, 'UTF8')), 'hex') AS digest
    ) n;"""
_CHANGES = {
    "insert": ("'insert'", "SELECT r.id, NULL::text AS was, {image} AS becomes FROM new_rows r"),
    "delete": ("'delete'", "SELECT r.id, {image} AS was, NULL::text AS becomes FROM old_rows r"),
    # Grouped, not joined: a plan made for one row and kept would compare all with all.
    "update": (
        "CASE WHEN c.was IS NULL THEN 'insert' WHEN c.becomes IS NULL THEN 'delete' ELSE 'update' END",
        """SELECT b.id, max(b.was) AS was, max(b.becomes) AS becomes FROM (
        SELECT r.id, {image} AS was, NULL::text AS becomes FROM old_rows r
        UNION ALL SELECT r.id, NULL, {image} FROM new_rows r
      ) b GROUP BY b.id HAVING max(b.was) IS DISTINCT FROM max(b.becomes)""",
    ),
}
_MOST_ARGUMENTS = 90  # of a function of PostgreSQL: 100


def write_refusal() -> Function:
    """Give the function that refuses a change."""
    return Function(
        "refuse_change",
        "\nBEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END ",
        is_definer=False,
        settings=(),
    )


def write_function(shape: Shape, schema: str, *, has_heads: bool) -> Function:
    """Give the function that notes the writes of a table; stores of old revisions have no heads."""
    image = write_image(shape)
    notes = {
        event: _NOTE.format(table=shape.name, verb=verb, changes=changes.format(image=image))
        for event, (verb, changes) in _CHANGES.items()
    }
    no_older = _NO_OLDER.format(refusal=BACKDATED) if has_heads else ""
    body = _FUNCTION.format(table=shape.name, refusal=NO_ACTOR, no_older=no_older, **notes)
    settings = (*_NOTING, f"{_SEARCH}={schema}, pg_temp")
    return Function(f"note_{shape.name}", body, is_definer=True, settings=settings)


def write_statistics(tables: Iterable[str], schema: str) -> Function:
    """Give the function by which the hub's role, which owns no table, has their rows counted."""
    settings = ("default_statistics_target=10", f"{_SEARCH}={schema}, pg_temp")
    body = f"\nBEGIN ANALYZE (SKIP_LOCKED) {', '.join(tables)}; END "
    return Function("take_statistics", body, is_definer=True, settings=settings, returns="void")


def define(made: Function) -> str:
    """Give the statement that makes a function, or makes it anew."""
    rights = " SECURITY DEFINER" if made.is_definer else ""
    return (
        f"CREATE OR REPLACE FUNCTION {made.name}() RETURNS {made.returns} LANGUAGE {made.language}{rights}"
        f"{''.join(map(_set, made.settings))} AS $${made.body}$$"
    )


def _set(setting: str) -> str:
    """Give the clause of a setting; a path is a list of names, all else is one text."""
    name, _, value = setting.partition("=")
    return f" SET {name} = {value}" if name == _SEARCH else f" SET {name} = '{value}'"


def write_guards(shape: Shape) -> Iterator[Trigger]:
    """Give the triggers that refuse every change of a row, and audit rows that no trigger writes."""
    name = f"guard_{shape.name}"
    until = LIMITED.get(shape.name)
    events = "BEFORE UPDATE OR TRUNCATE" if until else "BEFORE DELETE OR UPDATE OR TRUNCATE"
    yield _trigger(name, shape.name, events, "refuse_change")
    if until:
        yield Trigger(
            f"{name}_delete",
            shape.name,
            f"CREATE TRIGGER {name}_delete BEFORE DELETE ON {shape.name} FOR EACH ROW "
            f"WHEN (old.{until} IS NULL OR old.{until} > now()) EXECUTE FUNCTION refuse_change()",
        )
    if shape.name == "audit_event":
        yield _trigger(
            f"{name}_insert", shape.name, "BEFORE INSERT", "refuse_change", "WHEN (pg_trigger_depth() < 1) "
        )


def write_audits(shape: Shape) -> Iterator[Trigger]:
    """Give the triggers that note every write of a row, and refuse to empty the table."""
    for verb, (event, rows) in _EVENTS.items():
        name = f"audit_{shape.name}_{verb}"
        yield Trigger(
            name,
            shape.name,
            f"CREATE TRIGGER {name} AFTER {event} ON {shape.name} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION note_{shape.name}()",
        )
    yield _trigger(f"audit_{shape.name}_truncate", shape.name, "BEFORE TRUNCATE", "refuse_change")


def write_image(shape: Shape) -> str:
    """Give the SQL for the image of a row `r`: JSON by column, nulls left out, bytes as their SHA-256."""
    parts = [_member(name, kind) for name, kind in shape.columns]
    groups = [parts[at : at + _MOST_ARGUMENTS] for at in range(0, len(parts), _MOST_ARGUMENTS)]
    joined = ", ".join(f"nullif(concat_ws(',', {', '.join(group)}), '')" for group in groups)
    return f"'{{' || concat_ws(',', {joined}) || '}}'"


def _member(name: str, kind: str) -> str:
    column = f'r."{name}"'
    values = {
        "integer": column,
        "json": f"{column}::text",
        "bytes": f"'\"sha256:' || encode(sha256({column}), 'hex') || '\"'",
    }
    return f"'\"{name}\":' || {values.get(kind, f'to_json({column})')}"


def _trigger(  # noqa: PLR0917 - in the order of the statement that makes it
    name: str, table: str, events: str, function: str, when: str = ""
) -> Trigger:
    text = f"CREATE TRIGGER {name} {events} ON {table} FOR EACH STATEMENT {when}EXECUTE FUNCTION {function}()"
    return Trigger(name, table, text)
