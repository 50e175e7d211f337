"""Why names are one thing or kept apart: what is proposed, what people decided, with its evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from hub.store.answers.pages import Order, Page, read_page
from hub.store.answers.readings import Document, Reading, Slot
from hub.store.sets import AnySelect, select_in
from hub.store.tables import ENTITY_TABLES, identifier, link_decision, scheme_group, scheme_version

_ONE, _OTHER = identifier.alias("one"), identifier.alias("other")
_NAMES = (
    "id",
    "entity_type",
    "method",
    "state",
    "decision",
    "score",
    "evidence",
    "reason",
    "decided_by",
    "decided_at",
    "undone_by",
    "undone_at",
    "undone_reason",
    "is_contradicted",
)
_TOLD = ("id", "method", "state", "evidence", "reason", "decided_by", "decided_at")
_SIDE = ("scheme", "value", "label", "entity_id")


@dataclass(frozen=True)
class Wanted:
    """Which links to list; None means any."""

    entity_type: str | None = None
    state: str | None = None
    method: str | None = None
    is_contradicted: bool | None = None


def list_links(
    connection: Connection, wanted: Wanted, *, cursor: str | None = None, limit: int = 100
) -> Page:
    """Give a page of links, the newest first, with both names and what they mean. Raises `CursorError`."""
    columns = link_decision.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.entity_type is not None:
        conditions.append(columns.entity_type == wanted.entity_type)
    if wanted.state is not None:
        conditions.append(columns.state == wanted.state)
    if wanted.method is not None:
        conditions.append(columns.method == wanted.method)
    if wanted.is_contradicted is not None:
        conditions.append(columns.is_contradicted == wanted.is_contradicted)
        conditions.append(columns.state != "reversed")
    order = Order("decided_at", columns.decided_at, columns.id, descending=True)
    page = read_page(connection, _reading(), conditions, order=order, cursor=cursor, limit=limit)
    return Page(_with_things(connection, page.items), page.next)


def read_link(connection: Connection, link_id: int) -> Document | None:
    """Give one link with both names and what they mean; None when there is none."""
    reading = _reading()
    found = reading.read(connection, reading.select().where(link_decision.c.id == link_id))
    return _with_things(connection, found)[0] if found else None


def links_of_names(connection: Connection, name_ids: Iterable[int]) -> dict[int, list[Document]]:
    """Give by name the links that join it or keep it apart now, each with the name on its other side."""
    columns, wanted = link_decision.c, sorted(set(name_ids))
    is_kept_apart = (columns.state == "rejected") & (columns.method == "human")
    found: dict[int, dict[int, Document]] = {}
    for side, far, alias in (
        (columns.identifier_id, columns.candidate_id, _OTHER),
        (columns.candidate_id, columns.identifier_id, _ONE),
    ):
        query = (
            select(
                side.label("name_id"),
                alias.c.scheme.label("far_scheme"),
                alias.c.value.label("far_value"),
                *(columns[name] for name in _TOLD),
            )
            .select_from(link_decision.join(alias, alias.c.id == far))
            .where(or_(columns.state == "confirmed", is_kept_apart))
        )
        for row in select_in(connection, query, side, wanted):
            found.setdefault(row.name_id, {})[row.id] = {
                "name": f"{row.far_scheme}|{row.far_value}",
                **{name: getattr(row, name) for name in _TOLD},
            }
    return {name: [some[i] for i in sorted(some)] for name, some in found.items()}


def list_scheme_versions(connection: Connection) -> list[Document]:
    """Give every approved whitelist of schemes, the newest first, with its groups by type."""
    columns = scheme_group.c
    listed = select(columns.version, columns.entity_type, columns.group_no, columns.scheme)
    groups: dict[int, list[Document]] = {}
    rows: list[Any] = sorted(connection.execute(listed))
    for (version, kind, _), some in groupby(rows, itemgetter(0, 1, 2)):
        group = {"entity_type": kind, "schemes": [row.scheme for row in some]}
        groups.setdefault(version, []).append(group)
    versions = connection.execute(select(scheme_version).order_by(scheme_version.c.version.desc())).all()
    in_force = max((r.version for r in versions if r.applied_at is not None), default=0)
    return [
        {
            "version": row.version,
            "is_in_force": row.version == in_force,
            "approved_by": row.approved_by,
            "reason": row.reason,
            "effective_from": row.effective_from,
            "recorded_at": row.recorded_at,
            "applied_at": row.applied_at,
            "groups": groups.get(row.version, []),
        }
        for row in versions
    ]


def _reading() -> Reading:
    joined = link_decision.join(_ONE, _ONE.c.id == link_decision.c.identifier_id).join(
        _OTHER, _OTHER.c.id == link_decision.c.candidate_id
    )
    slots = [Slot(name, (link_decision.c[name],)) for name in _NAMES]
    for side, alias in (("one", _ONE), ("other", _OTHER)):
        slots.append(Slot(side, tuple(alias.c[name] for name in _SIDE), _SIDE))
    return Reading(link_decision, tuple(slots), joined)


def _with_things(connection: Connection, links: Sequence[Document]) -> list[Document]:
    """Put in place of each name's key the thing that it means now."""
    wanted: dict[str, set[int]] = {}
    for link in links:
        wanted.setdefault(link["entity_type"], set()).update(link[s]["entity_id"] for s in ("one", "other"))
    things = {
        (kind, row.id): {
            "uid": row.uid,
            "code": row.code,
            "description": row.description,
            "lifecycle": row.lifecycle,
        }
        for kind, ids in wanted.items()
        for row in select_in(connection, _things(kind), ENTITY_TABLES[kind].c.id, ids)
    }
    for link in links:
        for side in ("one", "other"):
            link[side]["thing"] = things.get((link["entity_type"], link[side].pop("entity_id")))
    return list(links)


def _things(kind: str) -> AnySelect:
    columns = ENTITY_TABLES[kind].c
    return select(columns.id, columns.uid, columns.code, columns.description, columns.lifecycle)
