"""Source settings: one YAML file a source, placeholders filled in memory only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hub.ingest.registry import load_connector
from hub.ingest.tagmap import TagMap, TagMapSettings, load_tag_map
from hub.model import Identifier, Instant
from hub.sdk import Config, Connector, Misconfigured
from hub.sdk.config import Zone
from hub.sdk.placeholders import fill_placeholders

_LOCAL_CODE = r"^[a-z][a-z0-9._-]*$"


SourceKind = Literal["MES", "LIMS", "ERP", "HISTORIAN", "QMS", "DCS", "MODEL", "MANUAL", "FILE"]
"""What kind of system a source is."""


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
    kind: SourceKind
    connector: str
    timezone: Zone | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    tags: TagMapSettings | None = None
    history: History = History()


class DeliveredFile(BaseModel):
    """The shape of `delivered/<code>.yaml`: what this hub knows of a source that an edge agent reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=_LOCAL_CODE, max_length=60)
    tags: TagMapSettings = TagMapSettings()


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


class ApprovalGiven(BaseModel):
    """Who approved something and why; from when it counts (at once when left out)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str = Field(min_length=1, max_length=80)
    reason: str = Field(min_length=3, max_length=500)
    effective_from: Instant | None = None


class Renumbered(BaseModel):
    """A name that replaced others, and when (unknown when left out). All of them find the thing for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ScopedName
    replaces: list[ScopedName] = Field(min_length=1)
    at: Instant | None = None


class IdentityFile(BaseModel):
    """The shape of `identity.yaml`: what the site declares to be one thing.

    `normalised`: by entity type, groups of schemes among which normalised equality is identity.
    `approved`: who approved these groups, why and from when; without it they are put down to who runs.
    `declared`: by entity type, names (`scheme|value`) of one thing, e.g. a plant's code in ERP and MES.
    `renumbered`: by entity type, names that replaced others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    normalised: dict[str, list[list[str]]] = Field(default_factory=dict)
    approved: ApprovalGiven | None = None
    declared: dict[str, list[list[ScopedName]]] = Field(default_factory=dict)
    renumbered: dict[str, list[Renumbered]] = Field(default_factory=dict)


class ToleranceGiven(BaseModel):
    """How far two values may lie apart and agree: a part of what counts, or an amount (seconds for times)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    relative: float = Field(default=0.0, ge=0)
    absolute: float = Field(default=0.0, ge=0)
    unit: str | None = None


class RuleGiven(BaseModel):
    """Whose word counts for one attribute of one type of things, who approved that and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity_type: str
    attribute: str
    strategy: Literal["system", "latest", "earliest", "widest", "union"] = "system"
    order: tuple[str, ...] = ()
    tolerance: ToleranceGiven = ToleranceGiven()
    effective_from: Instant | None = None
    approved_by: str = Field(min_length=1, max_length=80)
    reason: str = Field(min_length=3, max_length=500)


class RulesFile(BaseModel):
    """The shape of `rules.yaml`: rules that differ from the hub's own.

    A rule is taken up when it is new or says something else than when it was last taken up; what a person
    has set since then stands. To take a rule back, write the one that should count instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: list[RuleGiven] = Field(default_factory=list[RuleGiven])


class FramesFile(BaseModel):
    """The shape of `frames.yaml`: runs to be found from signals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: list[FrameRule] = Field(default_factory=list[FrameRule])


class FeatureGiven(BaseModel):
    """A figure of each batch: a statistic of a tag over a phase, or over the batch when none is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=80)
    tag: str = Field(min_length=1, max_length=200)
    statistic: str
    phase: str | None = None
    occurrence: int | None = Field(default=None, ge=1)
    where: str | None = None
    state: float | str | None = None
    max_gap_s: float | None = Field(default=None, gt=0, le=1e9)
    holds: Literal["include", "exclude"] = "include"
    description: str | None = Field(default=None, max_length=500)


class FeaturesFile(BaseModel):
    """The shape of `features.yaml`: figures of batches to be computed from samples, and who approved them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: ApprovalGiven | None = None
    features: list[FeatureGiven] = Field(default_factory=list[FeatureGiven])

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Refuse two features of one name."""
        names = [one.name for one in self.features]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"two features are called {', '.join(twice)}"
            raise ValueError(msg)
        return self


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

    @cached_property
    def mapping(self) -> dict[str, Any]:
        """What shapes the meaning of what this source says: its settings without how it is reached."""
        told = self.config.meaning()
        return told if self.tag_map is None else {**told, "tag_map": self.tag_map.digest}

    def open(self) -> Connector[Any]:
        """Make the connector."""
        return load_connector(self.connector)(self.config)


@dataclass(frozen=True)
class DeliveredSource:
    """A source that an edge agent reads: what its tags are is known here."""

    code: str
    tag_map: TagMap


@dataclass(frozen=True)
class Project:
    """A folder of settings: sources, identity whitelist, precedence rules, runs to be found from signals."""

    folder: Path
    sources: tuple[Source, ...]
    identity: IdentityFile = field(default_factory=IdentityFile)
    frames: tuple[FrameRule, ...] = ()
    rules: tuple[RuleGiven, ...] = ()
    features: FeaturesFile = field(default_factory=FeaturesFile)
    delivered: tuple[DeliveredSource, ...] = ()

    def tag_map(self, code: str) -> TagMap | None:
        """Give the tag map of a source, read here or delivered; `Misconfigured` lists the known ones."""
        delivered = {one.code: one.tag_map for one in self.delivered}
        return delivered[code] if code in delivered else self.source(code).tag_map

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
    delivered = load_delivered(folder, given)
    if not files and not delivered:
        raise Misconfigured(
            f"{folder / 'sources'} holds no *.yaml", remedy="run `plantwide init` there, or give --config"
        )
    values = {"config": str(folder.resolve()), **(given or {})}
    sources = tuple(_load_source(file, values) for file in files)
    codes = [s.code for s in sources]
    if twice := {c for c in codes if codes.count(c) > 1}:
        raise Misconfigured(f"two sources share a code in {folder}: {', '.join(sorted(twice))}")
    if both := {one.code for one in delivered} & set(codes):
        raise Misconfigured(
            f"{folder}: {', '.join(sorted(both))} is in sources/ and in delivered/; the two would take turns",
            remedy="keep it in one of them",
        )
    identity = _read(folder / "identity.yaml", IdentityFile, values)
    frames = _read(folder / "frames.yaml", FramesFile, values)
    rules = _read(folder / "rules.yaml", RulesFile, values)
    features = _read(folder / "features.yaml", FeaturesFile, values)
    return Project(
        folder,
        sources,
        identity or IdentityFile(),
        tuple(frames.frames) if frames else (),
        tuple(rules.rules) if rules else (),
        features or FeaturesFile(),
        delivered,
    )


def load_delivered(folder: Path, given: Mapping[str, str] | None = None) -> tuple[DeliveredSource, ...]:
    """Read what a project folder knows of sources that edge agents read. Raises `Misconfigured`."""
    values = {"config": str(folder.resolve()), **(given or {})}
    found: dict[str, DeliveredSource] = {}
    for file in sorted((folder / "delivered").glob("*.yaml")):
        raw: DeliveredFile = _read(file, DeliveredFile, values)
        if raw.code in found:
            raise Misconfigured(f"two files in {file.parent} are about {raw.code}")
        found[raw.code] = DeliveredSource(raw.code, load_tag_map(folder, raw.tags))
    return tuple(found.values())


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
        return shape.model_validate(fill_placeholders(loaded, values, file))
    except ValidationError as error:
        raise Misconfigured(f"{file}: {_faults(error)}") from None


def _faults(error: ValidationError) -> str:
    """Say what is wrong without repeating values (they may be secrets)."""
    return "; ".join(
        f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {e['msg']}"
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    )
