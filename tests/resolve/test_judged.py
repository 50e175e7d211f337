"""People decide which names are one thing: their word stands, can be taken back, and leaves nothing behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.model import Identifier, MaterialLot, Tag
from hub.resolve.components import keeps_apart
from hub.resolve.judged import Contradicted, NotDecidable, NothingToUndo, UnknownName, judge, undo
from hub.store.identifiers import all_names, find_names, names_by_id
from hub.store.links import Decision, Link, links_touching, pair_of, settle_links
from hub.store.tables import link_decision
from tests.resolve.people import Judged, impose
from tests.resolve.worlds import NOW, Version, World, versions

pytestmark = pytest.mark.hypothesis  # examples are drawn inside the tests: how many depends on the engine


def few(world: World) -> settings:
    """A fifth of the profile's examples, for each costs dozens of transactions; fewer by day on PostgreSQL."""
    profile = settings()
    is_quick = world.database.dialect == "sqlite" or settings.get_current_profile_name() == "nightly"
    return settings(
        max_examples=profile.max_examples // (5 if is_quick else 12),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


@pytest.fixture(scope="module")
def plain(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store on SQLite that is told everything at once, and every standing decision before that."""
    path = tmp_path_factory.mktemp("plain") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    one = World(f"sqlite:///{path}")
    yield one
    one.database.close()


TYPES = ("batch", "material_lot", "operations_request")


def draw_decision(world: World, data: st.DataObject) -> Judged | None:
    """Draw a decision about two names that the hub knows by now; None when it knows no two of a type."""
    known: dict[str, list[str]] = {}
    with world.database.read() as connection:
        for name_ids in (all_names(connection)[kind] for kind in TYPES if kind in all_names(connection)):
            for name in names_by_id(connection, name_ids).values():
                known.setdefault(name.entity_type, []).append(f"{name.scheme}|{name.value}")
    several = {kind: sorted(names) for kind, names in known.items() if len(names) > 1}
    if not several:
        return None
    kind = data.draw(st.sampled_from(sorted(several)))
    one, other = data.draw(st.permutations(several[kind]))[:2]
    return Judged(kind, (one, other), data.draw(st.sampled_from(("same", "apart"))))


def decide(world: World, said: Judged) -> int | None:
    """Decide; None when the hub refuses."""
    try:
        return judge(
            world.database,
            said.entity_type,
            said.names,
            decision=said.decision,
            reason="looked at both",
            by="QA",
            clock=lambda: NOW,
        )
    except (Contradicted, UnknownName):
        return None


def take_back(world: World, link_id: int) -> None:
    undo(world.database, link_id, reason="was wrong", by="QA", clock=lambda: NOW)


def test_the_state_follows_from_statements_and_standing_decisions_in_whatever_order(
    world: World, plain: World
) -> None:
    @few(world)
    @given(drawn=versions(), data=st.data())
    def hold(drawn: list[Version], data: st.DataObject) -> None:
        world.begin()
        standing: dict[int, Judged] = {}
        for event in data.draw(st.permutations([*drawn, "decide", "decide", "decide", "undo"])):
            if isinstance(event, Version):
                world.take([event])
                if data.draw(st.booleans()):
                    world.resolve(data.draw(st.integers(1, 6)))
            elif event == "undo" and standing:
                gone = data.draw(st.sampled_from(sorted(standing)))
                take_back(world, gone)
                del standing[gone]
            elif (said := draw_decision(world, data)) and (link_id := decide(world, said)):
                standing[link_id] = said
        world.resolve()
        plain.begin()
        impose(plain, data.draw(st.permutations(list(standing.values()))))
        plain.take(drawn)
        plain.resolve()
        expected = plain.dump()
        assert world.dump() == expected
        world.rebuild()
        assert world.dump() == expected

    hold()


def test_a_decision_undone_gives_back_the_state_byte_for_byte(world: World) -> None:
    @few(world)
    @given(drawn=versions(), data=st.data())
    def hold(drawn: list[Version], data: st.DataObject) -> None:
        world.begin()
        world.take(drawn)
        world.resolve()
        before = world.dump()
        said = draw_decision(world, data)
        link_id = decide(world, said) if said else None
        assume(link_id is not None)
        take_back(world, link_id or 0)
        assert world.dump() == before

    hold()


def test_a_merge_undone_leaves_a_hub_as_one_that_never_merged_whatever_came_in_between(
    world: World, plain: World
) -> None:
    @few(world)
    @given(drawn=versions(), later=versions(), chunk=st.integers(1, 6), data=st.data())
    def hold(drawn: list[Version], later: list[Version], chunk: int, data: st.DataObject) -> None:
        since = [Version(v.system, v.key, v.number + 10, v.records, v.deleted) for v in later]
        for one in (world, plain):
            one.begin()
            one.take(drawn)
            one.resolve()
        said = draw_decision(world, data)
        link_id = decide(world, said) if said else None
        assume(link_id is not None)
        for one in (world, plain):
            one.take(since)
            one.resolve(chunk)
        take_back(world, link_id or 0)
        assert world.dump() == plain.dump()

    hold()


# ------------------------------------------------------------------------------ what is refused, and why
LOT, SAP = "mes:material_lot|L-1", "erp:material_lot|L1"


def lot(system: str, key: str, value: str, *also: Identifier, number: int = 1) -> Version:
    return Version(system, key, number, (MaterialLot(id=Identifier(value=value), also=also),))


def things(world: World) -> set[frozenset[str]]:
    """The names of lots in use, those of one thing together."""
    found: dict[str, set[str]] = {}
    for line in world.dump():
        kind, key, *rest = orjson.loads(line)
        if kind == "identifier" and key[0] == "material_lot":
            found.setdefault(rest[0]["of"], set()).add(f"{key[1]}|{key[2]}")
    return {frozenset(names) for names in found.values()}


def contradicted(world: World) -> list[bool]:
    """Of the standing decisions to keep apart, whether the two are one thing all the same."""
    with world.database.read() as connection:
        return [k.is_contradicted for k in links_touching(connection, range(100)) if keeps_apart(k)]


@pytest.fixture
def two_lots(world: World) -> World:
    """A lot that MES and ERP write differently, as one thing."""
    world.begin()
    world.take([lot("mes", "d1", "L-1"), lot("erp", "d1", "L1"), lot("mes", "d2", "M-7")])
    world.resolve()
    return world


def say(world: World, decision: Decision, one: str, other: str, kind: str = "material_lot") -> int:
    return judge(
        world.database,
        kind,
        (one, other),
        decision=decision,
        reason="checked on the label",
        by="A. Steward",
        clock=lambda: NOW,
    )


def test_names_joined_by_their_form_are_parted_and_joined_again_when_that_is_undone(two_lots: World) -> None:
    assert frozenset({LOT, SAP}) in things(two_lots)
    kept = say(two_lots, "apart", LOT, SAP)
    assert {frozenset({LOT}), frozenset({SAP})} <= things(two_lots)
    take_back(two_lots, kept)
    assert frozenset({LOT, SAP}) in things(two_lots)


def test_a_pair_is_decided_once_until_that_is_undone(two_lots: World) -> None:
    kept = say(two_lots, "apart", LOT, SAP)
    for decision in ("apart", "same"):
        with pytest.raises(Contradicted, match=f"decision {kept} says already that the two are kept apart"):
            say(two_lots, decision, SAP, LOT)
    take_back(two_lots, kept)
    assert say(two_lots, "same", LOT, SAP) > kept


def test_names_that_firm_links_join_are_not_kept_apart_and_the_way_is_named(two_lots: World) -> None:
    other = "mes:material_lot|M-7"
    joined = say(two_lots, "same", SAP, other)
    two_lots.take([lot("mes", "d2", "M-7", Identifier(scheme="lims:material_lot", value="X"), number=2)])
    two_lots.resolve()
    with pytest.raises(Contradicted, match="the two are one thing because") as refused:
        say(two_lots, "apart", SAP, "lims:material_lot|X")
    assert [({s.one, s.other}, s.method) for s in refused.value.path] == [
        ({SAP, other}, "human"),
        ({other, "lims:material_lot|X"}, "declared"),
    ]
    assert refused.value.path[0].link_id == joined


def test_names_kept_apart_are_not_joined_over_a_third(two_lots: World) -> None:
    other = "mes:material_lot|M-7"
    kept = say(two_lots, "apart", LOT, SAP)
    say(two_lots, "same", LOT, other)
    with pytest.raises(Contradicted, match=f"which decision {kept} keeps apart"):
        say(two_lots, "same", other, SAP)


def test_a_later_declaration_joins_what_is_kept_apart_and_withdrawn_parts_it_again(two_lots: World) -> None:
    say(two_lots, "apart", LOT, SAP)
    two_lots.take([lot("erp", "d1", "L1", Identifier(scheme="mes:material_lot", value="L-1"), number=2)])
    two_lots.resolve()
    assert frozenset({LOT, SAP}) in things(two_lots)
    assert contradicted(two_lots) == [True]
    two_lots.take([lot("erp", "d1", "L1", number=3)])
    two_lots.resolve()
    assert {frozenset({LOT}), frozenset({SAP})} <= things(two_lots)
    assert contradicted(two_lots) == [False]


@pytest.mark.parametrize(
    ("kind", "names", "error", "why"),
    [
        ("material_lot", (LOT, "erp:material_lot|L-99"), UnknownName, r"no source has used .*L-99"),
        ("material_lot", (LOT, LOT), NotDecidable, "is one name"),
        ("material_lot", (LOT, "no scheme"), UnknownName, "no source has used no scheme"),
        ("batch", (LOT, SAP), UnknownName, "for a batch"),
    ],
    ids=["a name nobody uses", "one name twice", "no name at all", "names of another type"],
)
def test_only_two_known_names_of_the_type_are_decided_about(
    two_lots: World, kind: str, names: tuple[str, str], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        say(two_lots, "same", *names, kind)


def test_tags_are_never_linked_because_their_samples_are_their_own(world: World) -> None:
    world.begin()
    world.take([Version("mes", n, 1, (Tag(id=Identifier(value=n)),)) for n in ("t1", "t2")])
    world.resolve()
    with pytest.raises(NotDecidable, match="names of a tag are never linked"):
        say(world, "same", "mes:tag|t1", "mes:tag|t2", "tag")


def test_only_a_standing_decision_is_undone(two_lots: World) -> None:
    kept = say(two_lots, "apart", LOT, SAP)
    take_back(two_lots, kept)
    for link_id in (kept, 10**6):
        with pytest.raises(NothingToUndo, match=f"no decision {link_id} stands"):
            take_back(two_lots, link_id)


def test_a_link_that_the_hub_found_cannot_be_undone_only_decided_against(two_lots: World) -> None:
    with two_lots.database.read() as connection:
        (found,) = (k for k in links_touching(connection, range(100)) if k.method == "normalised")
    with pytest.raises(NothingToUndo):
        take_back(two_lots, found.id)


def test_a_decision_stands_through_a_rebuild(two_lots: World) -> None:
    say(two_lots, "apart", LOT, SAP)
    before = two_lots.dump()
    two_lots.rebuild()
    assert two_lots.dump() == before
    assert {frozenset({LOT}), frozenset({SAP})} <= things(two_lots)


def test_who_decided_why_and_on_what_evidence_is_kept_also_when_it_is_undone(two_lots: World) -> None:
    kept = say(two_lots, "apart", LOT, SAP)
    undo(two_lots.database, kept, reason="the label was misread", by="B. Steward", clock=lambda: NOW)
    with two_lots.database.read() as connection:
        (row,) = connection.execute(select(link_decision).where(link_decision.c.id == kept)).mappings()
    assert (row["state"], row["decision"], row["decided_by"], row["reason"]) == (
        "reversed",
        "apart",
        "A. Steward",
        "checked on the label",
    )
    assert (row["undone_by"], row["undone_reason"]) == ("B. Steward", "the label was misread")
    assert row["evidence"] == {
        "seen": [{"method": "normalised", "state": "confirmed", "names": sorted((LOT, SAP)), "norm": "L1"}]
    }


def test_two_names_of_one_thing_are_decided_about_while_a_proposal_leads_from_it_to_another(
    two_lots: World,
) -> None:
    """A proposal joins nothing, so the name at its other end is none of those that are looked at."""
    with two_lots.database.begin("test") as connection:
        keys = [("material_lot", "mes:material_lot", value) for value in ("L-1", "M-7")]
        one, other = (name.id for name in find_names(connection, keys).values())
        proposal = Link(pair_of(one, other), "rule", "proposed", {"rule": "produced lot"})
        settle_links(
            connection,
            "material_lot",
            standing=[],
            wanted={proposal.pair: proposal},
            by="test",
            now=NOW,
        )
    say(two_lots, "apart", LOT, SAP)
    assert {frozenset({LOT}), frozenset({SAP})} <= things(two_lots)
