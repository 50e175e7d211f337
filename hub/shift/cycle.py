"""One cycle: read sources, resolve what they said, find runs in signals, resolve those."""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from hub.ingest.replay import Replayed, replay
from hub.ingest.runner import Desk, Outcome
from hub.ingest.sources import FrameRule, Project, Source
from hub.ingest.sync import sync_sources
from hub.model import Identifier
from hub.model.mastered import MASTERED
from hub.resolve.conditions import Condition
from hub.resolve.frames import FrameRule as Rule
from hub.resolve.frames import derive_frames
from hub.resolve.resolution import prepare, resolve, resolve_again
from hub.sdk import Misconfigured, Window
from hub.store.database import Connection
from hub.store.links import save_scheme_groups
from hub.store.statements import Told, list_live_keys, store_documents
from hub.store.stating import link
from hub.store.systems import ensure_system, note_health

CROSSWALK = "crosswalk"
Resolving = Callable[[int, int], None]


@dataclass
class Cycle:
    """What a cycle did."""

    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    statements: int = 0
    frames: int = 0

    @property
    def failed(self) -> list[Outcome]:
        """The streams that could not be read to their end."""
        return [o for o in self.outcomes if o.error]


def run_cycle(
    desk: Desk,
    project: Project,
    sources: Sequence[Source] | None = None,
    *,
    within: Window | None = None,
    resting: Mapping[str, Container[str]] | None = None,
    resolving: Resolving = lambda _done, _total: None,
) -> Cycle:
    """Read these sources (all when None) but for streams at rest, resolve, and find runs in new samples."""
    settle_project(desk, project)
    cycle = Cycle()
    chosen = project.sources if sources is None else sources
    cycle.outcomes = sync_sources(desk, chosen, within, resting=resting)
    cycle.statements = resolve(desk.database, clock=desk.clock, progress=resolving).statements
    if project.frames and any(o.samples for o in cycle.outcomes):
        with desk.database.begin() as connection:
            cycle.frames = derive_frames(connection, frame_rules(project), now=desk.clock())
        cycle.statements += resolve(desk.database, clock=desk.clock, progress=resolving).statements
    return cycle


def read_again(desk: Desk, project: Project, ids: Collection[int] | None = None) -> Replayed:
    """Read quarantined documents again (all, or those with these ids) and resolve what is readable now."""
    done = replay(desk, project.sources, ids)
    resolve(desk.database, clock=desk.clock)
    return done


def settle_project(desk: Desk, project: Project) -> None:
    """Store the project's rules; a changed identity whitelist is applied to everything at once."""
    now: datetime = desk.clock()
    prepare(desk.database, now=now)
    with desk.database.begin() as connection:
        changed = save_scheme_groups(connection, project.identity.normalised, now=now)
        _declare(connection, project, now)
    if changed:
        resolve_again(desk.database, clock=desk.clock)


def _declare(connection: Connection, project: Project, now: datetime) -> None:
    """Store what the site declares to be one thing as statements of a source of its own."""
    system = ensure_system(connection, CROSSWALK, "MANUAL", now=now)
    documents = [
        Told(
            object_type=entity_type,
            source_key=f"{names[0].scheme}|{names[0].value}",
            payload=orjson.dumps([f"{n.scheme}|{n.value}" for n in names]).decode(),
            media_type="application/json",
            version=0,
            source_time=None,
            said=[link(entity_type, names)],
        )
        for entity_type, things in project.identity.declared.items()
        for names in things
        if len(names) > 1
    ]
    live = list_live_keys(connection, system.id, sorted(MASTERED))
    gone = live.keys() - {d.key for d in documents}
    documents += [
        Told(
            object_type=object_type,
            source_key=key,
            payload="",
            media_type="text/plain",
            version=0,
            source_time=None,
            deleted=True,
        )
        for object_type, key in sorted(gone)
    ]
    store_documents(
        connection, system_id=system.id, stream=CROSSWALK, connector=CROSSWALK, documents=documents, now=now
    )
    note_health(connection, system.id, state="ok", now=now, system="what the site declares")


def frame_rules(project: Project) -> list[Rule]:
    """Give the project's frame rules with parsed conditions; `Misconfigured` names a bad one."""
    return [_rule(project, given) for given in project.frames]


def _rule(project: Project, given: FrameRule) -> Rule:
    source = project.source(given.source)
    mapped = source.tag_map.equipment_scheme if source.tag_map else ""
    scheme = given.equipment_scheme or mapped or f"{source.code}:equipment"
    try:
        phases = {name: Condition(text) for name, text in given.phases.items()}
    except ValueError as error:
        raise Misconfigured(f"frames of {given.equipment}: {error}") from error
    return Rule(
        source=given.source,
        equipment=Identifier(scheme=scheme, value=given.equipment),
        batch_tag=given.batch_tag,
        batch_scheme=given.batch_scheme,
        name=given.name,
        gap_s=given.gap_s,
        min_s=given.min_s,
        phases=phases,
    )
