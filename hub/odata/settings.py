"""How the OData door behaves; every limit answers with what to do instead."""

from pydantic import BaseModel, ConfigDict


class OdataSettings(BaseModel):
    """Limits of the door. `page_rows` is a page when the client says nothing, and the largest it may ask for;
    `skipped` is the largest `$skip`, `groups` the most rows of `$apply`, `requests` the most of one `$batch`,
    `words` the most of one `$search`, `counted` the most samples that are counted one by one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    page_rows: int = 5_000
    skipped: int = 1_000_000
    groups: int = 10_000
    requests: int = 100
    words: int = 8
    counted: int = 5_000_000
