"""The hub's own settings: `plantwide.toml`, then `PLANTWIDE_` environment variables, then command options."""

import os
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def _secrets_folder() -> Path | None:
    """Give the folder of secret files (`plantwide_database`, …): systemd's, else the containers' one."""
    named = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/secrets"))
    return named if named.is_dir() else None


class Settings(BaseSettings):
    """Where the hub keeps its state, what it reads, and where it serves."""

    model_config = SettingsConfigDict(env_prefix="PLANTWIDE_", toml_file="plantwide.toml", extra="forbid")

    data: Path = Field(
        default=Path("plantwide-data"),
        description="folder of an embedded hub: hub.db, samples/, keys/, heads/",
    )
    database: str | None = Field(
        default=None,
        description="PostgreSQL URL, e.g. postgresql://plantwide@db/plantwide; without it SQLite in `data`",
    )
    config: Path = Field(
        default=Path(), description="project folder: sources/*.yaml, identity.yaml, rules.yaml, frames.yaml"
    )
    host: str = Field(default="127.0.0.1", description="address to serve on")
    port: int = Field(
        default=8000, ge=1, le=65535, description="port to serve on; the next free one if taken"
    )
    tick_s: float = Field(default=5.0, gt=0, description="seconds between looks at which sources are due")
    live: bool = Field(
        default=True, description="follow sources that are set up for it while serving, beside reading them"
    )
    live_flush_s: float = Field(
        default=10.0,
        ge=0,
        le=15,
        description="seconds for which live values are gathered into one write, which costs a frame a tag",
    )
    live_rows: int = Field(
        default=50_000, ge=1, description="number of gathered live values that is written without waiting"
    )
    seal_s: float = Field(
        default=60.0, gt=0, description="seconds between signed heads of the audit trail while serving"
    )
    audit_key: SecretStr | None = Field(
        default=None,
        description="Ed25519 private key that seals the audit trail: a PEM file (made if not there), or "
        "the PEM text itself; SQLite without it: `keys/audit.pem` in `data`; PostgreSQL: one for all nodes",
    )
    audit_reads: list[str] = Field(
        default_factory=list[str],
        description="data products whose readers are noted (see docs/reads.md), e.g. "
        '["batches", "samples", "odata:*", "mcp:*", "reader:3fa9c1d20b7e"]; ["*"] for all; without it none',
    )
    audit_reads_days: int | None = Field(
        default=None,
        ge=1,
        description="days for which what is noted of reads is kept, and then let go; without it for ever",
    )
    heads_file: Path | None = Field(
        default=None,
        description="file that heads are appended to, best on another machine; without it "
        "`heads/heads.jsonl` in `data`",
    )
    heads_syslog: str | None = Field(
        default=None, description="syslog that heads go to: /dev/log, udp://host:514 or tcp://host:601"
    )
    heads_webhook: SecretStr | None = Field(
        default=None, description="https address that heads are posted to as JSON"
    )
    samples: str | None = Field(
        default=None,
        description="where cold runs of samples lie: a folder (shared by all nodes), or an address such as "
        "s3://bucket/plantwide; without it `samples/` in `data`",
    )
    samples_options: dict[str, SecretStr] = Field(
        default_factory=dict[str, SecretStr],
        description="options of that address as JSON, e.g. AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY (see docs/lakehouse.md)",
    )
    fold_s: float = Field(
        default=60.0, gt=0, description="seconds after which samples are folded from frames into cold runs"
    )
    fold_rows: int = Field(
        default=1_000_000, ge=1, description="number of samples in frames that is folded without waiting"
    )
    compact_s: float = Field(
        default=900.0, gt=0, description="seconds between looks at which periods are to be compacted"
    )
    compact_runs: int = Field(
        default=8, ge=2, description="number of sorted runs of a period that are made one without being asked"
    )
    period_rows: int = Field(
        default=10_000_000, ge=1, description="samples a month above which its runs are cut into days"
    )
    retain_days: int | None = Field(
        default=None,
        ge=1,
        description="days after which whole periods of samples may be let go by `plantwide samples retire`; "
        "without it none; never done by itself",
    )
    public_address: str = Field(
        default="",
        pattern=r"^(https?://[^/?#\s]+)?$",
        description="where other systems reach this hub, e.g. https://plantwide.example: links in events "
        "begin so; without it they begin with /v1",
    )
    webhook_key: SecretStr | None = Field(
        default=None,
        description="master key from which secrets of webhooks follow: a file (made if not there), or its "
        "text; SQLite without it: `keys/webhooks.key` in `data`; PostgreSQL: one for all nodes",
    )
    webhook_networks: list[str] = Field(
        default_factory=list[str],
        description="networks, beside the public internet, that webhooks may lead to, also by http, e.g. "
        '["10.20.0.0/16"]; without it none',
    )
    webhook_authorities: Path | None = Field(
        default=None,
        description="PEM file of the authorities that receivers' certificates come from; without it the "
        "machine's",
    )
    webhook_tick_s: float = Field(
        default=1.0, gt=0, description="seconds between looks at whether webhooks are to be told something"
    )
    star: Path | None = Field(
        default=None,
        description="folder of the star's Parquet files (see docs/mart.md); without it `star/` in `data`",
    )
    star_s: float = Field(
        default=300.0,
        gt=0,
        description="seconds between looks at which of these files have to be written anew while serving, "
        "where the extra `star` is installed",
    )
    kpi_s: float = Field(
        default=3600.0,
        gt=0,
        description="seconds after which key figures that can have changed are kept anew as `fact_kpi` while "
        "serving",
    )
    i3x_writes: bool = Field(
        default=False,
        description="let i3X clients with the permission `operate` write signals, with a reason and an audit "
        "row",
    )
    i3x_reason: str | None = Field(
        default=None,
        description="why i3X clients write that cannot send the header `Plantwide-Reason`, in 3 to 400 "
        "characters; without it such writes are refused",
    )
    requests_a_minute: int | None = Field(
        default=None,
        ge=1,
        description="requests that each key or person may make in a minute on the long run, at each node for "
        "itself (see docs/identity.md); without it as many as they like",
    )
    requests_at_once: int = Field(
        default=100, ge=1, description="requests of these that may come in a row without a pause"
    )
    read_seconds: float = Field(
        default=60.0,
        gt=0,
        description="seconds for which the database may work on a statement of a read through the API or the "
        "pages before it is refused; calls with `Prefer: respond-async` have all the time there is",
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="https address of the OpenID Connect issuer whose tokens let people in, exactly as `iss` "
        "has it; without it only API keys do (see docs/identity.md)",
    )
    oidc_audience: str = Field(default="", description="what tokens for this hub have in `aud`")
    oidc_roles_claim: str = Field(
        default="roles",
        description="claim with a person's roles: `roles` (Entra ID), `realm_access.roles` (Keycloak)",
    )
    oidc_roles: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="role here by value of that claim, e.g. plantwide-steward = steward; a value that is not "
        "named gives none (roles: see docs/rights.md)",
    )
    oidc_sites_claim: str = Field(
        default="",
        description="claim with the sites whose rows a person sees; without it everybody sees those of all",
    )
    oidc_sites: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="code of a site by value of that claim, e.g. plant-cork = CORK; * for all sites; a value "
        "that is not named gives none, and whoever has none is not let in",
    )
    oidc_skew_s: int = Field(
        default=30, ge=0, le=300, description="seconds by which the clocks of issuer and hub may differ"
    )
    log_level: str = Field(default="warning", description="debug, info, warning or error")

    @field_validator("i3x_reason")
    @classmethod
    def _read_reason(cls, reason: str | None) -> str | None:
        said = (reason or "").strip()
        if said and not (3 <= len(said) <= 400 and said.isprintable()):
            raise ValueError("say why in 3 to 400 printable characters, or leave it out")
        return said or None

    @property
    def star_folder(self) -> Path:
        """The folder of the star's files."""
        return self.star or self.data / "star"

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - the signature is that of pydantic-settings
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no file of secrets in a work folder
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its folder is found by us
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options win over the environment, that over secret files, those over the settings file."""
        return (
            init_settings,
            env_settings,
            SecretsSettingsSource(settings_cls, secrets_dir=_secrets_folder()),
            TomlConfigSettingsSource(settings_cls),
        )
