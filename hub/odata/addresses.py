"""What a path below the door means: `batches('…')/phases(12)/equipment`, `/status`, `/$value`, `/$count`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal as Kind

from hub.odata.model import EntitySet, Member, find_set
from hub.odata.refusals import Refusal, not_compiled
from hub.store.questions.collections import find_collection
from hub.store.questions.expression import Comparison, Expression, Literal, Path
from hub.store.questions.grammar import MAX_STEPS
from hub.store.questions.question import Origin, Question

_SEGMENT = re.compile(r"([A-Za-z_$][A-Za-z0-9_.$]*)(?:\((.*)\))?", re.DOTALL)
_TEXT = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,18}")
_OTHERS = ("$ref", "$all", "$crossjoin", "$entity", "$query", "$filter", "$each", "$it")
_LIST = "ask the address of the door itself for the list of sets"


@dataclass(frozen=True)
class Address:
    """What is asked for: rows of a set, one row, a property of one, its bare value, or how many rows.

    `owners` are the rows on the way, each of which must be there.
    """

    kind: Kind["set", "one", "property", "value", "count"]
    set: EntitySet
    question: Question
    path: str
    owners: tuple[Question, ...] = ()
    member: Member | None = None


def split_path(path: str) -> list[str]:
    """Give the segments of a path; a stroke inside quotes belongs to a key."""
    segments, quoted = [""], False
    for sign in path:
        if sign == "'":
            quoted = not quoted
        if sign == "/" and not quoted:
            segments.append("")
        else:
            segments[-1] += sign
    return [one for one in segments if one]


def read_address(segments: list[str]) -> Address:
    """Give what the segments mean. Raises `Refusal`."""
    if len(segments) > 2 * MAX_STEPS:
        raise Refusal(400, "invalid-address", f"An address has at most {2 * MAX_STEPS} segments.")
    rest = iter(segments)
    name, key = _read(next(rest))
    found = find_set(name)
    if found is None:
        raise Refusal(404, "not-found", f"There is no set {name[:60]}; {_LIST}.")
    asked = Question(find_collection(name), is_flat=True) if name != "samples" else _no_rows()
    address = Address("set", found, asked, name)
    if key is not None:
        address = _with_key(address, key)
    for segment in rest:
        address = _step(address, segment, rest)
    return address


def _no_rows() -> Question:
    """Samples are no rows of the store; their tags are."""
    return Question(find_collection("tags"), is_flat=True)


def _step(address: Address, segment: str, rest: Iterator[str]) -> Address:
    name, key = _read(segment)
    if name in _OTHERS:
        raise not_compiled(name)
    if address.kind == "set":
        if name == "$count" and next(rest, None) is None:
            return replace(address, kind="count")
        raise Refusal(
            404, "not-found", f"Behind {address.path[:80]} stands a key in brackets, or $count at the end."
        )
    if address.kind == "property" and name == "$value" and next(rest, None) is None:
        return replace(address, kind="value")
    member = address.set.member(name)
    if address.kind == "one" and member is not None and key is None:
        return replace(address, kind="property", member=member, path=f"{address.path}/{name}")
    return _along(address, name, key)


def _along(address: Address, name: str, key: str | None) -> Address:
    way = next((one for one in address.set.ways if one.name == name), None)
    target = find_set(way.target) if way is not None else None
    if address.kind != "one" or way is None or target is None:
        ways = ", ".join(sorted(one.name for one in address.set.ways)) or "none"
        raise Refusal(
            404, "not-found", f"{address.set.name} has no property {name[:60]}; navigations are {ways}."
        )
    before = address.question
    origin = Origin(before.collection, before.condition, name, before.origin)
    asked = Question(find_collection(way.target), is_flat=True, is_whole=not way.is_many, origin=origin)
    found = Address(
        "set" if way.is_many else "one",
        target,
        asked,
        f"{address.path}/{name}",
        (*address.owners, before),
    )
    if key is None:
        return found
    if not way.is_many:
        raise Refusal(404, "not-found", f"{name} leads to one row and takes no key.")
    return _with_key(found, key)


def _with_key(address: Address, key: str) -> Address:
    condition = _read_key(address.set, key)
    asked = replace(address.question, condition=condition, is_whole=True)
    return replace(address, kind="one", question=asked, path=f"{address.path}({key})")


def _read(segment: str) -> tuple[str, str | None]:
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        raise Refusal(
            404, "not-found", f"The address cannot be read: a set, with a key as in lots('…'); {_LIST}."
        )
    return found[1], found[2]


def _read_key(one: EntitySet, written: str) -> Expression:
    if len(one.key) != 1:
        raise not_compiled(f"{one.name} by key (ask with $filter)")
    (name,) = one.key
    member = one.member(name)
    is_text = member is not None and member.type == "Edm.String"
    said = written.strip()
    before, equals, after = said.partition("=")
    if equals and before.strip() == name:
        said = after.strip()
    if is_text and (text := _TEXT.fullmatch(said)):
        return Comparison("eq", Path((name,)), Literal(text[1].replace("''", "'")))
    if not is_text and _NUMBER.fullmatch(said):
        return Comparison("eq", Path((name,)), Literal(int(said)))
    takes = "text in single quotes" if is_text else "a whole number"
    raise Refusal(400, "invalid-key", f"The key of {one.name} is {name}, {takes}.", target=name)
