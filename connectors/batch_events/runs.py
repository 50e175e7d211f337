"""Events in their order become runs: what begins, what ends, on which unit; and values that were reported."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.batch_events.journal import Row
from connectors.batch_events.shapes import (
    ACQUIRED,
    ACTIONS,
    BEGINS,
    END_STATES,
    ENDS,
    LEVELS,
    RUNNING,
    Level,
)

_INSTANCE = re.compile(r":\d+(?:-\d+)?$")
_LOOP = re.compile(r"(:\d+)-\d+$")
"""How often an instance ran: its own path may tell (`SEED:1-1`) what those below it leave out (`SEED:1`)."""


@dataclass
class Run:
    """One execution of a procedural element: `path` names it in its batch, `number` counts its executions."""

    path: tuple[str, ...]
    level: Level
    number: int
    start: datetime | None = None
    end: datetime | None = None
    state: str = "Running"
    unit: str = ""

    @property
    def key(self) -> str:
        """Its name in the batch."""
        return "/".join(self.path) + (f"#{self.number}" if self.number > 1 else "")

    @property
    def name(self) -> str:
        """Its name in the recipe: without instance and loop."""
        return _INSTANCE.sub("", self.path[-1])


@dataclass(frozen=True)
class Told:
    """A value that a batch reported, or the header of its recipe."""

    kind: str
    name: str
    value: str
    eu: str
    at: datetime
    line: int
    run: Run | None


@dataclass
class Story:
    """What the events of one batch tell."""

    unique: str
    batch: str
    runs: list[Run] = field(default_factory=list[Run])
    told: list[Told] = field(default_factory=list[Told])
    product: str = ""
    units: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    """Units that were acquired, by unit procedure: arbitration may come before the start."""

    @property
    def whole(self) -> Run | None:
        """The run of the whole procedure."""
        return next((run for run in self.runs if run.level == "procedure"), None)

    def parent(self, run: Run) -> Run | None:
        """The run that contains this one: the nearest element above that was running when it began."""
        for depth in range(len(run.path) - 1, 0, -1):
            above = [r for r in self.runs if _is_place(r.path, run.path[:depth])]
            if above:
                begun = [r for r in above if r.start is None or run.start is None or r.start <= run.start]
                return (begun or above)[-1]
        return None

    def now(self, path: tuple[str, ...]) -> Run | None:
        """The last execution of an element."""
        return next((run for run in reversed(self.runs) if run.path == path), None)

    def begin(self, path: tuple[str, ...], at: datetime, unit: str) -> None:
        """Note that an element runs; that it does so already is no news."""
        last = self.now(path)
        if last is None or last.end is not None:
            number = 1 if last is None else last.number + 1
            last = Run(path, LEVELS[len(path) - 1], number, start=at)
            self.runs.append(last)
        last.unit = last.unit or self.units.get(_place(path[:2]), "") or unit

    def end(self, path: tuple[str, ...], at: datetime, *, state: str, unit: str) -> None:
        """Note that an element has ended; the first end counts, and REMOVED after it says nothing new."""
        last = self.now(path)
        if last is None:  # a journal that was begun late, or is one of several
            last = Run(path, LEVELS[len(path) - 1], 1)
            self.runs.append(last)
        if last.end is None:
            last.end, last.state = at, state
        last.unit = last.unit or unit


def _is_place(own: tuple[str, ...], named: tuple[str, ...]) -> bool:
    """Tell whether an element, by its own path, is the one that a path below it names."""
    return len(own) == len(named) and all(n in {o, _bare(o)} for o, n in zip(own, named, strict=True))


def _bare(part: str) -> str:
    return _LOOP.sub(r"\1", part)


def _place(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_bare, path))


def tell_journal(story: Story, row: Row, *, at: datetime, words: Mapping[str, str]) -> None:
    """Take one event of a FactoryTalk or DeltaV journal."""
    event = words.get(row["event"], row["event"]).lower()
    descript = words.get(row["descript"], row["descript"])
    value = words.get(row["value"], row["value"])
    path = path_of(row["recipe"])
    if event == "system message":
        _hear_message(story, path, at, said=(descript.lower(), value.lower()), unit=row["unit"])
    elif event == "state change" and path:
        state = value.upper()
        if state == RUNNING:
            story.begin(path, at, row["unit"] if len(path) > 1 else "")
        elif state in END_STATES:
            story.end(path, at, state=END_STATES[state], unit=row["unit"] if len(path) > 1 else "")
    elif event == "recipe arbitration" and descript.lower() == ACQUIRED and len(path) > 1:
        if words.get(row["eu"], row["eu"]).lower() == "unit":
            story.units[_place(path[:2])] = value
            if (run := story.now(path[:2])) is not None and run.end is None:
                run.unit = value
    elif event == "recipe header" and descript.lower() == "product code":
        story.product = value
    elif event == "report":
        story.told.append(
            Told("actual", descript, value, row["eu"], at, row.line, story.now(path) if path else None)
        )


def _hear_message(
    story: Story, path: tuple[str, ...], at: datetime, *, said: tuple[str, str], unit: str
) -> None:
    for text in said:
        for table, begins in ((BEGINS, True), (ENDS, False)):
            level = table.get(text)
            if level is None:
                continue
            depth = LEVELS.index(level) + 1
            if len(path) < depth:
                continue
            mine = path[:depth]
            if begins:
                story.begin(mine, at, unit if depth > 1 else "")
            else:
                story.end(mine, at, state="Completed", unit=unit if depth > 1 else "")
            return


def path_of(recipe: str) -> tuple[str, ...]:
    r"""Give the parts of `<id>:PROCEDURE\UNIT_PROCEDURE:1\OPERATION:1-1\PHASE:1-1`, without the id."""
    text = re.sub(r"^\d+:", "", recipe.strip())
    return tuple(part.strip() for part in text.split("\\") if part.strip())[: len(LEVELS)]


def tell_action(story: Story, row: Row, *, at: datetime, words: Mapping[str, str]) -> None:  # noqa: ARG001 - as the other
    """Take one row of InBatch's BatchDetail joined with BatchIdLog; codes that are no begin or end pass."""
    story.product = story.product or row["product"]
    code = ACTIONS.get(row["code"].removesuffix(".0"))
    if code is None:
        return
    names = [row["batch"] or row["unique"], row["unit_procedure"], row["operation"], row["phase"]]
    names[3] = f"{names[3]}:{row['instance']}" if row["instance"] and names[3] else names[3]
    path = tuple(names[: LEVELS.index(code.level) + 1])
    if not all(path):
        return
    if code.begins:
        story.begin(path, at, row["unit"])
    else:
        story.end(path, at, state=code.state, unit=row["unit"])


def order(stories: Iterable[Story]) -> Iterator[Story]:
    """Give stories by name, so that what is said does not depend on who came first."""
    return iter(sorted(stories, key=lambda s: (s.batch, s.unique)))
