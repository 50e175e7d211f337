"""The page of a value's chain: why it counts, who says it, in which record, under which names."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Response

from hub.api.locating import locator
from hub.api.pages.rendering import render, show_value
from hub.api.room import RoomOf
from hub.api.routes.proofs import trace_or_say
from hub.api.strict import StrictRoute
from hub.records.lineage import GENEALOGY, WHOLE, Looking, Sought, address_of

router = APIRouter(include_in_schema=False, route_class=StrictRoute)


@router.get("/lineage/{kind}/{name:path}/{attribute}", name="show_lineage")
def show_lineage(
    room: RoomOf,
    kind: Annotated[str, Path(max_length=40)],
    name: Annotated[str, Path(max_length=400)],
    attribute: Annotated[str, Path(max_length=80)],
    include: Annotated[list[Literal["history"]], Query(default_factory=list)],
) -> Response:
    """Show the whole chain of a value."""
    with room.database.read() as connection:
        looking = Looking(connection, history=bool(include), locate=locator(connection))
        chain = trace_or_say(looking, Sought(kind, name, attribute))
    of = chain["of"]
    records = {said["record"]["id"]: said["record"] for said in chain["statements"]}
    for record in records.values():
        record["mapping_text"] = _indent(record["mapping"])
    for said in chain["statements"]:
        said["text"] = "" if attribute == WHOLE else show_value(said["value"])
    return render(
        "lineage.html",
        chain=chain,
        title=f"{kind.replace('_', ' ')} {of['code'] or of['key']}",
        shown=_show(kind, attribute, chain["value"]),
        records=list(records.values()),
        address=address_of(kind, of["uid"] or (of["key"] if kind == GENEALOGY else name), attribute),
    )


def _show(kind: str, attribute: str, value: Any) -> str:
    """Give the value as people read it."""
    if kind == GENEALOGY:
        return "; ".join(_show_edge(edge) for edge in value)
    if attribute == WHOLE or value is None:
        return ""
    match value:
        case {"uid": _, "code": code}:
            return str(code or value.get("reported") or "")
        case {"key": key, "id": _}:
            return str(key)
        case _:
            return show_value(value if not hasattr(value, "isoformat") else value.isoformat())


def _show_edge(edge: dict[str, Any]) -> str:
    amount = "" if edge["quantity"] is None else f" {edge['quantity']:g} {edge['unit'] or ''}".rstrip()
    return f"{edge['kind']}{amount}" + (f" in {edge['batch']['code']}" if edge["batch"] else "")


def _indent(mapping: Any) -> str:
    return "" if mapping is None else orjson.dumps(mapping, option=orjson.OPT_INDENT_2).decode()
