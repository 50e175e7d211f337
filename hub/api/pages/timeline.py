"""Phases on a timeline: one lane a unit and level, bars inside, drawn as SVG by a template."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.api.pages.axis import Tick, TimeScale
from hub.api.pages.rendering import show_time

WIDTH = 1280
_LABEL = 150
_ROW = 24
_LETTER = 6.4
_LEAST_DEPTH = {"operation": 1, "phase": 2}


@dataclass(frozen=True)
class Bar:
    """A phase: its place in pixels, its label, where the label stands, what a pointer reads."""

    x: float
    y: int
    width: float
    shade: int
    label: str
    label_x: float
    is_inside: bool
    is_broken: bool
    is_open: bool
    title: str
    record: int


@dataclass(frozen=True)
class Lane:
    """The name of a group of rows and its height."""

    label: str
    y: int
    height: int


@dataclass(frozen=True)
class Timeline:
    """All that the template draws; sizes in pixels."""

    width: int
    height: int
    ticks: list[Tick]
    lanes: list[Lane]
    bars: list[Bar]
    summary: str


def draw_timeline(phases: Iterable[dict[str, Any]], *, now: datetime) -> Timeline | None:
    """Lay out phases that began; those without an end run until `now`. None when there is nothing to draw.

    A phase that another system saw too (`same_as`) is drawn once.
    """
    shown = [phase for phase in phases if phase["actual_start"] and phase["same_as"] is None]
    if not shown:
        return None
    ends = [phase["actual_end"] or max(now, phase["actual_start"]) for phase in shown]
    scale = TimeScale(min(phase["actual_start"] for phase in shown), max(ends), _LABEL, WIDTH - 12)
    depths = _depths(shown)
    by_id = {phase["id"]: phase for phase in shown}
    groups: dict[str, list[dict[str, Any]]] = {}
    for phase in sorted(shown, key=lambda p: p["actual_start"]):
        groups.setdefault(_unit(phase, by_id), []).append(phase)
    lanes: list[Lane] = []
    bars: list[Bar] = []
    top = 30
    for unit, members in groups.items():
        rows = _pack(members, depths, now)
        lanes.append(Lane(unit, top, rows.count * _ROW))
        bars += [
            _bar(phase, scale, y=top + rows.of[phase["id"]] * _ROW, depth=depths[phase["id"]], now=now)
            for phase in members
        ]
        top += rows.count * _ROW + 8
    summary = (
        f"{len(shown)} phases on {len(groups)} units, {show_time(scale.start)} to {show_time(scale.end)}"
    )
    return Timeline(WIDTH, top + 4, scale.ticks(), lanes, bars, summary)


@dataclass(frozen=True)
class _Rows:
    of: dict[int, int]
    count: int


def _pack(members: list[dict[str, Any]], depths: dict[int, int], now: datetime) -> _Rows:
    """Give each phase the first free row of its depth; deeper levels stand below."""
    placed: dict[int, int] = {}
    offset = 0
    for depth in sorted({depths[phase["id"]] for phase in members}):
        free: list[datetime] = []
        for phase in members:
            if depths[phase["id"]] != depth:
                continue
            start, end = phase["actual_start"], phase["actual_end"] or now
            row = next((at for at, until in enumerate(free) if until <= start), len(free))
            free[row : row + 1] = [max(end, start)]
            placed[phase["id"]] = offset + row
        offset += len(free)
    return _Rows(placed, offset)


def _depths(phases: list[dict[str, Any]]) -> dict[int, int]:
    """Give how deep each phase is nested in the others shown, at least as deep as its level says."""
    parents: dict[int, int | None] = {
        phase["id"]: phase["parent"]["id"] if phase["parent"] else None for phase in phases
    }
    depths: dict[int, int] = {}
    for phase in phases:
        depth, above, seen = 0, parents[phase["id"]], {phase["id"]}
        while above is not None and above in parents and above not in seen:
            seen.add(above)
            depth, above = depth + 1, parents[above]
        depths[phase["id"]] = max(depth, _LEAST_DEPTH.get(phase["level"] or "", 0))
    return depths


def _bar(phase: dict[str, Any], scale: TimeScale, *, y: int, depth: int, now: datetime) -> Bar:
    end = phase["actual_end"] or max(now, phase["actual_start"])
    x, right = scale.place(phase["actual_start"]), scale.place(end)
    width = max(right - x, 2.0)
    name = phase["name"] if phase["occurrence"] in (None, 1) else f"{phase['name']} ({phase['occurrence']})"
    size = len(name) * _LETTER
    is_inside = size + 8 <= width
    has_room = right + 4 + size <= scale.right
    outside = right + 4 if has_room else x - 4 - size
    return Bar(
        x=x,
        y=y,
        width=round(width, 1),
        shade=min(depth, 3),
        label=name if is_inside or depth == 0 else "",
        label_x=round(x + 4 if is_inside else outside, 1),
        is_inside=is_inside,
        is_broken=phase["state"] in ("Aborted", "Held"),
        is_open=phase["actual_end"] is None,
        title=(
            f"{name} · {(phase['level'] or '').replace('_', ' ')} · {phase['state'] or 'no state'} · "
            f"{show_time(phase['actual_start'])} to {show_time(phase['actual_end']) or 'now'} "
            f"· {phase['source']}"
        ),
        record=phase["source_record"],
    )


def _unit(phase: dict[str, Any], by_id: dict[int, dict[str, Any]]) -> str:
    """Give where a phase ran: its own unit, or that of the nearest phase around it that states one."""
    here: dict[str, Any] | None = phase
    for _ in by_id:
        if here is None or here["equipment"] is not None:
            break
        here = by_id.get(here["parent"]["id"]) if here["parent"] else None
    unit = here["equipment"] if here else None
    return "no unit stated" if unit is None else str(unit["code"] or unit["reported"])
