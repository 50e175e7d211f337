"""Names of things: a value inside a scheme, as B2MML's IdentifierType (schemeID) and FHIR's Identifier."""

import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NOISE = re.compile(r"[^A-Z0-9]+")


def normalise(value: str) -> str:
    """Give the form in which whitelisted schemes are compared: upper case, letters and digits only.

    Leading zeros go (SAP pads, people do not); a value of zeros alone keeps one.
    """
    bare = _NOISE.sub("", value.upper())
    return bare.lstrip("0") or bare[:1]


class Identifier(BaseModel):
    """A name of one thing in one scheme.

    `scheme` without a colon is local to the source that says it (the hub puts `<source>:` in front);
    with a colon it is another system's, e.g. `sap.prd:process_order`. `match` is the part of a compound
    value that people write elsewhere: an SAP lot is `300214|1010|B260117` and matches as `B260117`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: str = Field(default="", max_length=80)
    value: str = Field(min_length=1, max_length=200)
    match: str | None = Field(default=None, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def accept_text(cls, given: Any) -> Any:
        """Take a plain text as a value in the default scheme of the field's type."""
        return {"value": given.strip()} if isinstance(given, str) else given

    @property
    def norm(self) -> str:
        """The comparable form of the value."""
        return normalise(self.match or self.value)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.match or self.value

    def within(self, scheme: str) -> Self:
        """Give the same name in this local scheme when it was given without one."""
        return self if self.scheme else self.model_copy(update={"scheme": scheme})

    def under(self, source: str, entity_type: str) -> Self:
        """Give the same name with its full scheme: `<source>:<scheme or entity type>` when it was local."""
        if ":" in self.scheme:
            return self
        return self.model_copy(update={"scheme": f"{source}:{self.scheme or entity_type}"})
