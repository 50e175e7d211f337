"""Samples worked out: at an instant, on a grid, over windows and executed intervals, in their context."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.bounds import check_count, check_examined, check_tags, find_kinds, find_zone
from hub.api.documentation import GUARDED, answers
from hub.api.instant import Instant
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.routes.samples import Tags
from hub.api.sampling import check_window
from hub.api.strict import StrictRoute
from hub.api.tables import answer_table, wants_columns
from hub.insight.courses import to_micros
from hub.insight.grid import Method, make_grid
from hub.insight.reads import (
    Wanted,
    read_executed,
    read_grid,
    read_in_context,
    read_instant,
    read_windows,
)
from hub.insight.selection import choose_executed, choose_kinds
from hub.insight.statistics import StatisticName
from hub.insight.windows import TooManyWindows, cut_by_calendar, cut_evenly
from hub.resolve.context import place_batches, place_tags
from hub.store.answers.things import find_thing
from hub.store.coverage import join_spans

router = APIRouter(prefix="/v1", tags=["samples"], route_class=StrictRoute)

_ERRORS = (*GUARDED, "not-found", "ambiguous-name", "too-much-asked")
_DEFAULT: tuple[StatisticName, ...] = ("count", "mean", "min", "max", "std", "time_mean", "percent_good")

First = Annotated[Instant, Query(alias="start", description="First time, inclusive, with its zone.")]
Last = Annotated[Instant, Query(alias="end", description="Last time, exclusive, with its zone.")]
How = Annotated[
    Method,
    Query(
        description="`auto` goes by the tag: straight between good samples, or the last value of a step tag; "
        "`stepped` takes the last value of every tag; `interpolated` refuses step tags."
    ),
]
Statistics = Annotated[
    list[StatisticName],
    Query(
        default_factory=lambda: list(_DEFAULT),
        alias="statistic",
        description="Repeat for several. `mean min max std median range first last count changes` look at "
        "the good samples inside; `time_mean time_std at_start at_end percent_good duration_good "
        "duration_in_state` at what stood, also from before. Seconds for durations.",
    ),
]
State = Annotated[
    str | None,
    Query(max_length=200, description="What `duration_in_state` counts: a text, or a number such as `1`."),
]
MaxGap = Annotated[
    float | None,
    Query(gt=0, description="Seconds without a sample after which nothing is known; for ever when absent."),
]
BatchNames = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(min_length=1, alias="batch", description="Batches by uid, code or any name; repeat for several."),
]
TagsOrProperties = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(
        default_factory=list,
        alias="tag",
        description="Only these tags, by code, uid or the property they measure; all when absent.",
    ),
]
Phases = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(default_factory=list, alias="phase", description="Only executed segments of these names."),
]
Level = Annotated[
    Literal["unit_procedure", "operation", "phase", "segment", "procedure", "batch"] | None,
    Query(description="Only executed segments of this level."),
]


@router.get("/samples/at", response_class=Response, responses=answers(schemas.SampleInstants, *_ERRORS))
def read_samples_at(
    room: RoomOf,
    tag: Tags,
    at: Annotated[Instant, Query(description="The instant, with its zone.")],
    method: How = "auto",
) -> Response:
    """Give what tags were at an instant."""
    check_tags(room, len(tag))
    start, _ = check_window(at, at + timedelta(microseconds=1))
    with room.database.read() as connection:
        kinds = find_kinds(connection, tag)
        try:
            items = read_instant(connection, kinds, start, method=method)
        except ValueError as error:
            raise Problem("invalid-parameter", f"{error}.") from error
    return answer({"at": start, "items": items})


@router.get(
    "/samples/grid", response_class=Response, responses=answers(schemas.SampleGrid, *_ERRORS, columns=True)
)
def read_sample_grid(
    request: Request,
    room: RoomOf,
    tag: Tags,
    start: First,
    end: Last,
    every_s: Annotated[
        float, Query(ge=0.001, le=31_622_400, description="Seconds between instants, at whole multiples.")
    ],
    method: How = "auto",
) -> Response:
    """Give many tags at the same instants: a row an instant, a column a tag."""
    check_tags(room, len(tag))
    first, last = check_window(start, end)
    instants = (last - first) / timedelta(seconds=every_s)
    check_count(instants * len(tag), room.settings.arrow_samples, "values", "a longer `every_s`")
    with room.database.read() as connection:
        kinds = find_kinds(connection, tag)
        check_examined(connection, room, kinds, start=first, end=last)
        grid = make_grid(to_micros(first), to_micros(last), round(every_s * 1e6))
        if not len(grid):
            raise Problem("invalid-parameter", "No whole multiple of `every_s` lies between start and end.")
        try:
            table = read_grid(connection, kinds, grid, method=method)
        except ValueError as error:
            raise Problem("invalid-parameter", f"{error}.") from error
    units = {kind.code: kind.unit for kind in kinds}
    about: dict[str, Any] = {"start": first, "end": last, "every_s": every_s, "units": units}
    return answer_table(request, table, most=room.settings.json_samples // len(kinds) + 1, about=about)


@router.get(
    "/samples/statistics",
    response_class=Response,
    responses=answers(schemas.SampleStatistics, *_ERRORS, columns=True),
)
def read_sample_statistics(
    request: Request,
    room: RoomOf,
    tag: Tags,
    start: First,
    end: Last,
    statistic: Statistics,
    every_s: Annotated[
        float | None, Query(ge=0.001, description="Windows of so many seconds, at whole multiples in UTC.")
    ] = None,
    every: Annotated[
        Literal["day", "week", "month"] | None, Query(description="Windows by the calendar of `zone`.")
    ] = None,
    zone: Annotated[
        str, Query(max_length=60, description="IANA time zone of `every`.", examples=["Europe/Dublin"])
    ] = "UTC",
    state: State = None,
    max_gap_s: MaxGap = None,
) -> Response:
    """Give statistics of tags over windows of time, or over the whole time when no window is named."""
    check_tags(room, len(tag))
    first, last = check_window(start, end)
    windows = _cut(room, first, last, every_s=every_s, every=every, zone=find_zone(zone))
    check_count(len(windows) * len(tag), room.settings.windows_at_once, "windows", "longer windows")
    with room.database.read() as connection:
        kinds = find_kinds(connection, tag)
        check_examined(connection, room, kinds, start=first, end=last)
        table = read_windows(connection, kinds, windows, wanted=_want(statistic, state, max_gap_s))
    about = {"start": first, "end": last}
    return answer_table(request, table, most=room.settings.json_samples, about=about, nested=statistic)


@router.get(
    "/phases/statistics",
    response_class=Response,
    responses=answers(schemas.PhaseStatistics, *_ERRORS, columns=True),
    tags=["batches"],
)
def read_phase_statistics(
    request: Request,
    room: RoomOf,
    batch: BatchNames,
    tag: TagsOrProperties,
    phase: Phases,
    statistic: Statistics,
    level: Level = None,
    state: State = None,
    max_gap_s: MaxGap = None,
    holds: Annotated[
        Literal["include", "exclude"], Query(description="Whether time in which a unit was held counts.")
    ] = "include",
) -> Response:
    """Give statistics of tags over the executed segments of batches, each tag where and when it applies."""
    check_count(len(batch), room.settings.batches_at_once, "batches", "fewer batches")
    wanted = _want(statistic, state, max_gap_s, without_holds=holds == "exclude")
    with room.database.read() as connection:
        ids = [find_thing(connection, "batch", name).id for name in batch]
        context = choose_kinds(place_batches(connection, ids, now=room.clock()), tag)
        rows = choose_executed(context, names=phase, level=level)
        for place, reached in rows.items():
            kinds = [kind for kind in context.kinds.values() if kind.equipment_id == place]
            spans = join_spans(span for one in reached for span in one.spans)
            if spans and kinds:
                check_examined(connection, room, kinds, start=spans[0][0], end=spans[-1][1])
        table = read_executed(connection, context, rows, wanted=wanted)
    return answer_table(request, table, most=room.settings.json_samples, about={}, nested=statistic)


@router.get(
    "/samples/context",
    response_class=Response,
    responses=answers(schemas.SamplesInContext, *_ERRORS, columns=True),
)
def read_sample_context(request: Request, room: RoomOf, tag: Tags, start: First, end: Last) -> Response:
    """Give samples with the batch, unit procedure, operation and phase that each belongs to."""
    check_tags(room, len(tag))
    first, last = check_window(start, end)
    most = room.settings.json_samples if wants_columns(request) is None else room.settings.arrow_samples
    with room.database.read() as connection:
        kinds = find_kinds(connection, tag)
        by_id = {kind.tag_id: kind for kind in kinds}
        check_examined(connection, room, kinds, start=first, end=last, most=room.settings.arrow_samples)
        context = place_tags(connection, by_id, first, last, now=room.clock())
        parts: list[pa.Table] = []
        for part in read_in_context(connection, context, kinds, span=(first, last)):
            parts.append(part)
            check_count(sum(one.num_rows for one in parts), most, "samples", "less time, or columns (Arrow)")
    table = pa.concat_tables(parts) if parts else _IN_CONTEXT.empty_table()
    return answer_table(request, table, most=most, about={"start": first, "end": last})


_IN_CONTEXT = pa.schema(
    [
        pa.field("tag", pa.string()),
        pa.field("ts", pa.timestamp("us", tz="UTC")),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.uint32()),
        *(pa.field(name, pa.string()) for name in ("batch", "unit_procedure", "operation", "phase")),
        pa.field("is_derived", pa.bool_()),
    ]
)


def _want(
    statistics: list[StatisticName],
    state: str | None,
    max_gap_s: float | None,
    *,
    without_holds: bool = False,
) -> Wanted:
    if "duration_in_state" in statistics and state is None:
        raise Problem("invalid-parameter", "`duration_in_state` needs the `state` that it counts.")
    gap = None if max_gap_s is None else timedelta(seconds=min(max_gap_s, 1e9))
    return Wanted(list(dict.fromkeys(statistics)), state, gap, without_holds)


def _cut(
    room: Room,
    start: datetime,
    end: datetime,
    *,
    every_s: float | None,
    every: str | None,
    zone: ZoneInfo,
) -> list[tuple[datetime, datetime]]:
    if every_s is not None and every is not None:
        raise Problem("invalid-parameter", "Give `every_s` or `every`, not both.")
    most = room.settings.windows_at_once
    try:
        if every is not None:
            return cut_by_calendar(start, end, unit=every, zone=zone, most=most)
        if every_s is not None:
            return cut_evenly(start, end, every=timedelta(seconds=min(every_s, 1e9)), most=most)
    except TooManyWindows as error:
        raise Problem("too-much-asked", f"{error}.") from error
    except OverflowError as error:
        raise Problem("invalid-parameter", "These windows leave the years 1 to 9999.") from error
    return [(start, end)]
