"""Series and their fields: how InfluxDB writes their keys, and what they are called here."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.influxdb.settings import InfluxDbConfig
from hub.model import Tag
from hub.sdk import Misconfigured

_HOLE = re.compile(r"\{([^{}]+)\}")
_UNESCAPED = {
    ",": re.compile(r"(?<!\\),"),
    "=": re.compile(r"(?<!\\)="),
}
ValueType = Literal["float", "integer", "boolean", "string"]
_TYPES: Mapping[str, ValueType] = {
    "float": "float",
    "integer": "integer",
    "unsigned": "integer",
    "boolean": "boolean",
    "string": "string",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One field of one series. `key` is the series' tags as the database writes them, sorted."""

    name: str
    measurement: str
    field: str
    key: str
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str], hash=False)
    kind: str = "float"

    def to_tag(self, config: InfluxDbConfig) -> Tag:
        """Make the record of a tag."""
        return Tag.model_validate(
            {
                "id": self.name,
                "equipment": self.tags.get(config.equipment or "") or None,
                "property": self.field,
                "value_type": _TYPES.get(self.kind),
                "is_step": self.kind != "float",
            }
        )


def read_key(key: str) -> tuple[str, dict[str, str]]:
    r"""Split a series' key, `br,unit=BR\ 1`, into measurement and tags."""
    measurement, *pairs = _UNESCAPED[","].split(key)
    tags: dict[str, str] = {}
    for pair in pairs:
        name, value = _UNESCAPED["="].split(pair, maxsplit=1)
        tags[_plain(name)] = _plain(value)
    return _plain(measurement), tags


def write_tags(tags: Mapping[str, str]) -> str:
    """Write tags as the database does: sorted, escaped, those without a value left out."""
    return ",".join(f"{_escaped(name)}={_escaped(value)}" for name, value in sorted(tags.items()) if value)


def make_signals(
    found: Iterable[tuple[str, Mapping[str, str], str, str]], config: InfluxDbConfig
) -> dict[str, Signal]:
    """Name fields of series (measurement, tags, field, kind). `Misconfigured` when two share a name."""
    signals: dict[str, Signal] = {}
    for measurement, tags, field_name, kind in found:
        key = write_tags(tags)
        series = f"{measurement},{key}" if key else measurement
        words = {**tags, "_measurement": measurement, "_field": field_name, "_series": series}
        name = _HOLE.sub(lambda hole, words=words: words.get(hole.group(1), ""), config.tag_name)
        signal = Signal(name, measurement, field_name, key, dict(tags), kind)
        other = signals.setdefault(name, signal)
        if (other.measurement, other.key, other.field) != (measurement, key, field_name):
            rival = f"{other.measurement},{other.key}:{other.field}"
            raise Misconfigured(
                f"{series}:{field_name} and {rival} would both be {name}",
                remedy="put what tells them apart into `tag_name`",
            )
    return dict(sorted(signals.items()))


def quote_name(name: str) -> str:
    """Write an identifier in InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_text(text: str) -> str:
    """Write a text in InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _plain(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def _escaped(text: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", text)
