"""The batch page: one batch as every system sees it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from hub.api.pages.comparison import compare, list_golden
from hub.api.pages.rendering import render
from hub.api.pages.timeline import draw_timeline
from hub.api.pages.trends import Trend, draw_trend
from hub.api.parameters import ThingName
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.records.completeness import prove
from hub.resolve.signals import list_signals
from hub.store.answers import assertions, balances, batches, things
from hub.store.answers.signals import Signal, read_signal
from hub.store.database import Connection

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_TRENDS = 8
_RANK = {"CPP": 0, "KPP": 1}
_BASES = {"campaign": "/batches/", "output_lot": "/lots/"}


@router.get("/batches/{name}", name="show_batch")
def show_batch(
    room: RoomOf,
    name: ThingName,
    signals_shown: Annotated[Literal["main", "all"], Query(alias="signals")] = "main",
) -> Response:
    """Show a batch: golden facts, who says what, phases, signals, materials, results, events, names."""
    now = room.clock()
    with room.database.read() as connection:
        found = things.find_thing(connection, "batch", name)
        batch = things.read_thing(connection, "batch", found.id)
        said = assertions.list_assertions(connection, "batch", found.id)
        phases = batches.list_phases(connection, found.id)
        materials = batches.list_materials(connection, found.id)
        results = batches.list_results(connection, found.id)
        events = batches.list_events(connection, found.id)
        names = things.list_names(connection, "batch", found.id)
        signals = list_signals(connection, found.id, now=now)
        wanted = sorted(
            signals,
            key=lambda signal: (
                _RANK.get(signal.tag["criticality"] or "", 2),
                -signal.duration,
                signal.tag["code"],
            ),
        )
        trends = _draw(connection, wanted, limit=_TRENDS if signals_shown == "main" else len(wanted))
        return render(
            "batch.html",
            batch=batch,
            merged_from=found.merged_from,
            golden=list_golden("batch", batch, said, bases=_BASES),
            comparison=compare(
                "batch",
                batch,
                said,
                names=names,
                facts={"phases": phases, "movements": materials, "results": results, "events": events},
            ),
            names=names,
            phases=phases,
            timeline=draw_timeline(phases, now=now),
            data=batches.list_data(connection, found.id),
            trends=trends,
            more_signals=len(wanted) - len(trends) if signals_shown == "main" else 0,
            signals=wanted,
            materials=materials,
            balance=balances.balance_batch(connection, found.id),
            results=results,
            events=events,
            quality_events=batches.list_quality_events(connection, found.id),
            orders=batches.list_orders(connection, found.id),
            proof=prove(connection, found.id, now=now, signals=signals),
        )


def _draw(connection: Connection, wanted: list[Signal], *, limit: int) -> list[Trend]:
    """Draw the first signals that have samples."""
    drawn: list[Trend] = []
    for signal in wanted:
        if len(drawn) == limit:
            break
        trend = draw_trend(signal, read_signal(connection, signal))
        if trend is not None:
            drawn.append(trend)
    return drawn
