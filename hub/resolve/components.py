"""Which names are one thing, as a pure function of names and links: no order of arrival enters here."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from hub.store.identifiers import Name
from hub.store.links import Groups, Link, Pair, pair_of


@dataclass
class Partition:
    """Names grouped into things, and the normalised links that grouped them."""

    components: list[list[Name]] = field(default_factory=list[list[Name]])
    normalised: dict[Pair, Link] = field(default_factory=dict[Pair, Link])


def partition(
    names: Sequence[Name], links: Iterable[Link], *, groups: Groups, stated: Collection[int]
) -> Partition:
    """Group names: standing links join; so does an equal comparable form inside one whitelisted group.

    Normalised equality joins only when each scheme has exactly one candidate: two MES numbers that become
    the same text when stripped make the form ambiguous, and nothing is joined by it. Candidates are names
    under which a source states things (`stated`); how often people spell a reference otherwise is no matter.
    """
    result = Partition()
    forest = _Forest(n.id for n in names)
    known = {n.id for n in names}
    for link in links:
        if link.method != "normalised" and link.state == "confirmed" and set(link.pair) <= known:
            forest.join(*link.pair)
    for (_, norm), same in _by_norm(names, groups).items():
        candidates = [n.scheme for n in same if n.id in stated]
        unique = len(set(candidates)) == len(candidates)
        anchor = min(same, key=lambda n: (n.scheme, n.value))
        for name in same:
            if name.id == anchor.id:
                continue
            state = "confirmed" if unique else "proposed"
            evidence = {"norm": norm} if unique else {"norm": norm, "ambiguous": len(candidates)}
            pair = pair_of(anchor.id, name.id)
            if pair not in result.normalised or unique:
                result.normalised[pair] = Link(pair, "normalised", state, evidence)
            if unique:
                forest.join(*pair)
    by_root: dict[int, list[Name]] = defaultdict(list)
    for name in names:
        by_root[forest.root(name.id)].append(name)
    result.components = sorted(
        (sorted(some, key=lambda n: (n.scheme, n.value)) for some in by_root.values()),
        key=lambda some: (some[0].scheme, some[0].value),
    )
    return result


def _by_norm(names: Sequence[Name], groups: Groups) -> dict[tuple[int, str], list[Name]]:
    found: dict[tuple[int, str], list[Name]] = defaultdict(list)
    for name in names:
        for group in groups.get(name.scheme, ()):
            if name.norm:
                found[group, name.norm].append(name)
    return {key: same for key, same in found.items() if len(same) > 1}


class _Forest:
    """Union-find over name ids."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._parent = {i: i for i in ids}

    def root(self, one: int) -> int:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def join(self, one: int, other: int) -> None:
        a, b = self.root(one), self.root(other)
        if a != b:
            self._parent[max(a, b)] = min(a, b)
