"""What a tag map makes of a source's tags: matched, unmatched, doubled, units that lack or cannot be."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hub.ingest.tagmap import TagMap
from hub.model import Tag, UnknownUnitError, find_unit

Matched = Literal["row", "rule", "source", "nothing"]
"""By what a tag knows its equipment: a row of the table, a rule, the source itself, or nothing."""


@dataclass(frozen=True)
class TagFinding:
    """One tag: by what it is matched, to which equipment and property, and what is wrong with it."""

    tag: str
    by: Matched
    equipment: str | None
    property: str | None
    unit: str | None
    faults: tuple[str, ...]


@dataclass(frozen=True)
class TagCheck:
    """All tags of a source under a map, and rows of the map that speak of no tag."""

    findings: tuple[TagFinding, ...]
    idle_rows: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Count tags by what matched them, doubled ones, and units that lack or are wrong."""
        told: dict[str, int] = dict.fromkeys(["row", "rule", "source", "nothing"], 0)
        for one in self.findings:
            told[one.by] += 1
        faults = [fault for one in self.findings for fault in one.faults]
        told["doubled"] = sum(fault.startswith("doubled") for fault in faults)
        told["unit_missing"] = sum(fault.startswith("no unit") for fault in faults)
        told["unit_wrong"] = sum(fault.startswith("unit") for fault in faults)
        told["idle_rows"] = len(self.idle_rows)
        return told

    @property
    def is_clean(self) -> bool:
        """Whether a person has nothing to do."""
        return not self.idle_rows and all(one.by != "nothing" and not one.faults for one in self.findings)


def check_tags(tags: Iterable[Tag], tag_map: TagMap | None) -> TagCheck:
    """Judge every tag; the map may be None, then only the source's own word counts."""
    told = [(tag, tag_map.apply(tag) if tag_map else tag) for tag in tags]
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for _, mapped in told:
        if mapped.equipment is not None and mapped.property:
            where = (mapped.equipment.scheme, mapped.equipment.value, mapped.property)
            places[where].append(mapped.id.value)
    findings = [
        TagFinding(
            tag=tag.id.value,
            by=_by(tag, mapped, tag_map),
            equipment=mapped.equipment.value if mapped.equipment else None,
            property=mapped.property,
            unit=mapped.unit or mapped.source_unit,
            faults=(*_doubled(mapped, places), *_unit_faults(tag, mapped), *_rule_faults(tag, tag_map)),
        )
        for tag, mapped in told
    ]
    known = {tag.id.value for tag, _ in told}
    idle = sorted(set(tag_map.exact) - known) if tag_map else []
    return TagCheck(tuple(findings), tuple(idle))


def _by(tag: Tag, mapped: Tag, tag_map: TagMap | None) -> Matched:
    if tag.equipment is not None:
        return "source"
    if mapped.equipment is None:
        return "nothing"
    return "row" if tag_map and tag.id.value in tag_map.exact else "rule"


def _doubled(mapped: Tag, places: dict[tuple[str, str, str], list[str]]) -> Iterable[str]:
    if mapped.equipment is None or not mapped.property:
        return
    where = (mapped.equipment.scheme, mapped.equipment.value, mapped.property)
    others = [name for name in places[where] if name != mapped.id.value]
    if others:
        yield f"doubled: {', '.join(others[:3])} claims {mapped.equipment.value}.{mapped.property} as well"


def _unit_faults(tag: Tag, mapped: Tag) -> Iterable[str]:
    """A unit of the map must measure what the source's own unit measures."""
    if mapped.value_type in {"string", "boolean"}:
        return
    if not mapped.unit and not mapped.source_unit:
        yield "no unit: neither the source nor the map says one"
        return
    told: dict[str, str] = {}
    for whose, text in (("source", tag.unit or tag.source_unit), ("map", mapped.unit)):
        try:
            if text:
                told[whose] = find_unit(text).dimension
        except UnknownUnitError:
            yield f"unit {text!r} of the {whose} is not known; map it to a UCUM code in `units`"
    if len(set(told.values())) > 1:
        yield (
            f"unit of another dimension: the source says {tag.unit or tag.source_unit} ({told['source']}), "
            f"the map {mapped.unit} ({told['map']})"
        )


def _rule_faults(tag: Tag, tag_map: TagMap | None) -> Iterable[str]:
    """Several rules that match one tag: the first counts, which may not be what was meant."""
    if tag_map is None or tag.id.value in tag_map.exact:
        return
    fitting = [rule.pattern for pattern, rule in tag_map.rules if pattern.fullmatch(tag.id.value)]
    if len(fitting) > 1:
        yield f"several rules match, the first counts: {', '.join(fitting)}"
