"""The smaller pages: lots, equipment, conflicts, quarantine, and a source record word for word."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response
from lxml import etree

from hub.api.pages.comparison import compare, list_golden
from hub.api.pages.rendering import render
from hub.api.parameters import RowId, ThingName, decode_key, encode_key
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.store.answers import assertions, balances, conflicts, equipment, lots, quarantine, things

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_LOTS = 300
_MOST_SHOWN = 300_000
_Cursor = Annotated[str | None, Query(max_length=2000)]


@router.get("/lots/{name}", name="show_lot")
def show_lot(room: RoomOf, name: ThingName) -> Response:
    """Show a lot: facts, who says what, movements, where it came from and went."""
    with room.database.read() as connection:
        found = things.find_thing(connection, "material_lot", name)
        lot = things.read_thing(connection, "material_lot", found.id)
        said = assertions.list_assertions(connection, "material_lot", found.id)
        return render(
            "lot.html",
            lot=lot,
            merged_from=found.merged_from,
            golden=list_golden("material_lot", lot, said, bases={"parent_lot": "/lots/"}),
            comparison=compare("material_lot", lot, said),
            names=things.list_names(connection, "material_lot", found.id),
            balance=balances.balance_lot(connection, found.id),
            movements=lots.list_movements(connection, found.id),
            backward=lots.trace_lot(connection, found.id, direction="backward", limit=_LOTS),
            forward=lots.trace_lot(connection, found.id, direction="forward", limit=_LOTS),
        )


@router.get("/equipment", name="show_equipment")
def show_equipment(room: RoomOf) -> Response:
    """Show the equipment tree."""
    with room.database.read() as connection:
        return render("equipment.html", nodes=equipment.list_tree(connection))


@router.get("/conflicts", name="show_conflicts")
def show_conflicts(room: RoomOf, cursor: _Cursor = None) -> Response:
    """Show everything about which systems disagree."""
    with room.database.read() as connection:
        items, last = conflicts.list_conflicts(connection, after=decode_key(cursor) if cursor else None)
        return render(
            "conflicts.html",
            conflicts=items,
            next=encode_key(last) if last else None,
            disputed=lots.list_disputed(connection),
        )


@router.get("/quarantine", name="show_quarantine")
def show_quarantine(
    room: RoomOf, source: Annotated[str | None, Query(max_length=60)] = None, cursor: _Cursor = None
) -> Response:
    """Show what could not be read."""
    with room.database.read() as connection:
        page = quarantine.list_held(connection, source=source, cursor=cursor)
        return render("quarantine.html", page=page, source=source)


@router.get("/quarantine/{held_id}", name="show_held")
def show_held(room: RoomOf, held_id: RowId) -> Response:
    """Show one quarantined part with its payload."""
    with room.database.read() as connection:
        held = quarantine.read_held(connection, held_id)
    if held is None:
        raise Problem("not-found", "Nothing with this id is or was in quarantine.")
    return render("held.html", held=held, payload=held["payload"][:_MOST_SHOWN])


@router.get("/source-records/{record_id}", name="show_source_record")
def show_source_record(room: RoomOf, record_id: RowId) -> Response:
    """Show what a source said, indented for reading and word for word."""
    with room.database.read() as connection:
        record = assertions.read_source_record(connection, record_id)
    if record is None:
        raise Problem("not-found", "There is no source record with this id.")
    payload = record["payload"]
    indented = indent_payload(payload) if len(payload) <= _MOST_SHOWN else None
    return render(
        "record.html", record=record, indented=indented, payload=payload[:_MOST_SHOWN], most=_MOST_SHOWN
    )


def indent_payload(payload: str) -> str | None:
    """Give JSON or XML indented; None for anything else and for what cannot be read."""
    text = payload.lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        try:
            return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
        except orjson.JSONDecodeError:
            return None
    if text.startswith("<") and "<!DOCTYPE" not in text.upper():
        parser = etree.XMLParser(
            resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_blank_text=True
        )
        try:
            tree = etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError:
            return None
        return etree.tostring(tree, pretty_print=True, encoding="unicode")
    return None
