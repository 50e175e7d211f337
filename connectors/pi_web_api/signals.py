"""What can be read as a signal: points of data archives, completed by or named after attributes of assets."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from connectors.pi_web_api.assets import Database, find_database
from connectors.pi_web_api.client import PiClient, list_items
from connectors.pi_web_api.settings import PiWebApiConfig, Summary
from hub.model import Tag, UnknownUnitError, find_unit
from hub.sdk import Misconfigured

ValueType = Literal["float", "integer", "boolean", "string"]
_TYPES: Mapping[str, ValueType] = {
    "float16": "float",
    "float32": "float",
    "float64": "float",
    "single": "float",
    "double": "float",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
    "byte": "integer",
    "digital": "integer",
    "enumerationvalue": "integer",
    "boolean": "boolean",
    "string": "string",
    "timestamp": "string",
    "datetime": "string",
}
"""Types of points (PointType) and of attributes (Type), in lower case."""
_REFERENCE = re.compile(r"^\\\\(?P<server>[^\\?]+)(?:\?[^\\]*)?\\(?P<point>[^\\?;|]+)")
"""A configured reference to a point: `\\\\ARCHIVE?id\\POINT?id;options`."""
_POINT_FIELDS = "WebId;Name;Path;Descriptor;PointType;EngineeringUnits;Step;Zero;Span"
_ATTRIBUTE_FIELDS = (
    "WebId;Name;Path;Description;Type;DefaultUnitsNameAbbreviation;Step;Zero;Span;ConfigString;"
    "DataReferencePlugIn;Links.Point"
)


@dataclass(slots=True)
class Signal:
    """A stream of values and what is known of it."""

    web_id: str
    name: str
    told: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_tag(self, name: str | None = None, **other: Any) -> Tag:
        """Make the record of a tag."""
        return Tag.model_validate({"id": name or self.name, **self.told, **other})


@dataclass(frozen=True, slots=True)
class Archive:
    """A data archive (PI Data Archive)."""

    web_id: str
    name: str
    version: str
    server_time: str


def find_archives(client: PiClient, config: PiWebApiConfig) -> list[Archive]:
    """Give the data archives that the settings take. Raises `Misconfigured` for a name that is not there."""
    params = {"selectedFields": _select("WebId;Name;ServerVersion;ServerTime"), "webIdType": "IDOnly"}
    found = [
        Archive(
            str(item.get("WebId")),
            str(item.get("Name")),
            str(item.get("ServerVersion") or ""),
            str(item.get("ServerTime") or ""),
        )
        for item in list_items(client.fetch("/dataservers", params))
    ]
    names = {archive.name.casefold() for archive in found}
    missing = [name for name in config.data_servers if name.casefold() not in names]
    if missing:
        there = ", ".join(archive.name for archive in found) or "none"
        raise Misconfigured(
            f"there is no data server {', '.join(missing)}; there are {there}",
            remedy="correct `data_servers`, or grant the user to see it",
        )
    wanted = {name.casefold() for name in config.data_servers} or names
    return [archive for archive in found if archive.name.casefold() in wanted]


def find_signals(client: PiClient, config: PiWebApiConfig) -> dict[str, Signal]:
    """Give all signals by the name of their tag."""
    database = find_database(client, config.asset_framework) if config.asset_framework else None
    if config.tags == "attributes":
        assert database is not None  # noqa: S101 - the settings refuse it
        return {signal.name: signal for signal in _attributes(client, database, config)}
    points = _points(client, config)
    if database is not None:
        _place(points, client, database=database, config=config)
    return {signal.name: signal for signal in points.values()}


def name_tags(signal: Signal, config: PiWebApiConfig) -> Iterator[Tag]:
    """Give the tags of a signal: itself, or one for each kind of summary."""
    if not isinstance(config.read, Summary):
        yield signal.to_tag()
        return
    for kind in config.read.types:
        keeps_unit = kind not in {"Count", "PercentGood"}
        told = {} if keeps_unit else {"unit": None, "source_unit": None, "low": None, "high": None}
        yield signal.to_tag(f"{signal.name}#{kind}", value_type="float", is_step=True, **told)


def _points(client: PiClient, config: PiWebApiConfig) -> dict[str, Signal]:
    """Give points by their path in lower case; a name that two archives have is an error."""
    found: dict[str, Signal] = {}
    names: dict[str, str] = {}
    for archive in find_archives(client, config):
        for mask in config.points:
            params = {
                "nameFilter": mask,
                "selectedFields": f"{_select(_POINT_FIELDS)};Links.Next",
                "webIdType": "IDOnly",
            }
            for _, items in client.pages(f"/dataservers/{archive.web_id}/points", params):
                for item in items:
                    place = f"\\\\{archive.name}\\{item['Name']}"
                    name = place if config.tag_name == "path" else str(item["Name"])
                    if names.setdefault(name, place) != place:
                        raise Misconfigured(
                            f"the point {name} is in two data archives: {names[name]} and {place}",
                            remedy="set `tag_name: path`, or name one of `data_servers`",
                        )
                    told = _tell(item, ("PointType", "EngineeringUnits"), config.units)
                    told["description"] = str(item.get("Descriptor") or "")[:400] or None
                    found[place.casefold()] = Signal(str(item["WebId"]), name, told)
    return found


def _place(
    points: Mapping[str, Signal], client: PiClient, *, database: Database, config: PiWebApiConfig
) -> None:
    """Complete points by the first attribute that refers to each: equipment, property, what else lacks."""
    by_web_id = {signal.web_id: signal for signal in points.values()}
    placed: set[str] = set()
    for item, told in _walk(client, database, config):
        signal = by_web_id.get(_linked(item)) or points.get(_reference(item))
        if signal is None or signal.name in placed:
            continue
        placed.add(signal.name)
        lacking = {key: value for key, value in told.items() if signal.told.get(key) is None}
        signal.told.update(lacking)


def _attributes(client: PiClient, database: Database, config: PiWebApiConfig) -> Iterator[Signal]:
    for item, told in _walk(client, database, config):
        if item.get("DataReferencePlugIn"):  # one without is a fixed property, no signal
            told["description"] = str(item.get("Description") or "")[:400] or None
            yield Signal(str(item["WebId"]), database.below(str(item["Path"])), told)


def _walk(
    client: PiClient, database: Database, config: PiWebApiConfig
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give all attributes of elements, and what each tells of a tag."""
    params = {
        "searchFullHierarchy": "true",
        "selectedFields": f"{_select(_ATTRIBUTE_FIELDS)};Links.Next",
        "webIdType": "IDOnly",
    }
    for _, items in client.pages(f"/assetdatabases/{database.web_id}/elementattributes", params):
        for item in items:
            element, _, attribute = database.below(str(item["Path"])).partition("|")
            told = _tell(item, ("Type", "DefaultUnitsNameAbbreviation"), config.units)
            told["equipment"] = {"value": element, "match": element.rpartition("\\")[2]}
            told["property"] = attribute
            yield item, told


def _tell(item: Mapping[str, Any], fields: tuple[str, str], units: Mapping[str, str]) -> dict[str, Any]:
    """Give what an object tells of a tag; `fields` name its type and its unit."""
    kind, unit = (str(item.get(name) or "").strip() for name in fields)
    value_type = _TYPES.get(kind.casefold())
    spelled = unit or None
    told: dict[str, Any] = {
        "value_type": value_type,
        "is_step": bool(item["Step"]) if isinstance(item.get("Step"), bool) else None,
        "source_unit": spelled,
        "unit": _code(spelled, units),
    }
    zero, span = item.get("Zero"), item.get("Span")
    if isinstance(zero, int | float) and isinstance(span, int | float) and span > 0 and value_type == "float":
        told["low"], told["high"] = float(zero), float(zero + span)
    return told


def _code(spelled: str | None, units: Mapping[str, str]) -> str | None:
    if spelled is None:
        return None
    try:
        return find_unit(units.get(spelled, spelled)).code
    except UnknownUnitError:
        return None


def _linked(item: Mapping[str, Any]) -> str:
    """Give the id of the point that an attribute links to, as newer servers say it."""
    links = item.get("Links")
    link = cast("dict[str, Any]", links).get("Point") if isinstance(links, dict) else None
    return str(link).rpartition("/")[2] if link else ""


def _reference(item: Mapping[str, Any]) -> str:
    """Give the path, in lower case, of the point that an attribute's configuration names."""
    found = _REFERENCE.match(str(item.get("ConfigString") or ""))
    return f"\\\\{found['server']}\\{found['point']}".casefold() if found else ""


def _select(fields: str) -> str:
    return ";".join(f"Items.{name}" for name in fields.split(";"))
