"""Whatever happens to the demo plant's statements, in whatever order: one state, on both engines.

Systems say, correct, repeat and withdraw, old versions arrive late; people decide that names are one thing or two,
which value counts and which rule holds, and take it back. What comes of it is what a hub comes to that was given the
rules and decisions that stand first, and then every document once, in order.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import getrandbits
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from hub.demo.mess import MESS
from hub.resolve.conflicts import NoSuchVoice
from hub.store.links import Decision
from hub.store.rules import Rule, Tolerance
from tests.conftest import _copied
from tests.databases import ENGINES
from tests.resolve.demo_documents import EARLY, IN_SAMPLES, RECORD, STORIES, Paper, Plant, alter, renumber
from tests.resolve.people import Judged, impose
from tests.resolve.stage import Stage
from tests.resolve.worlds import Decided

pytestmark = pytest.mark.hypothesis
IS_NIGHT = settings.get_current_profile_name() == "nightly"
EXAMPLES = 10_000 if IS_NIGHT else 300
PARTS = 2 if IS_NIGHT else 1
"""Into which the examples are cut: by night two processes share them."""
ON_POSTGRES = 3 if IS_NIGHT else 10
"""In one of how many it happens on PostgreSQL and is told in order on SQLite; in the others the other way round."""

RULES = (
    Rule("batch", "actual_size", "system", ("MES", "ERP")),
    Rule("batch", "actual_size", "system", ("ERP", "MES"), Tolerance(0.05)),
    Rule("batch", "actual_size", "latest", ("MES",)),
    Rule("batch", "actual_start", "widest", ("MES",)),
    Rule("batch", "planned_start", "widest", ("ERP",)),
    Rule("batch", "*", "latest", ("LIMS", "ERP", "MES")),
    Rule("*", "*", "earliest", ("HISTORIAN", "LIMS", "MES", "ERP")),
    Rule("material_lot", "expires_at", "latest", ("MES",)),
    Rule("material_lot", "disposition", "system", ("ERP", "LIMS")),
    Rule("material_lot", "quantity", "system", ("MES", "ERP"), Tolerance(absolute=500.0, unit="g")),
    Rule("material_definition", "description", "union", ("MES",)),
    Rule("equipment", "description", "system", ("ERP", "MES")),
    Rule("material_actual", "quantity", "system", ("ERP", "MES"), Tolerance(0.0)),
    Rule("material_actual", "quantity", "system", ("MES", "ERP"), Tolerance(0.1)),
)


# ------------------------------------------------------------------------------------------ what happens
@dataclass(frozen=True)
class Act:
    """Something that happens, and with what chunk the hub resolves after it; 0 when it does not yet."""

    what: Literal["say", "judge", "unjudge", "settle", "reopen", "rule"]
    chunk: int
    paper: Paper | None = None
    rule: Rule | None = None
    pick: tuple[int, int, int] = (0, 0, 0)
    """Numbers that choose among what is there when it happens."""


_DISPUTED = ("size-conflict",) * 6
"""The story in which systems contradict each other comes often, and whole, so that people have something to decide."""
_PICK = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
_CHUNK = st.sampled_from((0, 0, 4000, 0, 0, 5, 0))
_CHANGES = st.lists(st.sampled_from(("corrected", "was otherwise", "gone", "back")), max_size=2, unique=True)


@st.composite
def acts(draw: st.DrawFn, plant: Plant) -> list[Act]:
    """Draw what happens: all versions of a few documents, some again, and what people do, in any order."""
    told = draw(st.sampled_from([*sorted(STORIES), *_DISPUTED]).map(plant.of))
    few = len(told) if told == plant.of(_DISPUTED[0]) else 1
    places = draw(st.lists(st.sampled_from(told), min_size=few, max_size=3, unique=True))
    other = draw(st.none() | st.sampled_from(sorted(plant.papers)))
    places += [other] if other is not None and other not in places else []
    papers = [version for place in places for version in _history(draw, plant, plant.papers[place])]
    again = draw(st.lists(st.sampled_from(papers), max_size=2))
    people = draw(
        st.lists(
            st.sampled_from(("judge", "judge", "unjudge", "settle", "reopen", "rule")), min_size=2, max_size=5
        )
    )
    happens = [
        *(Act("say", draw(_CHUNK), paper=p) for p in (*papers, *again)),
        *(Act(w, draw(_CHUNK), rule=draw(st.sampled_from(RULES)), pick=draw(_PICK)) for w in people),
    ]
    return draw(st.permutations(happens))


def _history(draw: st.DrawFn, plant: Plant, real: Sequence[Paper]) -> list[Paper]:
    """Give the versions of a document: the real ones, and what else may happen to a document."""
    first, last = real[0], real[-1]
    versions = list(real)
    for change in draw(_CHANGES):
        number = versions[-1].told.version + 1
        if change == "was otherwise":
            versions.insert(0, alter(plant, first, draw(_PICK), number=first.told.version - 1))
        elif change == "corrected":
            versions.append(alter(plant, last, draw(_PICK), number=number))
        elif change == "gone":
            versions.append(_withdraw(last, number))
        else:
            versions.append(Paper(last.system, renumber(last.told, number)))
    return versions


def _withdraw(paper: Paper, number: int) -> Paper:
    """Give the deletion of a document; there is nothing in it that could not be read."""
    silent = replace(paper.told, said=(), faults=(), unreadable=False)
    return Paper(paper.system, replace(silent, version=number, deleted=True))


# --------------------------------------------------------------------------------------- how it goes on
class Play:
    """Acts on a stage; it keeps what people decided that stands."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.judged: list[tuple[Judged, int]] = []
        self.settled: list[Decided] = []
        self.rules: list[Rule] = []
        stage.begin()

    def act(self, act: Act) -> bool:
        """Let something happen; tells whether it did, for a person may find nothing to do yet."""
        done: bool = getattr(self, act.what)(act)
        if act.chunk:
            self.stage.resolve(act.chunk)
        return done

    def end(self, waiting: Sequence[Act]) -> None:
        """Let people do what they had to wait for, when everything has been said."""
        for act in waiting:
            self.stage.resolve()
            self.act(act)
        self.stage.resolve()

    def say(self, act: Act) -> bool:
        """A system says something."""
        assert act.paper is not None
        self.stage.hear([act.paper])
        return True

    def judge(self, act: Act) -> bool:
        """A person decides about two names; those of one thing are kept apart."""
        by_type = self.stage.known()
        if not by_type:
            return False
        kind = sorted(by_type)[act.pick[0] % len(by_type)]
        names = by_type[kind]
        one = names[act.pick[1] % len(names)]
        others = [n for n in names if n != one]
        others = [n for n in others if n.entity_id == one.entity_id] or others
        other = others[act.pick[2] % len(others)]
        decision: Decision = "apart" if other.entity_id == one.entity_id else "same"
        said = Judged(kind, (f"{one.scheme}|{one.value}", f"{other.scheme}|{other.value}"), decision)
        link_id = self.stage.judge(said)
        if link_id is not None:
            self.judged.append((said, link_id))
        return True

    def unjudge(self, act: Act) -> bool:
        """A person takes a decision about names back."""
        if not self.judged:
            return False
        _, link_id = self.judged.pop(act.pick[0] % len(self.judged))
        self.stage.unjudge(link_id)
        return True

    def settle(self, act: Act) -> bool:
        """A person decides a conflict."""
        found = sorted(
            self.stage.conflicts(),
            key=lambda c: (c["entity_type"], c["entity"]["code"] or "", c["attribute"]),
        )
        if found:
            conflict = found[act.pick[0] % len(found)]
            voices = sorted(s["source"] for s in conflict["statements"])
            try:
                decided = self.stage.settle(conflict["place"], voices[act.pick[1] % len(voices)])
            except NoSuchVoice:  # it was withdrawn, which the hub has not resolved yet
                return False
            self.settled.append(decided)
        return bool(found)

    def reopen(self, act: Act) -> bool:
        """A person takes such a decision back."""
        if not self.settled:
            return False
        self.stage.reopen(self.settled.pop(act.pick[0] % len(self.settled)))
        return True

    def rule(self, act: Act) -> bool:
        """A person changes a rule."""
        assert act.rule is not None
        self.rules.append(act.rule)
        self.stage.rule(act.rule)
        return True


def in_order(plain: Stage, play: Play, papers: Sequence[Paper]) -> list[str]:
    """Give the dump of a hub that has rules and decisions first, and is told each document once, in order."""
    plain.begin()
    for rule in play.rules:
        plain.rule(rule)
    impose(plain, [said for said, _ in play.judged])
    plain.hear(sorted(papers, key=lambda p: (p.place, p.told.version)))
    plain.resolve()
    for decided in play.settled:
        plain.decide(decided)
    return plain.dump()


# ---------------------------------------------------------------------------------------------- the test
PAIRS = (ENGINES,) if os.environ.get("PLANTWIDE_TEST_POSTGRES") else (ENGINES, ("sqlite", "sqlite"))
"""Without a server the pair of two engines says so by name, and two stores on SQLite are the next best thing."""


@pytest.fixture(scope="module", params=PAIRS, ids=" and ".join)
def stages(
    request: pytest.FixtureRequest, plant_documents: Plant, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Stage]]:
    """Two stores, on SQLite and on PostgreSQL where there is a server."""
    with ExitStack() as stack:
        opened: list[Stage] = []
        for engine in request.param:
            url = stack.enter_context(_copied(request, engine, tmp_path_factory.mktemp("stage")))
            stage = Stage(url)
            stage.open(plant_documents)
            stack.callback(stage.close)
            opened.append(stage)
        yield opened


def test_the_documents_hold_every_kind_of_record_of_the_plant_and_every_mess(plant_documents: Plant) -> None:
    assert set(plant_documents.records) == plant_documents.types
    assert set(STORIES) - {"how it works"} | IN_SAMPLES == set(MESS)
    assert [len(plant_documents.papers[p]) for p in (RECORD, EARLY)] == [3, 2]
    (broken,) = (
        p for place in plant_documents.of("broken-document")[:1] for p in plant_documents.papers[place]
    )
    assert broken.told.unreadable


@pytest.mark.parametrize("turn", [1, -1])
def test_what_was_decided_about_a_thing_that_is_gone_has_no_effect(
    plant_documents: Plant, stages: list[Stage], turn: int
) -> None:
    stage, plain = stages[::turn]
    places = plant_documents.of("size-conflict")
    papers = [paper for place in places for paper in plant_documents.papers[place]]
    play = Play(stage)
    stage.hear(papers)
    stage.resolve()
    assert play.act(Act("settle", 0))
    settled = play.settled[0]
    names = {(name.scheme, name.value): name for name in stage.known()[settled.entity_type]}
    mine = names[settled.scheme, settled.value]
    other = next(name for name in names.values() if name.entity_id != mine.entity_id)
    ours, theirs = (f"{name.scheme}|{name.value}" for name in (mine, other))
    said = Judged(settled.entity_type, (ours, theirs), "same")
    link_id = stage.judge(said)
    assert link_id is not None
    play.judged.append((said, link_id))
    last = [plant_documents.papers[place][-1] for place in places]
    gone = [_withdraw(paper, paper.told.version + 1) for paper in last]
    stage.hear(gone)
    play.end([])
    assert stage.dump() == in_order(plain, play, [*papers, *gone])


@pytest.mark.parametrize("part", range(PARTS))
def test_any_interleaving_gives_one_state_on_both_engines(
    plant_documents: Plant, stages: list[Stage], part: int
) -> None:
    """All of it happens on one engine, and in order on the other."""

    @seed(getrandbits(64) if IS_NIGHT else part)
    @settings(
        max_examples=EXAMPLES // PARTS,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(
        drawn=acts(plant_documents),
        is_played_embedded=st.integers(1, ON_POSTGRES).map(lambda n: n > 1),
        is_rebuilt=st.integers(0, 9).map(lambda n: n == 9),
    )
    def hold(drawn: list[Act], is_played_embedded: bool, is_rebuilt: bool) -> None:
        stage, plain = stages if is_played_embedded else stages[::-1]
        play = Play(stage)
        play.end([act for act in drawn if not play.act(act)])
        expected = in_order(plain, play, [act.paper for act in drawn if act.paper])
        assert stage.dump() == expected, stage.database.dialect
        if is_rebuilt:
            stage.rebuild()
            assert stage.dump() == expected, stage.database.dialect

    hold()
