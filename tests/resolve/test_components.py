"""Names become things by links; a person's word stands above whatever the hub finds by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import normalise
from hub.resolve.components import OUTPUT_RULE, partition
from hub.store.identifiers import Name
from hub.store.links import Link, pair_of

GROUPS = {
    "mes:lot": frozenset({0, 1}),
    "erp:lot": frozenset({0}),
    "lims:lot": frozenset({1}),
}


def name(number: int, scheme: str, value: str) -> Name:
    return Name(number, "material_lot", f"{scheme}:lot", value, value, normalise(value), 0, 0, "native")


MES, ERP, LIMS = name(1, "mes", "A-1"), name(2, "erp", "A1"), name(3, "lims", "a 1")
TWIN, OTHER = name(4, "mes", "A 1"), name(5, "mes", "X")
EVERYBODY = [MES, ERP, LIMS, TWIN, OTHER]
STATED = {n.id for n in EVERYBODY}


def link(one: Name, other: Name, method: str, state: str = "confirmed") -> Link:
    evidence = {"rule": OUTPUT_RULE} if method == "rule" else None
    return Link(pair_of(one.id, other.id), method, state, evidence)


def same(one: Name, other: Name) -> Link:
    return link(one, other, "human")


def apart(one: Name, other: Name) -> Link:
    return link(one, other, "human", "rejected")


def things(names: list[Name], *links: Link) -> set[frozenset[int]]:
    found = partition(names, links, groups=GROUPS, stated=STATED)
    return {frozenset(n.id for n in some) for some in found.components}


def test_equal_forms_join_inside_a_group_and_through_a_name_that_two_groups_share() -> None:
    assert things([MES, ERP, LIMS]) == {frozenset({1, 2, 3})}


def test_two_names_kept_apart_make_their_form_ambiguous() -> None:
    assert things([MES, ERP], apart(MES, ERP)) == {frozenset({1}), frozenset({2})}


def test_only_the_form_in_question_joins_nothing_the_other_group_still_does() -> None:
    assert things([MES, ERP, LIMS], apart(MES, ERP)) == {frozenset({1, 3}), frozenset({2})}


def test_names_joined_through_a_third_are_parted_on_both_sides_of_it() -> None:
    assert things([MES, ERP, LIMS], apart(ERP, LIMS)) == {frozenset({n}) for n in (1, 2, 3)}


def test_what_a_source_declares_joins_whatever_a_person_says() -> None:
    assert things([MES, ERP], link(MES, ERP, "declared"), apart(MES, ERP)) == {frozenset({1, 2})}


def test_an_automatic_link_yields_to_a_person_where_a_declared_one_leads_to_it() -> None:
    parted = things([MES, ERP, OTHER], link(ERP, OTHER, "declared"), apart(MES, OTHER))
    assert parted == {frozenset({1}), frozenset({2, 5})}


def test_the_link_of_an_order_s_output_yields_to_a_person() -> None:
    assert things([ERP, OTHER], link(ERP, OTHER, "rule")) == {frozenset({2, 5})}
    assert things([ERP, OTHER], link(ERP, OTHER, "rule"), apart(ERP, OTHER)) == {
        frozenset({2}),
        frozenset({5}),
    }


def test_two_names_of_one_system_that_a_person_joined_are_one_candidate() -> None:
    assert things([MES, TWIN, ERP]) == {frozenset({1}), frozenset({4}), frozenset({2})}
    assert things([MES, TWIN, ERP], same(MES, TWIN)) == {frozenset({1, 2, 4})}


def test_a_link_over_a_name_that_nobody_uses_any_more_still_holds_by_a_person_s_word() -> None:
    assert things([ERP, OTHER], same(ERP, TWIN), same(TWIN, OTHER)) == {frozenset({2, 5})}


@pytest.mark.parametrize(
    ("links", "states"),
    [
        ((), {(1, 2): "proposed", (2, 4): "proposed"}),
        ((apart(MES, ERP),), {(1, 2): "rejected", (2, 4): "proposed"}),
        ((same(MES, ERP),), {(2, 4): "proposed"}),
    ],
    ids=["nobody decided", "one pair kept apart", "one pair joined"],
)
def test_an_ambiguous_form_proposes_what_it_might_be_and_never_two_names_of_one_system(
    links: tuple[Link, ...], states: dict[tuple[int, int], str]
) -> None:
    found = partition([MES, TWIN, ERP], links, groups=GROUPS, stated=STATED)
    assert {pair: k.state for pair, k in found.normalised.items()} == states


def test_each_name_says_by_which_link_it_came() -> None:
    links = (link(ERP, OTHER, "rule"), same(LIMS, TWIN), link(TWIN, OTHER, "declared"))
    found = partition(EVERYBODY, links, groups=GROUPS, stated=STATED)
    assert found.methods == {2: "native", 1: "native", 3: "human", 4: "human", 5: "declared"}


some_links = st.lists(
    st.builds(
        link,
        st.sampled_from(EVERYBODY),
        st.sampled_from(EVERYBODY),
        st.sampled_from(("declared", "human", "rule")),
        st.sampled_from(("confirmed", "rejected")),
    )
    .filter(lambda k: k.pair[0] != k.pair[1])
    .filter(lambda k: k.state == "confirmed" or k.method != "declared"),
    max_size=6,
    unique_by=lambda k: (k.pair, k.method),
)


@given(links=some_links, data=st.data())
def test_the_order_of_names_and_links_is_no_matter(links: list[Link], data: st.DataObject) -> None:
    found = partition(EVERYBODY, links, groups=GROUPS, stated=STATED)
    again = partition(
        data.draw(st.permutations(EVERYBODY)),
        data.draw(st.permutations(links)),
        groups=GROUPS,
        stated=STATED,
    )
    assert again == found


@given(links=some_links)
def test_names_kept_apart_are_one_thing_only_where_firm_links_make_them_one(links: list[Link]) -> None:
    firm = [k for k in links if k.method in ("declared", "human")]
    by_firm = partition(EVERYBODY, firm, groups={}, stated=STATED).components
    for some in partition(EVERYBODY, links, groups=GROUPS, stated=STATED).components:
        ids = {n.id for n in some}
        for kept in (k.pair for k in links if k.method == "human" and k.state == "rejected"):
            if ids.issuperset(kept):
                assert any({n.id for n in one}.issuperset(kept) for one in by_firm)
