"""Why two names are one thing, or kept apart: found by the hub or decided by people; undone, never lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from hub.store.bulk import update_rows
from hub.store.sets import AnySelect, insert_all, insert_returning_ids, select_in
from hub.store.tables import identifier, link_decision

Pair = tuple[int, int]
"""Two name ids, the smaller first."""
Decision = Literal["same", "apart"]


@dataclass(frozen=True)
class Link:
    """What is known of two names: by which method, and whether it is proposed, confirmed or rejected.

    `id` is that of its row, 0 when it has none yet. `is_contradicted` is noted of names kept apart by a
    person that are one thing by what sources declare.
    """

    pair: Pair
    method: str
    state: str
    evidence: dict[str, Any] | None = None
    score: float = 1.0
    id: int = 0
    is_contradicted: bool = False

    @property
    def rule(self) -> str:
        """The rule that found it; empty when none did."""
        return str((self.evidence or {}).get("rule", "")) if self.method == "rule" else ""


@dataclass(frozen=True)
class Judgment:
    """What a person decides about two names of a type, and why."""

    entity_type: str
    pair: Pair
    decision: Decision
    reason: str
    by: str
    evidence: dict[str, Any] | None = None


def pair_of(one: int, other: int) -> Pair:
    """Give two names as a pair, the smaller first."""
    return (one, other) if one < other else (other, one)


_COLUMNS = (
    link_decision.c.identifier_id,
    link_decision.c.candidate_id,
    link_decision.c.method,
    link_decision.c.state,
    link_decision.c.evidence,
    link_decision.c.score,
    link_decision.c.id,
    link_decision.c.is_contradicted,
)
_STANDING = select(*_COLUMNS).where(
    ~((link_decision.c.method == "human") & (link_decision.c.state == "reversed"))
)


def links_touching(connection: Connection, name_ids: Iterable[int]) -> list[Link]:
    """Give all links that touch these names, but for decisions that were undone."""
    columns = link_decision.c
    found: dict[int, Link] = {}
    ids = sorted(set(name_ids))
    for end in (columns.identifier_id, columns.candidate_id):
        found.update({row.id: _link(row) for row in select_in(connection, _STANDING, end, ids)})
    return list(found.values())


def has_proposals(connection: Connection, entity_type: str) -> bool:
    """Tell whether rules find anything about names of a type now."""
    return connection.execute(_A_PROPOSAL, {"entity_type": entity_type}).first() is not None


_A_PROPOSAL = (
    select(link_decision.c.id)
    .where(
        link_decision.c.entity_type == bindparam("entity_type"),
        link_decision.c.state.in_(("proposed", "confirmed", "rejected")),
        link_decision.c.method == "rule",
    )
    .limit(1)
)


def proposals_about(
    connection: Connection, entity_type: str, things: Iterable[int]
) -> list[tuple[Link, Pair]]:
    """Give what rules find now about the names of these things, each with the two things it is about."""
    ids = list(things)
    found: dict[int, tuple[Link, Pair]] = {}
    for query, thing in _proposals(entity_type):
        for row in select_in(connection, query, thing, ids):
            found[row.id] = (_link(row), pair_of(row.one_thing, row.other_thing))
    return list(found.values())


@cache
def _proposals(entity_type: str) -> list[tuple[AnySelect, ColumnElement[int]]]:
    """Give the query for what rules find about things of a type, by either end of the link."""
    columns, one, other = link_decision.c, identifier.alias("one"), identifier.alias("other")
    query = (
        select(*_COLUMNS, one.c.entity_id.label("one_thing"), other.c.entity_id.label("other_thing"))
        .select_from(
            link_decision.join(one, one.c.id == columns.identifier_id).join(
                other, other.c.id == columns.candidate_id
            )
        )
        .where(columns.entity_type == entity_type, columns.method == "rule", columns.state != "reversed")
    )
    return [(query.where(side.c.entity_type == entity_type), side.c.entity_id) for side in (one, other)]


def settle_links(
    connection: Connection,
    entity_type: str,
    *,
    standing: Iterable[Link],
    wanted: Mapping[Pair, Link],
    by: str,
    now: datetime,
) -> set[int]:
    """Bring links of one method in line: what is no longer wanted is reversed. Give the names concerned.

    A link that stands unchanged keeps its time.
    """
    known = {link.pair: link for link in standing}
    new = [link for pair, link in wanted.items() if pair not in known]
    changed = [
        replace(link, id=known[pair].id)
        for pair, link in wanted.items()
        if pair in known and replace(link, id=known[pair].id) != known[pair]
    ]
    changed += [
        replace(link, state="reversed")
        for pair, link in known.items()
        if pair not in wanted and link.state != "reversed"
    ]
    insert_all(connection, link_decision, [_row(entity_type, link, by=by, now=now) for link in new])
    rewritten = [{"id": k.id, **_row(entity_type, k, by=by, now=now)} for k in changed]
    update_rows(connection, link_decision, rewritten)
    return {i for link in (*new, *changed) for i in link.pair}


def add_judgment(connection: Connection, judgment: Judgment, *, now: datetime) -> int:
    """Write a person's decision; give its id."""
    state = "confirmed" if judgment.decision == "same" else "rejected"
    link = Link(judgment.pair, "human", state, judgment.evidence)
    row = _row(judgment.entity_type, link, by=judgment.by, now=now)
    row |= {"decision": judgment.decision, "reason": judgment.reason}
    return insert_returning_ids(connection, link_decision, [row])[0]


def undo_judgment(connection: Connection, link_id: int, *, by: str, reason: str, now: datetime) -> None:
    """Mark a person's decision as undone; what was decided, by whom and why stays as it is."""
    query = update(link_decision).where(link_decision.c.id == link_id)
    connection.execute(query.values(state="reversed", undone_by=by, undone_reason=reason, undone_at=now))


def mark_contradicted(connection: Connection, marks: Mapping[int, bool]) -> None:
    """Note of decisions whether the names that they keep apart are one thing all the same: by link id."""
    rows = [{"id": link_id, "is_contradicted": mark} for link_id, mark in marks.items()]
    update_rows(connection, link_decision, rows)


def find_judgment(connection: Connection, link_id: int) -> tuple[str, Link] | None:
    """Give the entity type and link of a person's decision, undone or not; None when there is none."""
    query = select(link_decision.c.entity_type, *_COLUMNS).where(
        link_decision.c.id == link_id, link_decision.c.method == "human"
    )
    row = connection.execute(query).one_or_none()
    return (row.entity_type, _link(row)) if row else None


def _link(row: Any) -> Link:
    return Link(
        (row.identifier_id, row.candidate_id),
        row.method,
        row.state,
        row.evidence,
        1.0 if row.score is None else row.score,
        row.id,
        row.is_contradicted,
    )


def _row(entity_type: str, link: Link, *, by: str, now: datetime) -> dict[str, Any]:
    return {
        "entity_type": entity_type,
        "identifier_id": link.pair[0],
        "candidate_id": link.pair[1],
        "method": link.method,
        "state": link.state,
        "score": link.score,
        "evidence": link.evidence,
        "decided_by": by,
        "decided_at": now,
    }
