"""The hub's own settings: `plantwide.toml`, then `PLANTWIDE_` environment variables, then command options."""

import os
from pathlib import Path

from pydantic import Field
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
        default=Path("plantwide-data"), description="folder of an embedded hub: hub.db, samples/, keys/"
    )
    database: str | None = Field(
        default=None,
        description="PostgreSQL URL, e.g. postgresql://plantwide@db/plantwide; without it SQLite in `data`",
    )
    config: Path = Field(
        default=Path(), description="project folder: sources/*.yaml, identity.yaml, frames.yaml"
    )
    host: str = Field(default="127.0.0.1", description="address to serve on")
    port: int = Field(
        default=8000, ge=1, le=65535, description="port to serve on; the next free one if taken"
    )
    tick_s: float = Field(default=5.0, gt=0, description="seconds between looks at which sources are due")
    log_level: str = Field(default="warning", description="debug, info, warning or error")

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
