"""Series: their labels, what they are called here, the selector that means just one of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from connectors.victoriametrics.settings import VictoriaMetricsConfig
from hub.model import Tag, UnknownUnitError, find_unit
from hub.sdk import Misconfigured

_HOLE = re.compile(r"\{([^{}]+)\}")
_NAME = "__name__"
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One series. `labels` are sorted; the name is one of them."""

    name: str
    labels: Labels
    told: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def to_tag(self, config: VictoriaMetricsConfig) -> Tag:
        """Make the record of a tag."""
        spelled = self.told.get(config.unit or "") or None
        return Tag.model_validate(
            {
                "id": self.name,
                "equipment": self.told.get(config.equipment or "") or None,
                "property": self.told.get(_NAME) or None,
                "unit": _code(spelled, config.units),
                "source_unit": spelled,
                "value_type": "float",
            }
        )


def sort_labels(labels: Mapping[str, str]) -> Labels:
    """Give labels in one order."""
    return tuple(sorted(labels.items()))


def write_series(labels: Labels, *, joined: bool = False) -> str:
    r"""Write a series as people do, `temp{unit="BR-1"}`; `joined` gives it as one of several selectors."""
    name = dict(labels).get(_NAME, "")
    rest = [(label, value) for label, value in labels if label != _NAME or joined]
    inner = ",".join(f"{label}={orjson.dumps(value).decode()}" for label, value in rest)
    return f"{'' if joined else name}{{{inner}}}" if inner else name


def name_series(found: Iterable[Mapping[str, str]], config: VictoriaMetricsConfig) -> dict[str, Series]:
    """Give series by name. Raises `Misconfigured` when two share one."""
    named: dict[str, Series] = {}
    for told in found:
        labels = sort_labels(told)
        words = {**told, "__series__": write_series(labels)}
        name = _HOLE.sub(lambda hole, words=words: words.get(hole.group(1), ""), config.tag_name)
        other = named.setdefault(name, Series(name, labels, dict(told)))
        if other.labels != labels:
            raise Misconfigured(
                f"{write_series(labels)} and {write_series(other.labels)} would both be {name}",
                remedy="put what tells them apart into `tag_name`",
            )
    return dict(sorted(named.items()))


def _code(spelled: str | None, units: Mapping[str, str]) -> str | None:
    if spelled is None:
        return None
    try:
        return find_unit(units.get(spelled, spelled)).code
    except UnknownUnitError:
        return None
