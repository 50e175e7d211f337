"""What is cut to keep two apart: exactly the links on a way between them."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from hub.resolve.parting import cut_between

Links = dict[str, set[int]]
graphs = st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=3), max_size=6).map(
    lambda some: {f"link {n}": groups for n, groups in enumerate(some)}
)


def ways(links: Links, start: int, end: int) -> Iterator[list[str]]:
    """Every way from group to group that passes none of them, and no link, twice."""

    def go(here: int, passed: set[int], taken: list[str]) -> Iterator[list[str]]:
        if here == end:
            yield taken
            return
        for link, groups in links.items():
            if link in taken or here not in groups:
                continue
            for there in groups - passed:
                yield from go(there, passed | {there}, [*taken, link])

    yield from go(start, {start}, [])


@given(links=graphs, one=st.integers(0, 5), other=st.integers(0, 5))
def test_every_link_on_a_way_between_them_is_cut_and_no_other(links: Links, one: int, other: int) -> None:
    on_a_way = {link for way in ways(links, one, other) for link in way} if one != other else set[str]()
    assert cut_between(links, [(one, other)]) == on_a_way


@given(links=graphs, apart=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=3))
def test_nothing_leads_any_more_from_one_to_the_other(links: Links, apart: set[tuple[int, int]]) -> None:
    cut = cut_between(links, apart)
    left = {link: groups for link, groups in links.items() if link not in cut}
    assert [pair for pair in apart if pair[0] != pair[1] and next(ways(left, *pair), None) is not None] == []
