"""Why two names are one thing: declared, normalised or derived, with the evidence; undone, never lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from hub.store.sets import chunks, upsert
from hub.store.tables import link_decision, scheme_group

Pair = tuple[int, int]
"""Two name ids, the smaller first."""


@dataclass(frozen=True)
class Link:
    """A decision about two names."""

    pair: Pair
    method: str
    state: str
    evidence: dict[str, Any] | None = None


def pair_of(one: int, other: int) -> Pair:
    """Give two names as a pair, the smaller first."""
    return (one, other) if one < other else (other, one)


def links_touching(connection: Connection, name_ids: Iterable[int]) -> list[Link]:
    """Give all decisions that touch these names."""
    columns = link_decision.c
    query = select(
        columns.identifier_id, columns.candidate_id, columns.method, columns.state, columns.evidence
    )
    found: dict[tuple[Pair, str], Link] = {}
    for part in chunks(sorted(set(name_ids))):
        rows = connection.execute(
            query.where(or_(columns.identifier_id.in_(part), columns.candidate_id.in_(part)))
        )
        for one, other, method, state, evidence in rows:
            found[(one, other), method] = Link((one, other), method, state, evidence)
    return list(found.values())


def write_links(
    connection: Connection, entity_type: str, links: Sequence[Link], *, by: str, now: datetime
) -> None:
    """Write decisions; one that stands unchanged keeps its time."""
    rows = [
        {
            "entity_type": entity_type,
            "identifier_id": link.pair[0],
            "candidate_id": link.pair[1],
            "method": link.method,
            "state": link.state,
            "score": 1.0,
            "evidence": link.evidence,
            "decided_by": by,
            "decided_at": now,
        }
        for link in links
    ]
    upsert(
        connection,
        link_decision,
        rows,
        keys=("identifier_id", "candidate_id", "method"),
        unless_same=("state",),
    )


Groups = dict[str, frozenset[int]]
"""The whitelisted groups that each scheme belongs to."""


def load_scheme_groups(connection: Connection) -> dict[str, Groups]:
    """Give the whitelist by entity type."""
    found: dict[str, dict[str, set[int]]] = {}
    for row in connection.execute(
        select(scheme_group.c.entity_type, scheme_group.c.scheme, scheme_group.c.group_no)
    ):
        found.setdefault(row.entity_type, {}).setdefault(row.scheme, set()).add(row.group_no)
    return {t: {s: frozenset(g) for s, g in schemes.items()} for t, schemes in found.items()}


def save_scheme_groups(
    connection: Connection, normalised: dict[str, list[list[str]]], *, now: datetime
) -> bool:
    """Store the whitelist of a site; tells whether it differs from what was stored."""
    rows = [
        {"entity_type": entity_type, "group_no": number, "scheme": scheme, "recorded_at": now}
        for entity_type, groups in normalised.items()
        for number, schemes in enumerate(groups)
        for scheme in sorted(set(schemes))
    ]
    wanted = {(r["entity_type"], r["group_no"], r["scheme"]) for r in rows}
    columns = scheme_group.c
    standing = {
        tuple(row)
        for row in connection.execute(select(columns.entity_type, columns.group_no, columns.scheme))
    }
    if wanted == standing:
        return False
    connection.execute(scheme_group.delete())
    if rows:
        connection.execute(scheme_group.insert(), rows)
    return True
