"""The server's variables: name, unit, type, limits, the words of states, and whether history is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.opcua.session import UaSession
from connectors.opcua.settings import OpcUaConfig
from hub.model import Tag, UnknownUnitError, find_unit
from hub.sdk import Misconfigured
from hub.sdk.opcua.stack import ua

_CURRENT_READ, _HISTORY_READ = 0x01, 0x04
_SERVER = 2253
_PROPERTIES = frozenset(
    {"EngineeringUnits", "EURange", "EnumStrings", "EnumValues", "TrueState", "FalseState", "InstrumentRange"}
)
_UNECE = "http://www.opcfoundation.org/UA/units/un/cefact"
_FLOATS = frozenset({10, 11, 26, 50})
_INTEGERS = frozenset(range(2, 10)) | {27, 28}
ValueType = Literal["float", "integer", "boolean", "string"]


@dataclass(slots=True)
class Signal:
    """One variable."""

    node: Any
    name: str
    path: tuple[str, ...]
    """Browse names from below the root to its own."""
    description: str | None = None
    unit: str | None = None
    source_unit: str | None = None
    value_type: ValueType | None = None
    low: float | None = None
    high: float | None = None
    states: dict[int, str] = field(default_factory=dict[int, str])
    keeps_history: bool = True

    def to_tag(self) -> Tag:
        """Make the record of a tag."""
        return Tag.model_validate(
            {
                "id": self.name,
                "description": (self.description or "/".join(self.path))[:400],
                "unit": self.unit,
                "source_unit": self.source_unit,
                "value_type": self.value_type,
                "is_step": None if self.value_type is None else self.value_type != "float",
                "low": self.low,
                "high": self.high,
            }
        )


@dataclass(slots=True)
class _Found:
    """A variable on the way: its properties are other nodes, read later together."""

    node: Any
    path: tuple[str, ...]
    keeps_history: bool = True
    properties: dict[str, Any] = field(default_factory=dict[str, Any])


async def find_signals(session: UaSession, config: OpcUaConfig) -> dict[str, Signal]:
    """Give the variables that the settings take as tags, by tag name."""
    found = await (_named(session, config) if config.nodes else _browse(session, config))
    nodes = [one.node for one in found]
    access = await session.read(nodes, ua.AttributeIds.AccessLevel)
    historizing = await session.read(nodes, ua.AttributeIds.Historizing)
    kept: list[_Found] = []
    for one, given, active in zip(found, access, historizing, strict=True):
        level = given if isinstance(given, int) else 0
        historized = bool(level & _HISTORY_READ) or active is True
        one.keeps_history = historized and config.variables != "live_only"
        if one.keeps_history or (config.variables != "historized" and level & _CURRENT_READ):
            kept.append(one)
    signals = await _describe(session, config, kept)
    return {signal.name: signal for signal in signals}


async def _browse(session: UaSession, config: OpcUaConfig) -> list[_Found]:
    """Walk down from the root, level by level; each node is visited once."""
    root = parse_node(config.root, "root")
    if await session.read([root], ua.AttributeIds.BrowseName) == [None]:
        raise Misconfigured(f"{config.endpoint} has no node {config.root}", remedy="correct `root`")
    variables: list[_Found] = []
    seen = {root}
    level: list[_Found] = [_Found(root, ())]
    for _ in range(config.depth):
        following: list[_Found] = []
        for parent, references in zip(level, await session.children([p.node for p in level]), strict=True):
            for reference in references:
                node, name = reference.NodeId, reference.BrowseName.Name or ""
                if name in _PROPERTIES:
                    parent.properties[name] = node
                elif node not in seen and not _is_server(node):
                    seen.add(node)
                    one = _Found(node, (*parent.path, name))
                    following.append(one)
                    if reference.NodeClass == ua.NodeClass.Variable and not _is_property(reference):
                        variables.append(one)
        level = following
        if not level:
            break
    return variables


async def _named(session: UaSession, config: OpcUaConfig) -> list[_Found]:
    """Take the nodes that the settings name; what is gone is left out, and said by `check`."""
    nodes = [parse_node(text, "nodes") for text in config.nodes]
    names = await session.read(nodes, ua.AttributeIds.BrowseName)
    found = [
        _Found(node, (str(name.Name),)) for node, name in zip(nodes, names, strict=True) if name is not None
    ]
    for one, references in zip(found, await session.children([f.node for f in found]), strict=True):
        for reference in references:
            if (reference.BrowseName.Name or "") in _PROPERTIES:
                one.properties[reference.BrowseName.Name] = reference.NodeId
    return found


async def _describe(session: UaSession, config: OpcUaConfig, found: Sequence[_Found]) -> list[Signal]:
    nodes = [one.node for one in found]
    types = await session.read(nodes, ua.AttributeIds.DataType)
    texts = await session.read(nodes, ua.AttributeIds.Description)
    asked = [(i, name, node) for i, one in enumerate(found) for name, node in one.properties.items()]
    values = await session.read([node for _, _, node in asked], ua.AttributeIds.Value)
    properties: list[dict[str, Any]] = [{} for _ in found]
    for (i, name, _), value in zip(asked, values, strict=True):
        properties[i][name] = value
    enums = await _read_enums(session, types)
    signals: list[Signal] = []
    for one, kind, text, told in zip(found, types, texts, properties, strict=True):
        name = one.node.to_string() if config.tag_name == "node_id" else "/".join(one.path)
        signal = Signal(one.node, name, one.path, description=_text(text), keeps_history=one.keeps_history)
        signal.states = enums.get(kind) or _states(told)
        signal.value_type = _value_type(kind, is_enum=bool(signal.states))
        signal.unit, signal.source_unit = _unit(told.get("EngineeringUnits"), config.units)
        limits = told.get("EURange")
        if limits is not None and limits.High > limits.Low:
            signal.low, signal.high = float(limits.Low), float(limits.High)
        signals.append(signal)
    return signals


async def _read_enums(session: UaSession, types: Iterable[Any]) -> dict[Any, dict[int, str]]:
    """Give the words of enumerated data types, by type."""
    own = sorted({t for t in types if t is not None and (t.NamespaceIndex or t.Identifier > 50)}, key=str)
    found: dict[Any, dict[int, str]] = {}
    for kind, references in zip(own, await session.children(own), strict=True):
        named = {r.BrowseName.Name: r.NodeId for r in references if r.BrowseName.Name in _PROPERTIES}
        values = await session.read(list(named.values()), ua.AttributeIds.Value)
        found[kind] = _states(dict(zip(named, values, strict=True)))
    return found


def _states(told: Mapping[str, Any]) -> dict[int, str]:
    """Give the words of states from EnumStrings, EnumValues, or TrueState and FalseState."""
    strings = told.get("EnumStrings")
    if strings:
        return {i: _text(text) or str(i) for i, text in enumerate(strings)}
    values = told.get("EnumValues")
    if values:
        return {int(v.Value): _text(v.DisplayName) or str(v.Value) for v in values}
    true, false = _text(told.get("TrueState")), _text(told.get("FalseState"))
    return {0: false, 1: true} if true and false else {}


def _unit(given: Any, units: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Give UCUM code and the source's own spelling of EUInformation (OPC UA Part 8, 5.6.3)."""
    if given is None:
        return None, None
    shown = _text(given.DisplayName)
    code = ""
    if given.NamespaceUri == _UNECE and given.UnitId > 0:  # the number is the UNECE code, read big-endian
        code = int(given.UnitId).to_bytes(4, "big").decode("ascii", errors="ignore").strip("\x00")
    for spelled in (units.get(shown or ""), code, shown):
        if spelled:
            try:
                return find_unit(spelled).code, shown or code
            except UnknownUnitError:
                continue
    return None, shown or code or None


def _value_type(kind: Any, *, is_enum: bool) -> ValueType | None:
    if is_enum:
        return "integer"
    if kind is None or kind.NamespaceIndex:
        return None
    if kind.Identifier in _FLOATS:
        return "float"
    if kind.Identifier in _INTEGERS:
        return "integer"
    return {1: "boolean", 12: "string", 21: "string"}.get(kind.Identifier)  # type: ignore[return-value] - words of the table


def parse_node(text: str, setting: str) -> Any:
    """Read a node id such as `ns=2;s=BR1.TEMP`; `Misconfigured` names the setting."""
    try:
        return ua.NodeId.from_string(text)
    except (ua.UaError, ValueError) as error:
        raise Misconfigured(
            f"{text!r} is no node id", remedy=f"write `{setting}` as ns=2;s=NAME or i=85"
        ) from error


def _is_server(node: Any) -> bool:
    return node.NamespaceIndex == 0 and node.Identifier == _SERVER


def _is_property(reference: Any) -> bool:
    return bool(reference.ReferenceTypeId.Identifier == ua.ObjectIds.HasProperty)


def _text(given: Any) -> str | None:
    text = getattr(given, "Text", given)
    return str(text) if text else None
