"""Rows of a tag map out of a source's own tree: what a person would else type, to be looked over by one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.ingest.tagmap import TagMap
from hub.model import Tag

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[^0-9A-Za-z]+")


@dataclass(frozen=True)
class Imported:
    """Rows for tags that nothing matched, and the tags that have no place in the tree that could be taken."""

    rows: tuple[Mapping[str, str], ...]
    left: tuple[str, ...]


def import_rows(
    tags: Iterable[Tag],
    branches: Mapping[str, Sequence[str]],
    tag_map: TagMap | None,
    *,
    equipment: re.Pattern[str] | None = None,
) -> Imported:
    """Make a row for each tag that neither the source itself nor the map places; none twice.

    The equipment is the nearest name above the tag that fits `equipment` wholly, or the one right above it;
    the property is made of the names below that one, without the equipment's own name before them
    (`BR50_01_TEMP` below `BR50-01` is `temp`). Unit, step and limits are the source's.
    """
    rows: list[dict[str, str]] = []
    left: list[str] = []
    for tag in tags:
        if (tag_map.apply(tag) if tag_map else tag).equipment is not None:
            continue
        if tag_map and tag.id.value in tag_map.exact:
            continue  # its row says no equipment: a person's word, and a second row would be refused
        found = _split(branches.get(tag.id.value, ()), equipment)
        if found is None:
            left.append(tag.id.value)
        else:
            rows.append(_row(tag, *found))
    return Imported(tuple(rows), tuple(left))


def _split(path: Sequence[str], equipment: re.Pattern[str] | None) -> tuple[str, Sequence[str]] | None:
    """Give the equipment of a path and the names below it."""
    for at in range(len(path) - 2, -1, -1):
        if equipment is None or equipment.fullmatch(path[at]):
            return path[at], path[at + 1 :]
    return None


def _row(tag: Tag, equipment: str, below: Sequence[str]) -> dict[str, str]:
    limits = {name: getattr(tag, name) for name in ("low", "high")}
    return {
        "tag": tag.id.value,
        "equipment": equipment,
        "property": _name_property(equipment, below),
        "unit": tag.unit or "",
        "step": "yes" if tag.is_step else "",
        **{name: "" if limit is None else f"{limit:g}" for name, limit in limits.items()},
    }


def _name_property(equipment: str, below: Sequence[str]) -> str:
    words = [word for name in below for word in _words(name)]
    own = _words(equipment)
    if len(words) > len(own) and words[: len(own)] == own:
        words = words[len(own) :]
    return "_".join(words)


def _words(name: str) -> list[str]:
    parts = _NO_WORD.split(_WORD_BEGINS.sub(" ", name))
    return [part.casefold() for part in parts if part]
