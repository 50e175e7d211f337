"""The start page: what the hub holds, and what somebody should look at."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hub.api.pages.rendering import render
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.store.answers import batches, conflicts, links, lots, quarantine, sources, tags, things
from hub.store.past.reading import then_of
from hub.store.samples import count_samples

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_SHOWN = 50
_FEW = 12


@router.get("/", name="show_start")
def show_start(
    room: RoomOf,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Show sources, batches and everything that waits for a person."""
    with room.database.read() as connection:
        is_past = then_of(connection) is not None
        disagreements, more_conflicts = conflicts.list_conflicts(connection, limit=_FEW)
        return render(
            "start.html",
            hub=room.settings,
            sources=None if is_past else sources.list_sources(connection, now=room.clock()),
            systems=sources.list_systems(connection) if is_past else [],
            batches=things.list_things(
                connection,
                "batch",
                filter=None if name else "kind ne 'campaign'",
                name=name or None,
                cursor=cursor,
                limit=_SHOWN,
                order="actual_start desc",
            ),
            name=name or "",
            runs=things.count_runs(connection),
            is_first=cursor is None,
            things=things.count_lifecycles(connection),
            facts=sources.count_facts(connection),
            samples=count_samples(connection),
            conflicts=disagreements,
            more_conflicts=more_conflicts is not None,
            disputed=lots.list_disputed(connection, limit=_FEW),
            reversals=lots.list_reversals(connection, limit=_FEW),
            corrected=sources.list_corrected(connection, limit=_FEW),
            proposed=links.list_links(connection, links.Wanted(state="proposed"), limit=_FEW),
            held=quarantine.list_held(connection, limit=_FEW),
            unmapped=things.list_things(connection, "tag", also=[tags.unmapped()], limit=_FEW),
            stubs={
                kind: batches.list_recent(connection, kind, lifecycle="stub", limit=_FEW)
                for kind in (
                    "batch",
                    "material_lot",
                    "equipment",
                    "material_definition",
                    "operations_request",
                )
            },
        )
