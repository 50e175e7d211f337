"""What runs in a unit as a signal: at each instant the batch, unit procedure, operation or phase there.

It is found when it is asked for, by the rule by which samples of the unit's tags belong to runs, so it says
of an instant what a sample at that instant says. Names of several that run at once are joined by a comma.
Runs of a batch that may not be seen over the connection are not told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.i3x.elements import Element
from hub.resolve.context import Context, Reached, place_units
from hub.store.answers.outline import seen_among
from hub.store.database import Connection

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Standing:
    """What a unit's signal said from an instant on; None: nothing ran."""

    since: datetime
    said: str | None


def read_contexts(
    connection: Connection, elements: Iterable[Element], *, now: datetime
) -> dict[str, Standing]:
    """Give what each signal says now, and since when (since now where nothing runs)."""
    wanted = list(elements)
    context = _place(connection, wanted, now - _TICK, now, now=now)
    found: dict[str, Standing] = {}
    for one in wanted:
        there = list(_named(context, one))
        said = _join(name for name, _ in there)
        since = max((reached.executed.start for _, reached in there), default=now)
        found[one.id] = Standing(min(since, now), said)
    return found


def trace_contexts(  # noqa: PLR0917 - a span is said from start to end
    connection: Connection, elements: Iterable[Element], start: datetime, end: datetime, *, now: datetime
) -> dict[str, list[Standing]]:
    """Give what each signal said in [start, end], change by change; what stood at `start` comes first."""
    wanted = list(elements)
    context = _place(connection, wanted, start, end + _TICK, now=now)
    return {one.id: _trace(context, one, start, min(end, now)) for one in wanted}


def _place(  # noqa: PLR0917 - as trace_contexts
    connection: Connection, elements: list[Element], start: datetime, end: datetime, *, now: datetime
) -> Context:
    units = {one.row.id for one in elements if one.row is not None}
    context = place_units(connection, units, start, end, now=now)
    seen = seen_among(connection, "batch", context.batches)
    reached = {
        unit: [one for one in some if one.executed.batch in seen] for unit, some in context.reached.items()
    }
    return replace(context, reached=reached)


def _named(context: Context, element: Element) -> Iterator[tuple[str, Reached]]:
    """Give the runs that reach a unit by the name that the signal calls them."""
    for reached in context.reached.get(element.row.id if element.row else 0, ()):
        if element.level == "batch":
            yield context.batches[reached.executed.batch].code, reached
        elif element.level is not None and (name := reached.executed.name_at(element.level)) is not None:
            yield name, reached


def _trace(  # noqa: PLR0917 - as trace_contexts
    context: Context, element: Element, start: datetime, end: datetime
) -> list[Standing]:
    begins, ends = defaultdict[datetime, list[str]](list), defaultdict[datetime, list[str]](list)
    for name, reached in _named(context, element):
        for first, last in reached.spans:
            begins[first].append(name)
            ends[last].append(name)
    running: dict[str, int] = defaultdict(int)
    told: list[Standing] = []
    for at in sorted({start, *begins, *ends}):
        for name in begins[at]:
            running[name] += 1
        for name in ends[at]:
            running[name] -= 1
        said = _join(name for name, count in running.items() if count > 0)
        if at <= end and (not told or told[-1].said != said):
            told.append(Standing(at, said))
    return told


def _join(names: Iterable[str]) -> str | None:
    return ", ".join(sorted(set(names))) or None
