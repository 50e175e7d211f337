"""Parameters that several routes take."""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AwareDatetime

LARGEST = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=1000, description="Most items on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next` of the page before; opaque, for the same order.")
]
Filter = Annotated[
    str | None,
    Query(
        max_length=2000,
        description="OData `$filter`: `eq ne gt ge lt le in and or not contains startswith endswith`; names "
        "of the answer's members; a reference matches by any of its names.",
        examples=["product eq '300214' and actual_start ge 2026-03-01T00:00:00Z"],
    ),
]
AnyName = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Any name of the thing in any system, however written (`b26 0117` finds `B26-0117`).",
    ),
]
Ordering = Annotated[
    str | None, Query(alias="order", max_length=80, description="A column, alone or with `asc` or `desc`.")
]
ThingName = Annotated[str, Path(max_length=200, description="Its uid, or any of its names in any system.")]
RowId = Annotated[int, Path(ge=1, le=LARGEST)]
Retracted = Annotated[
    list[Literal["retracted"]],
    Query(default_factory=list, description="Also what its source has taken back."),
]
Start = Annotated[AwareDatetime | None, Query(description="First time, inclusive, with its zone.")]
End = Annotated[AwareDatetime | None, Query(description="Last time, exclusive, with its zone.")]
