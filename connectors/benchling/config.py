"""Settings of the `benchling` connector: a tenant's schemas are its own, so settings say what they mean."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.sdk import HttpConfig

__all__ = ["BenchlingConfig", "EntitySchema", "OAuth", "TestSchema"]


EntityField = Literal["material", "lot", "batch", "taken_at", "expires_at", "manufactured_at", "supplier_lot"]


class OAuth(BaseModel):
    """An app's own login (OAuth 2.0 client credentials)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, description="client ID of the app")
    client_secret: SecretStr = Field(description="its secret")


class EntitySchema(BaseModel):
    """What custom entities of a schema are. `fields` names, by ours, the tenant's field that holds each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_id: str = Field(min_length=1, description="e.g. ts_EM122lfJ")
    becomes: Literal["material", "lot", "sample"] = Field(description="what an entity of this schema is")
    fields: dict[EntityField, str] = Field(
        default_factory=dict[EntityField, str], description="our name to the field's name in Benchling"
    )


class TestSchema(BaseModel):
    """What results or runs of a schema are: which field says what was tested, which fields are tests."""

    __test__: ClassVar[bool] = False
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_id: str = Field(min_length=1, description="e.g. assaysch_fFLKmdmG")
    of: Literal["results", "runs"] = Field(default="results", description="assay results, or assay runs")
    subject: str = Field(min_length=1, description="field that holds what was tested")
    subject_is: Literal["sample", "lot", "batch"] = Field(
        default="sample", description="what the subject is: an entity of a sample's schema, a lot, or a batch"
    )
    tests: dict[str, str] = Field(
        default_factory=dict, description="field to test code; empty takes every number under its own name"
    )
    measured_at: str | None = Field(default=None, description="field with the time of testing")


class BenchlingConfig(HttpConfig):
    """A Benchling tenant, read through its v2 API."""

    reach: ClassVar[Mapping[str, Any]] = {
        **HttpConfig.reach,
        "url": "http://nowhere.invalid",
        "api_key": "nothing",
        "oauth": None,
        "page_size": 100,
        "overlap_s": 300,
        "runs_look_back_days": 30,
    }

    url: str = Field(pattern=r"^https?://", description="the tenant, e.g. https://acme.benchling.com")
    api_key: SecretStr | None = Field(default=None, description="API key of a user")
    oauth: OAuth | None = Field(default=None, description="login of an app, in place of `api_key`")
    entities: tuple[EntitySchema, ...] = Field(
        default=(), description="schemas of custom entities to be read"
    )
    tests: tuple[TestSchema, ...] = Field(default=(), description="schemas of results and runs to be read")
    page_size: int = Field(default=100, ge=1, le=100, description="objects asked for at once (at most 100)")
    overlap_s: int = Field(default=300, ge=1, description="seconds by which a read looks back")
    runs_look_back_days: int = Field(
        default=30,
        ge=1,
        description="runs tell no change time: so many days of them are read again each time",
    )

    @model_validator(mode="after")
    def check_login(self) -> Self:
        """Refuse no login or two, nothing to read, and a schema that is named twice."""
        if (self.api_key is None) == (self.oauth is None):
            raise ValueError("give `api_key` or `oauth`")
        named = [schema.schema_id for schema in (*self.entities, *self.tests)]
        if not named:
            raise ValueError("name at least one schema in `entities` or `tests`")
        if len(set(named)) != len(named):
            raise ValueError("a schema is named twice")
        return self
