"""Schemes among which normalised equality is identity: each approved whitelist is a version, and stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from hub.store.tables import scheme_group, scheme_version

Groups = dict[str, frozenset[int]]
"""The whitelisted groups that each scheme belongs to."""
Whitelist = Mapping[str, Sequence[Sequence[str]]]
"""Groups of schemes by entity type."""


@dataclass(frozen=True)
class Approval:
    """Who approved a whitelist and why, and from when it counts (at once when None)."""

    by: str
    reason: str
    effective_from: datetime | None = None


def load_scheme_groups(connection: Connection) -> dict[str, Groups]:
    """Give the whitelist in force by entity type."""
    found: dict[str, dict[str, set[int]]] = {}
    for entity_type, number, scheme in connection.execute(_LISTED_IN_FORCE):
        found.setdefault(entity_type, {}).setdefault(scheme, set()).add(number)
    return {t: {s: frozenset(g) for s, g in schemes.items()} for t, schemes in found.items()}


_IN_FORCE = select(func.max(scheme_version.c.version)).where(scheme_version.c.applied_at.is_not(None))
_LISTED_IN_FORCE = select(scheme_group.c.entity_type, scheme_group.c.group_no, scheme_group.c.scheme).where(
    scheme_group.c.version == _IN_FORCE.scalar_subquery()
)


def version_in_force(connection: Connection) -> int:
    """Give the version of the whitelist that is applied now; 0 when there is none."""
    return int(connection.scalar(_IN_FORCE) or 0)


def save_scheme_groups(
    connection: Connection,
    normalised: Whitelist,
    *,
    now: datetime,
    by: str = "plantwide",
    approval: Approval | None = None,
) -> bool:
    """Keep the whitelist of a site as a new version when it, or its approval, is not the newest one's.

    Without an approval it is put down to whoever brings it (`by`). A version is applied once its time has
    come. Tells whether other schemes are in force now than before.
    """
    before = version_in_force(connection)
    newest = int(connection.scalar(select(func.max(scheme_version.c.version))) or 0)
    wanted = _rows(normalised)
    if wanted != _listed(connection, newest) or (approval and not _is_kept(connection, newest, approval)):
        newest += 1
        given = approval or Approval(by, "settings of the project, without an approval of their own")
        _add_version(connection, newest, wanted, approval=given, now=now)
    columns = scheme_version.c
    due = (columns.version > before) & columns.applied_at.is_(None) & (columns.effective_from <= now)
    connection.execute(update(scheme_version).where(due).values(applied_at=now))
    return _listed(connection, before) != _listed(connection, version_in_force(connection))


def _add_version(
    connection: Connection,
    version: int,
    wanted: set[tuple[str, int, str]],
    *,
    approval: Approval,
    now: datetime,
) -> None:
    connection.execute(
        insert(scheme_version).values(
            version=version,
            approved_by=approval.by,
            reason=approval.reason,
            effective_from=approval.effective_from or now,
            recorded_at=now,
        )
    )
    rows = [
        {"version": version, "entity_type": t, "group_no": n, "scheme": s, "recorded_at": now}
        for t, n, s in sorted(wanted)
    ]
    if rows:
        connection.execute(insert(scheme_group), rows)


def _is_kept(connection: Connection, version: int, approval: Approval) -> bool:
    columns = scheme_version.c
    query = select(columns.approved_by, columns.reason, columns.effective_from, columns.recorded_at)
    row = connection.execute(query.where(columns.version == version)).one_or_none()
    return (
        row is not None
        and (row.approved_by, row.reason) == (approval.by, approval.reason)
        and (approval.effective_from in (None, row.effective_from))
    )


def _rows(normalised: Whitelist) -> set[tuple[str, int, str]]:
    return {
        (entity_type, number, scheme)
        for entity_type, groups in normalised.items()
        for number, schemes in enumerate(groups)
        for scheme in schemes
    }


def _listed(connection: Connection, version: int) -> set[tuple[Any, ...]]:
    columns = scheme_group.c
    query = select(columns.entity_type, columns.group_no, columns.scheme).where(columns.version == version)
    return {tuple(row) for row in connection.execute(query)}
