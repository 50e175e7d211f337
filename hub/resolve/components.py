"""Which names are one thing, as a pure function of names and links: no order of arrival enters here.

Firm links join whatever happens: what a source declares, what a person decided to be the same. Automatic ones
(an equal comparable form, the output of one order) join as long as no person keeps apart what they lead to.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from hub.resolve.parting import cut_between
from hub.store.identifiers import Name
from hub.store.links import Link, Pair, pair_of
from hub.store.schemes import Groups

OUTPUT_RULE = "output of one order"
"""The one rule that joins without being asked; what others find is proposed."""


@dataclass
class Partition:
    """Names grouped into things, how each came to its thing, and what automatic links came to."""

    components: list[list[Name]] = field(default_factory=list[list[Name]])
    methods: dict[int, str] = field(default_factory=dict[int, str])
    normalised: dict[Pair, Link] = field(default_factory=dict[Pair, Link])
    ruled: dict[Pair, Link] = field(default_factory=dict[Pair, Link])
    contradicted: set[Pair] = field(default_factory=set[Pair])


@dataclass(frozen=True)
class _Class:
    """Names of one whitelisted group with one comparable form."""

    group: int
    norm: str
    names: tuple[Name, ...]
    candidates: int
    is_clear: bool


def is_firm(link: Link) -> bool:
    """Tell whether a link joins whatever else is known."""
    return link.method in ("native", "declared", "human") and link.state == "confirmed"


def keeps_apart(link: Link) -> bool:
    """Tell whether a person keeps these names apart."""
    return link.method == "human" and link.state == "rejected"


def may_join(link: Link) -> bool:
    """Tell whether a link joins, or would if nobody kept apart what it leads to."""
    return is_firm(link) or (link.rule == OUTPUT_RULE and link.state != "reversed")


def partition(
    names: Sequence[Name], links: Iterable[Link], *, groups: Groups, stated: Collection[int]
) -> Partition:
    """Group names that are in use.

    Equality of the comparable form joins inside a whitelisted group when each scheme has at most one
    candidate: two MES numbers that become the same text when stripped make the form ambiguous, and so does a
    person who keeps two of its names apart; nothing is joined by it then. Candidates are names under which a
    source states things (`stated`); names that firm links make one thing are one candidate.
    """
    links = list(links)
    firm = _Forest(i for i in ({n.id for n in names} | {i for k in links for i in k.pair}))
    for link in filter(is_firm, links):
        firm.join(*link.pair)
    apart = {link.pair for link in links if keeps_apart(link)}
    known = {n.id for n in names}
    ruled = [k for k in links if may_join(k) and not is_firm(k) and set(k.pair) <= known]
    classes = list(_classes(names, groups, stated=stated, firm=firm, apart=apart))
    joints = {(c.group, c.norm): [n.id for n in c.names] for c in classes if c.is_clear}
    joints |= {link.pair: list(link.pair) for link in ruled}
    cut = cut_between(
        {joint: {firm.root(i) for i in ids} for joint, ids in joints.items()},
        [pair_of(firm.root(one), firm.root(other)) for one, other in apart],
    )
    things = firm.copy()
    for joint, ids in joints.items():
        if joint not in cut:
            for one in ids[1:]:
                things.join(ids[0], one)
    verdict = _Verdict(things, apart)
    result = Partition(_components(names, things))
    result.contradicted = {pair for pair in apart if firm.root(pair[0]) == firm.root(pair[1])}
    for link in ruled:
        result.ruled[link.pair] = Link(link.pair, "rule", verdict.of(link.pair), link.evidence)
    for one in classes:
        _note(result.normalised, one, stated=stated, verdict=verdict, is_cut=(one.group, one.norm) in cut)
    result.methods = _methods(result, filter(is_firm, links))
    return result


def _classes(
    names: Sequence[Name], groups: Groups, *, stated: Collection[int], firm: "_Forest", apart: set[Pair]
) -> Iterator[_Class]:
    found: dict[tuple[int, str], list[Name]] = defaultdict(list)
    for name in names:
        for group in groups.get(name.scheme, ()):
            if name.norm:
                found[group, name.norm].append(name)
    for (group, norm), same in sorted(found.items()):
        if len(same) < 2:
            continue
        ids = {n.id for n in same}
        candidates = {(n.scheme, firm.root(n.id)) for n in same if n.id in stated}
        is_doubted = any(ids.issuperset(pair) for pair in apart)
        is_single = len({scheme for scheme, _ in candidates}) == len(candidates)
        ordered = tuple(sorted(same, key=lambda n: (n.scheme, n.value)))
        yield _Class(group, norm, ordered, len(candidates), is_single and not is_doubted)


def _note(
    noted: dict[Pair, Link], one: _Class, *, stated: Collection[int], verdict: "_Verdict", is_cut: bool
) -> None:
    """Say of a class which of its names are one thing because of it, or might be.

    A clear class joins all its names to the first. Of one that joins nothing, each name might be any stated
    one of another scheme.
    """
    if one.is_clear and not is_cut:
        for name in one.names[1:]:
            pair = pair_of(one.names[0].id, name.id)
            noted[pair] = Link(pair, "normalised", "confirmed", {"norm": one.norm})
        return
    evidence = {"norm": one.norm, "candidates": one.candidates}
    for a, b in combinations(one.names, 2):
        pair = pair_of(a.id, b.id)
        if a.scheme != b.scheme and (a.id in stated or b.id in stated) and pair not in noted:
            state = verdict.of(pair)
            if state != "confirmed":
                noted[pair] = Link(pair, "normalised", state, evidence)


def _components(names: Sequence[Name], things: "_Forest") -> list[list[Name]]:
    by_root: dict[int, list[Name]] = defaultdict(list)
    for name in names:
        by_root[things.root(name.id)].append(name)
    return sorted(
        (sorted(some, key=lambda n: (n.scheme, n.value)) for some in by_root.values()),
        key=lambda some: (some[0].scheme, some[0].value),
    )


def _methods(result: Partition, firm: Iterable[Link]) -> dict[int, str]:
    """Say how each name came to its thing: by the strongest link at it; the first name is simply its own."""
    found: dict[str, set[int]] = defaultdict(set)
    for link in (*firm, *result.ruled.values(), *result.normalised.values()):
        if link.state == "confirmed":
            found[link.method] |= set(link.pair)
    methods: dict[int, str] = {}
    for first, *others in result.components:
        methods[first.id] = "native"
        for name in others:
            methods[name.id] = next((m for m in _STRONGEST if name.id in found[m]), "native")
    return methods


_STRONGEST = ("human", "declared", "rule", "normalised")


class _Verdict:
    """Says of two names what became of them: one thing, kept apart, or neither."""

    def __init__(self, things: "_Forest", apart: Iterable[Pair]) -> None:
        self._things = things
        self._apart = {pair_of(things.root(one), things.root(other)) for one, other in apart}

    def of(self, pair: Pair) -> str:
        roots = pair_of(self._things.root(pair[0]), self._things.root(pair[1]))
        if roots[0] == roots[1]:
            return "confirmed"
        return "rejected" if roots in self._apart else "proposed"


class _Forest:
    """Union-find over name ids."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._parent = {i: i for i in ids}

    def copy(self) -> "_Forest":
        other = _Forest(())
        other._parent = dict(self._parent)
        return other

    def root(self, one: int) -> int:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def join(self, one: int, other: int) -> None:
        a, b = self.root(one), self.root(other)
        if a != b:
            self._parent[max(a, b)] = min(a, b)
