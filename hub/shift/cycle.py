"""One cycle: read sources, resolve what they said, find runs in signals, resolve those."""

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from hub.ingest.replay import Replayed, replay
from hub.ingest.runner import Desk, Outcome
from hub.ingest.sources import FeatureGiven, FrameRule, IdentityFile, Project, Source
from hub.ingest.sync import sync_sources
from hub.insight.declared import Declaration, derive_features
from hub.insight.features import Feature
from hub.insight.statistics import STATISTICS
from hub.model import Identifier
from hub.model.mastered import MASTERED
from hub.resolve.conditions import Condition
from hub.resolve.deriving import derive_frames
from hub.resolve.frames import FrameRule as Rule
from hub.resolve.meanwhile import resolved_meanwhile
from hub.resolve.resolution import prepare, resolve, resolve_again
from hub.resolve.ruling import RuleError, take_up_rules
from hub.sdk import Misconfigured, Window
from hub.store.database import Connection
from hub.store.rules import Rule as PrecedenceRule
from hub.store.rules import Tolerance
from hub.store.schemes import Approval, save_scheme_groups, version_in_force
from hub.store.statements import Said, Told, list_live_keys, store_documents
from hub.store.stating import link, renumber
from hub.store.systems import ensure_system, note_health

ACTOR = "hub.shift"
CROSSWALK = "crosswalk"
Resolving = Callable[[int, int], None]


@dataclass
class Cycle:
    """What a cycle did."""

    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    statements: int = 0
    frames: int = 0
    features: int = 0
    whitelist: int = 0
    """The version of the identity whitelist that came into force, 0 when none did."""

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
    cycle = Cycle(whitelist=settle_project(desk, project))
    chosen = project.sources if sources is None else sources
    with resolved_meanwhile(desk.database, clock=desk.clock) as done:
        cycle.outcomes = sync_sources(desk, chosen, within, resting=resting)
    cycle.statements = done.statements
    cycle.statements += resolve(desk.database, clock=desk.clock, progress=resolving).statements
    if project.frames:
        cycle.frames = derive_frames(desk.database, frame_rules(project), now=desk.clock(), actor=ACTOR)
        cycle.statements += resolve(desk.database, clock=desk.clock, progress=resolving).statements
    declared = feature_declaration(project)
    cycle.features = derive_features(desk.database, declared, now=desk.clock(), actor=ACTOR)
    if cycle.features:
        cycle.statements += resolve(desk.database, clock=desk.clock, progress=resolving).statements
    return cycle


def read_again(desk: Desk, project: Project, ids: Collection[int] | None = None) -> Replayed:
    """Read quarantined documents again (all, or those with these ids) and resolve what is readable now."""
    done = replay(desk, project.sources, ids)
    resolve(desk.database, clock=desk.clock)
    return done


def settle_project(desk: Desk, project: Project) -> int:
    """Store the project's rules; what changed in them is applied to everything at once.

    Gives the version of the identity whitelist that came into force, 0 when none did.

    Raises `Misconfigured` for a precedence rule that nothing could follow.
    """
    now: datetime = desk.clock()
    prepare(desk.database, now=now)
    with desk.database.begin(ACTOR, at=now, alone=True) as connection:
        changed = _whitelist(connection, project.identity, now=now, by=desk.operator)
        _declare(connection, project, now)
        _rule_precedence(connection, project, now)
        version = version_in_force(connection)
    if not changed:
        return 0
    resolve_again(desk.database, clock=desk.clock)
    return version


def _whitelist(connection: Connection, identity: IdentityFile, *, now: datetime, by: str) -> bool:
    """Take up the whitelist as a new version where it differs; tell whether another one is in force now."""
    given = identity.approved
    approval = Approval(given.by, given.reason, given.effective_from) if given else None
    return save_scheme_groups(connection, identity.normalised, now=now, by=by, approval=approval)


def _rule_precedence(connection: Connection, project: Project, now: datetime) -> None:
    """Take up the precedence rules of the project that are new or say something else than before."""
    rules = [
        PrecedenceRule(
            given.entity_type,
            given.attribute,
            given.strategy,
            given.order,
            Tolerance(given.tolerance.relative, given.tolerance.absolute, given.tolerance.unit),
            effective_from=given.effective_from,
            approved_by=given.approved_by,
            reason=given.reason,
        )
        for given in project.rules
    ]
    codes = {code for s in (*project.sources, *project.delivered) for code in (s.code, f"{s.code}.frames")}
    try:
        take_up_rules(connection, rules, now=now, expected=codes)
    except RuleError as error:
        raise Misconfigured(f"{project.folder / 'rules.yaml'}: {error}") from error


def _declare(connection: Connection, project: Project, now: datetime) -> None:
    """Store what the site declares to be one thing as statements of a source of its own."""
    system = ensure_system(connection, CROSSWALK, "MANUAL", now=now)
    documents = list(_declarations(project.identity))
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
        connection,
        system_id=system.id,
        stream=CROSSWALK,
        connector=CROSSWALK,
        documents=documents,
        now=now,
        own=True,
    )
    note_health(connection, system.id, state="ok", now=now, system="what the site declares")


def _declarations(identity: IdentityFile) -> Iterator[Told]:
    for entity_type, things in identity.declared.items():
        for names in things:
            if len(names) > 1:
                key = f"{names[0].scheme}|{names[0].value}"
                yield _declaration(entity_type, key, said=link(entity_type, names))
    for entity_type, changes in identity.renumbered.items():
        for change in changes:
            said = renumber(entity_type, change.name, replaces=change.replaces, at=change.at)
            key = f"{change.name.scheme}|{change.name.value} renumbered"
            yield _declaration(entity_type, key, said=said)


def _declaration(entity_type: str, key: str, *, said: Said) -> Told:
    return Told(
        object_type=entity_type,
        source_key=key,
        payload=orjson.dumps(said.body, option=orjson.OPT_SORT_KEYS).decode(),
        media_type="application/json",
        version=0,
        source_time=None,
        said=[said],
    )


def frame_rules(project: Project) -> list[Rule]:
    """Give the project's frame rules with parsed conditions; `Misconfigured` names a bad one."""
    return [_rule(project, given) for given in project.frames]


def feature_declaration(project: Project) -> Declaration:
    """Give the project's features with parsed conditions; `Misconfigured` names a bad one."""
    given = project.features
    approved = given.approved
    told = {} if approved is None else {"by": approved.by, "reason": approved.reason}
    return Declaration([_feature(project, one) for one in given.features], told)


def _feature(project: Project, given: FeatureGiven) -> Feature:
    place = f"{project.folder / 'features.yaml'}: {given.name}"
    if given.statistic not in STATISTICS:
        raise Misconfigured(
            f"{place}: unknown statistic {given.statistic!r}", remedy=f"known: {', '.join(STATISTICS)}"
        )
    if (given.statistic == "duration_in_state") != (given.state is not None):
        raise Misconfigured(
            f"{place}: `state` goes with the statistic duration_in_state, and it with `state`"
        )
    try:
        where = Condition(given.where) if given.where else None
    except ValueError as error:
        raise Misconfigured(f"{place}: {error}") from error
    return Feature(
        name=given.name,
        tag=given.tag,
        statistic=given.statistic,
        phase=given.phase,
        occurrence=given.occurrence,
        where=where,
        state=given.state,
        max_gap=None if given.max_gap_s is None else timedelta(seconds=given.max_gap_s),
        without_holds=given.holds == "exclude",
        description=given.description,
    )


def _rule(project: Project, given: FrameRule) -> Rule:
    tag_map = project.tag_map(given.source)
    mapped = tag_map.equipment_scheme if tag_map else ""
    scheme = given.equipment_scheme or mapped or f"{given.source}:equipment"
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
