"""What keeping two names apart costs: every automatic link on a way between them, and no other.

A graph of groups and of links among them (a link may join many groups). Where it is asked for order, there is
none: the answer depends on the graph alone.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Graph = dict[Hashable, set[Hashable]]
Link = TypeVar("Link", bound=Hashable)


def cut_between(links: Mapping[Link, Iterable[int]], apart: Iterable[tuple[int, int]]) -> set[Link]:
    """Give the links that lie on a way between two groups that are kept apart.

    `links` are the groups that each joins. A way passes no group and no link twice: what merely hangs at it
    stays joined.
    """
    around: Graph = {}
    for link, groups in links.items():
        for group in groups:
            around.setdefault(_Of(link), set()).add(group)
            around.setdefault(group, set()).add(_Of(link))
    cut: set[Link] = set()
    for pair in sorted(set(apart)):
        reached = _reached(pair[0], around, without=None)
        if pair[0] != pair[1] and pair[1] in reached:
            nodes = _without_dead_ends(reached, around, pair)
            for link in links:
                joint = _Of(link)
                if joint in nodes and _is_between(joint, pair, nodes=nodes, around=around):
                    cut.add(link)
    return cut


@dataclass(frozen=True)
class _Of:
    """A link as a node beside the groups it joins."""

    link: Hashable


def _is_between(link: Hashable, ends: Collection[int], *, nodes: Collection[Hashable], around: Graph) -> bool:
    """Tell whether some way from end to end passes the link: no one other node cuts it off both (Menger)."""
    return all(_reached(link, around, without=node) & ({*ends} - {node}) for node in nodes if node != link)


def _reached(start: Hashable, around: Graph, without: Hashable) -> set[Hashable]:
    seen, waiting = {start}, [start]
    while waiting:
        for node in around.get(waiting.pop(), ()):
            if node not in seen and node != without:
                seen.add(node)
                waiting.append(node)
    return seen


def _without_dead_ends(nodes: set[Hashable], around: Graph, ends: Collection[int]) -> set[Hashable]:
    """Leave out what hangs at one neighbour only, again and again: no way leads through it."""
    left = set(nodes)
    while dead := {n for n in left if n not in ends and len(around[n] & left) < 2}:
        left -= dead
    return left
