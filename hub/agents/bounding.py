"""Bounded answers: long lists and texts are cut, which is said, and empty members are left out."""

from typing import Any, cast

import orjson

from hub.agents.asking import Refused

MOST = 24_000
"""Characters of an answer."""
_LONGEST_TEXT = 1_000
_LENGTHS = (50, 25, 10, 5, 3)


def bound(answer: dict[str, Any], *, most: int = MOST, lists: int = 100) -> dict[str, Any]:
    """Give an answer of at most so many characters. Raises `Refused` where even short lists are too long."""
    for length in (lists, *(one for one in _LENGTHS if one < lists)):
        cut: dict[str, Any] = _cut(answer, length)
        if len(orjson.dumps(cut, option=orjson.OPT_UTC_Z)) <= most:
            return cut
    raise Refused("The answer is too long; ask for less time, fewer things or fewer points.")


def _cut(value: Any, length: int) -> Any:
    match value:
        case dict():
            return _cut_members(cast("dict[str, Any]", value), length)
        case list():
            return [_cut(one, length) for one in cast("list[Any]", value)[:length]]
        case str() if len(value) > _LONGEST_TEXT:
            return f"{value[:_LONGEST_TEXT]}… ({len(value)} characters)"
        case _:
            return value


def _cut_members(given: dict[str, Any], length: int) -> dict[str, Any]:
    cut: dict[str, Any] = {}
    for name, one in given.items():
        if one is None or one in ([], {}):
            continue
        cut[name] = _cut(one, length)
        if isinstance(one, list) and len(cast("list[Any]", one)) > length:
            cut[f"{name}_left_off"] = len(cast("list[Any]", one)) - length
    return cut
