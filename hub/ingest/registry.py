"""Connectors by name, through the entry-point group `plantwide.connectors`; ours come in by the same door."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hub.sdk import API_LEVEL, Connector, Misconfigured

GROUP = "plantwide.connectors"


def list_connectors() -> dict[str, EntryPoint]:
    """Give the entry points of all installed connectors by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def load_connector(name: str) -> type[Connector[Any]]:
    """Give a connector class; `Misconfigured` when it is not installed or speaks another API level."""
    points = list_connectors()
    if name not in points:
        raise Misconfigured(
            f"connector {name!r} is not installed",
            remedy=f"install its package or use one of: {', '.join(points)}",
        )
    try:
        found: type[Connector[Any]] = points[name].load()
    except (ImportError, AttributeError) as error:
        raise Misconfigured(
            f"connector {name!r} cannot be loaded: {error}",
            remedy=f"install its extra: pip install 'plantwide[{name}]'",
        ) from error
    if found.api_level != API_LEVEL:
        raise Misconfigured(
            f"connector {name!r} speaks API level {found.api_level}, this hub speaks {API_LEVEL}",
            remedy="install a release of the connector for this hub",
        )
    return found
