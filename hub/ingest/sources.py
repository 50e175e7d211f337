"""Source settings: one YAML file a source, placeholders filled in memory only."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from hub.ingest.registry import load_connector
from hub.ingest.tagmap import TagMap, TagMapSettings, load_tag_map
from hub.model import Identifier, Instant
from hub.sdk import Config, Connector, Misconfigured
from hub.sdk.config import Zone

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_LOCAL_CODE = r"^[a-z][a-z0-9._-]*$"


class History(BaseModel):
    """How a historian is read: from when, in windows of how many seconds, and how far behind now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Instant | None = None
    window_s: float = Field(default=7 * 86400.0, gt=0)
    settle_s: float = Field(default=0.0, ge=0)


class SourceFile(BaseModel):
    """The shape of `sources/<code>.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=_LOCAL_CODE, max_length=60)
    kind: Literal["MES", "LIMS", "ERP", "HISTORIAN", "QMS", "DCS", "MODEL", "MANUAL", "FILE"]
    connector: str
    timezone: Zone | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    tags: TagMapSettings | None = None
    history: History = History()


class FrameRule(BaseModel):
    """How runs are found from signals of a unit: a tag holds the batch, conditions on others name phases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    equipment: str
    batch_tag: str
    batch_scheme: str
    name: str
    gap_s: float | None = None
    equipment_scheme: str | None = None
    min_s: float = 0.0
    phases: dict[str, str] = Field(default_factory=dict)


def _split(given: object) -> object:
    if isinstance(given, str):
        scheme, sign, value = given.partition("|")
        if not sign or ":" not in scheme:
            msg = f"{given!r}: write <source>:<scheme>|<value>, e.g. erp:plant|1010"
            raise ValueError(msg)
        return Identifier(scheme=scheme, value=value)
    return given


ScopedName = Annotated[Identifier, BeforeValidator(_split)]
"""A name with its full scheme, written `scheme|value`."""


class IdentityFile(BaseModel):
    """The shape of `identity.yaml`: what the site declares to be one thing.

    `normalised`: by entity type, groups of schemes among which normalised equality is identity.
    `declared`: by entity type, names (`scheme|value`) of one thing, e.g. a plant's code in ERP and MES.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    normalised: dict[str, list[list[str]]] = Field(default_factory=dict)
    declared: dict[str, list[list[ScopedName]]] = Field(default_factory=dict)


class FramesFile(BaseModel):
    """The shape of `frames.yaml`: runs to be found from signals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: list[FrameRule] = Field(default_factory=list[FrameRule])


@dataclass(frozen=True)
class Source:
    """A source ready to run: its settings checked against its connector."""

    code: str
    kind: str
    connector: str
    timezone: str | None
    config: Config
    history: History
    tag_map: TagMap | None

    def open(self) -> Connector[Any]:
        """Make the connector."""
        return load_connector(self.connector)(self.config)


@dataclass(frozen=True)
class Project:
    """A folder of settings: sources, identity whitelist, runs to be found from signals."""

    folder: Path
    sources: tuple[Source, ...]
    identity: IdentityFile = field(default_factory=IdentityFile)
    frames: tuple[FrameRule, ...] = ()

    def source(self, code: str) -> Source:
        """Give the source with this code; `Misconfigured` lists the known ones."""
        for one in self.sources:
            if one.code == code:
                return one
        raise Misconfigured(
            f"no source {code!r} in {self.folder}", remedy=f"known: {', '.join(s.code for s in self.sources)}"
        )


def load_project(folder: Path, given: Mapping[str, str] | None = None) -> Project:
    """Read a project folder. `given` fills `${name}` placeholders, e.g. `data` for `${data}`.

    Raises `Misconfigured` that names the file and the setting.
    """
    files = sorted((folder / "sources").glob("*.yaml"))
    if not files:
        raise Misconfigured(
            f"{folder / 'sources'} holds no *.yaml", remedy="run `plantwide init` there, or give --config"
        )
    values = {"config": str(folder.resolve()), **(given or {})}
    sources = tuple(_load_source(file, values) for file in files)
    codes = [s.code for s in sources]
    if twice := {c for c in codes if codes.count(c) > 1}:
        raise Misconfigured(f"two sources share a code in {folder}: {', '.join(sorted(twice))}")
    identity = _read(folder / "identity.yaml", IdentityFile, values)
    frames = _read(folder / "frames.yaml", FramesFile, values)
    return Project(folder, sources, identity or IdentityFile(), tuple(frames.frames) if frames else ())


def _load_source(file: Path, values: Mapping[str, str]) -> Source:
    raw = _read(file, SourceFile, values)
    if raw is None:
        raise Misconfigured(f"{file} is empty")
    connector = load_connector(raw.connector)
    settings = dict(raw.settings)
    if raw.timezone and "timezone" in connector.config_class.model_fields:
        settings.setdefault("timezone", raw.timezone)
    try:
        config = connector.config_class.model_validate(settings)
    except ValidationError as error:
        raise Misconfigured(f"{file}: settings of connector {raw.connector}: {_faults(error)}") from None
    tag_map = load_tag_map(file.parent.parent, raw.tags) if raw.tags else None
    return Source(
        code=raw.code,
        kind=raw.kind,
        connector=raw.connector,
        timezone=raw.timezone,
        config=config,
        history=raw.history,
        tag_map=tag_map,
    )


def _read(file: Path, shape: type[Any], values: Mapping[str, str]) -> Any:
    if not file.exists():
        return None
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise Misconfigured(f"{file} is not valid YAML: {error}") from error
    try:
        return shape.model_validate(_fill(loaded, values, file))
    except ValidationError as error:
        raise Misconfigured(f"{file}: {_faults(error)}") from None


def _fill(node: Any, values: Mapping[str, str], file: Path) -> Any:
    """Replace `${env:NAME}`, `${file:PATH}` and given names; what is filled in is never written anywhere."""
    if isinstance(node, dict):
        mapping = cast("dict[Any, Any]", node)
        return {key: _fill(value, values, file) for key, value in mapping.items()}
    if isinstance(node, list):
        return [_fill(value, values, file) for value in cast("list[Any]", node)]
    if isinstance(node, str):
        return _PLACEHOLDER.sub(lambda found: _value(found.group(1), values, file), node)
    return node


def _value(name: str, values: Mapping[str, str], file: Path) -> str:
    kind, _, rest = name.partition(":")
    if kind == "env":
        found = values.get(rest, os.environ.get(rest))
        if found is None:
            raise Misconfigured(f"{file}: environment variable {rest} is not set")
        return found
    if kind == "file":
        path = Path(rest) if Path(rest).is_absolute() else file.parent / rest
        if not path.is_file():
            raise Misconfigured(f"{file}: secret file {path} does not exist")
        return path.read_text(encoding="utf-8").strip()
    if name in values:
        return values[name]
    raise Misconfigured(
        f"{file}: placeholder ${{{name}}} has no value", remedy=f"give it with --set {name}=…"
    )


def _faults(error: ValidationError) -> str:
    """Say what is wrong without repeating values (they may be secrets)."""
    return "; ".join(
        f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {e['msg']}"
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    )
