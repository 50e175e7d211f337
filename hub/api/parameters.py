"""Parameters that several routes take."""

import base64
import binascii
from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import Depends, Path, Query, Request

from hub.api.instant import Instant
from hub.store.answers.pages import CursorError
from hub.store.keys import Caller
from hub.store.questions.grammar import MAX_LENGTH

LARGEST = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=1000, description="Most items on a page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next` of the page before; opaque, for the same question."),
]
Filter = Annotated[
    str | None,
    Query(
        max_length=MAX_LENGTH,
        description="OData `$filter`: `eq ne gt ge lt le in and or not`, `add sub mul div mod`, `contains "
        "startswith endswith tolower toupper trim length concat indexof substring year month day hour minute "
        "second date round floor ceiling`, `any`, `all`, `phases/$count`; names of the collection's "
        "properties (/v1/collections); a reference matches by any of its names, and leads on: "
        "`product/code`.",
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
    str | None,
    Query(
        alias="order",
        max_length=MAX_LENGTH,
        description="Properties in their order, each alone or with `asc` or `desc`; what is not known comes "
        "last.",
        examples=["actual_start desc, code"],
    ),
]
ThingName = Annotated[str, Path(max_length=200, description="Its uid, or any of its names in any system.")]
RowId = Annotated[int, Path(ge=1, le=LARGEST)]
Retracted = Annotated[
    list[Literal["retracted"]],
    Query(default_factory=list, description="Also what its source has taken back."),
]
Start = Annotated[Instant | None, Query(description="First time, inclusive, with its zone.")]
End = Annotated[Instant | None, Query(description="Last time, exclusive, with its zone.")]


def name_actor(caller: Caller) -> str:
    """Give somebody's name as it stands in the audit trail and in the log of reads."""
    return f"{caller.name[:60]} ({caller.public_id})"


async def name_caller(request: Request) -> str:
    """Give who asks as the audit trail names them: the key's name and its public id (`async` as `enter`)."""
    return name_actor(request.state.caller)


Actor = Annotated[str, Depends(name_caller)]
"""Who asks, for what is written in their name."""


def encode_key(key: list[Any]) -> str:
    """Give a key as an opaque cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def decode_key(cursor: str) -> list[Any]:
    """Give the key of a cursor. Raises `CursorError`."""
    try:
        key: Any = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise CursorError("the cursor is not one of ours; start again without it") from error
    return cast("list[Any]", key) if isinstance(key, list) else []
