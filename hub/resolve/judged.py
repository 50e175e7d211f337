"""What people decide about names: the same thing or kept apart, with a reason; undone again, never erased.

A decision is an input like a statement. It is about two names, so it stands whatever things they mean, and
the unified state follows from the statements, the standing decisions and the rules in force, in whatever
order they came. Undoing a decision therefore gives back exactly the state without it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.resolve.components import is_firm, keeps_apart
from hub.resolve.identity import reach
from hub.resolve.resolution import settle_again
from hub.store.database import Connection, Database
from hub.store.identifiers import Name, find_names
from hub.store.links import (
    Decision,
    Judgment,
    Link,
    Pair,
    add_judgment,
    find_judgment,
    pair_of,
    undo_judgment,
)

Clock = Callable[[], datetime]
Finish = Callable[[Connection, int], None]
"""What is written with a decision, in its transaction, when its link's id is known."""
NOT_LINKED = frozenset({"tag"})
"""Types of which each name is a thing of its own: a tag's samples are kept under it."""


class UnknownName(LookupError):
    """No source has used this name so far; look at the names of the thing, and write `scheme|value`."""


class NotDecidable(ValueError):
    """These two names cannot be decided about: they are one name, or of a type that is never linked."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this is not decided about: {why}")
        self.why = why


@dataclass(frozen=True)
class Step:
    """One link of a way from name to name."""

    one: str
    other: str
    method: str
    link_id: int


class Contradicted(ValueError):
    """The decision contradicts what stands: undo, or have withdrawn, what `path` names first."""

    def __init__(self, message: str, path: Sequence[Step]) -> None:
        super().__init__(message)
        self.path = list(path)


class NothingToUndo(LookupError):
    """There is no standing decision with this number; the list of links has those that stand."""


def judge(
    database: Database,
    entity_type: str,
    names: tuple[str, str],
    *,
    decision: Decision,
    reason: str,
    by: str,
    clock: Clock = lambda: datetime.now(UTC),
    finish: Finish = lambda _connection, _link_id: None,
) -> int:
    """Decide that two names (`scheme|value`) of a type are the same thing or kept apart; give the link's id.

    `finish` is the last in the transaction, with the link's id. Raises `UnknownName`, `NotDecidable`,
    `Contradicted`.
    """
    now = clock()
    with database.begin(by, at=now, reason=reason, alone=True) as connection:
        one, other = _look_up(connection, entity_type, names)
        pair = pair_of(one.id, other.id)
        around = _Around(*reach(connection, entity_type, {one.id, other.id}))
        around.refuse_contradiction(pair, decision)
        evidence = {"seen": around.seen({one.entity_id, other.entity_id})}
        judgment = Judgment(entity_type, pair, decision, reason, by, evidence)
        link_id = add_judgment(connection, judgment, now=now)
        settle_again(connection, entity_type, set(pair), now=now)
        finish(connection, link_id)
    return link_id


def undo(
    database: Database,
    link_id: int,
    *,
    reason: str,
    by: str,
    clock: Clock = lambda: datetime.now(UTC),
    check: Callable[[Connection], None] = lambda _: None,
    finish: Finish = lambda _connection, _link_id: None,
) -> None:
    """Undo a decision: everything becomes what it would be without it. Raises `NothingToUndo`.

    `check` may refuse, by raising, after nobody else can write and before anything is written; `finish` is
    the last in the transaction.
    """
    now = clock()
    with database.begin(by, at=now, reason=reason, alone=True) as connection:
        check(connection)
        found = find_judgment(connection, link_id)
        if found is None or found[1].state == "reversed":
            raise NothingToUndo(f"no decision {link_id} stands; the list of links has those that do")
        entity_type, link = found
        undo_judgment(connection, link_id, by=by, reason=reason, now=now)
        settle_again(connection, entity_type, set(link.pair), now=now)
        finish(connection, link_id)


def _look_up(connection: Connection, entity_type: str, names: tuple[str, str]) -> tuple[Name, Name]:
    wanted = [(entity_type, *_split(name)) for name in names]
    found = find_names(connection, wanted)
    for key, name in zip(wanted, names, strict=True):
        if key not in found:
            raise UnknownName(f"no source has used {name} for a {entity_type.replace('_', ' ')} so far")
    if wanted[0] == wanted[1]:
        raise NotDecidable("it is one name; a decision takes two")
    if entity_type in NOT_LINKED:
        raise NotDecidable(f"names of a {entity_type} are never linked, each has data of its own")
    return found[wanted[0]], found[wanted[1]]


def _split(name: str) -> tuple[str, str]:
    scheme, _, value = name.partition("|")
    return scheme, value


class _Around:
    """The names and links around the two that somebody decides about."""

    def __init__(self, names: Iterable[Name], links: Iterable[Link]) -> None:
        self._names = {n.id: n for n in names}
        self._links = sorted(links, key=lambda k: k.id)

    def refuse_contradiction(self, pair: Pair, decision: Decision) -> None:
        """Raise `Contradicted` when the pair is decided already, or the decision contradicts what stands."""
        standing = next((k for k in self._links if k.pair == pair and k.method == "human"), None)
        if standing is not None:
            said = "the same" if standing.state == "confirmed" else "kept apart"
            raise Contradicted(
                f"decision {standing.id} says already that the two are {said}; undo it first",
                [self._step(standing)],
            )
        firm = [k for k in self._links if is_firm(k)]
        if decision == "apart":
            self._refuse_apart(_path(pair, firm))
        else:
            self._refuse_same([*firm, Link(pair, "human", "confirmed")])

    def seen(self, things: set[int]) -> list[dict[str, Any]]:
        """Give what the hub had found between these things, as whoever decides could see it."""
        return [
            {
                "method": k.method,
                "state": k.state,
                "names": sorted(self._text(i) for i in k.pair),
                **(k.evidence or {}),
            }
            for k in self._links
            if k.method in ("normalised", "rule")
            and k.state != "reversed"
            and self._names.keys() >= set(k.pair)  # a link that leads nowhere has an end out of reach
            and {self._names[i].entity_id for i in k.pair} == things
        ]

    def _refuse_apart(self, path: list[Link]) -> None:
        if path:
            steps = [self._step(link) for link in path]
            because = ", and ".join(f"{s.one} is {s.other} ({s.method})" for s in steps)
            raise Contradicted(
                f"the two are one thing because {because}; undo that decision, or have the source correct "
                "what it declares, first",
                steps,
            )

    def _refuse_same(self, firm: list[Link]) -> None:
        for kept in filter(keeps_apart, self._links):
            if _path(kept.pair, firm):
                one, other = map(self._text, kept.pair)
                raise Contradicted(
                    f"this would make {one} and {other} one thing, which decision {kept.id} keeps apart; "
                    "undo that first",
                    [self._step(kept)],
                )

    def _step(self, link: Link) -> Step:
        return Step(self._text(link.pair[0]), self._text(link.pair[1]), link.method, link.id)

    def _text(self, name_id: int) -> str:
        name = self._names[name_id]
        return f"{name.scheme}|{name.value}"


def _path(ends: Pair, links: Iterable[Link]) -> list[Link]:
    """Give the shortest way of links from one end to the other; empty when there is none."""
    around: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        for end in link.pair:
            around[end].append(link)
    came: dict[int, Link] = {}
    waiting = [ends[0]]
    for here in waiting:
        for link in around[here]:
            there = sum(link.pair) - here
            if there not in came and there != ends[0]:
                came[there] = link
                waiting.append(there)
    path: list[Link] = []
    here = ends[1]
    while here in came:
        path.append(came[here])
        here = sum(came[here].pair) - here
    return path[::-1]
