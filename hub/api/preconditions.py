"""Preconditions (RFC 9110, 13): whoever judges a thing says which state of it was seen, by its entity tag.

The tag of a document is strong: equal tags are equal bytes. It is made of a digest of the whole and a short
one of each member, so that a tag which no longer matches still tells which members have changed since.
"""

import hashlib
from typing import Annotated, Any

import orjson
from fastapi import Header, Request, Response

from hub.api.answer import answer
from hub.api.problems import Problem
from hub.api.remembering import VALIDATED, is_held

_WHOLE, _MEMBER = 16, 4

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The `ETag` that the GET of this thing gave: nothing is done when it has changed since.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", max_length=1000, description="`*`: only if there is none yet."),
]


def write_tag_of(document: dict[str, Any]) -> str:
    """Give the strong entity tag of a document."""
    members = "".join(_digest(document[name], _MEMBER) for name in sorted(document))
    return f'"{_digest(document, _WHOLE)}-{members}"'


def answer_tagged(request: Request, document: dict[str, Any]) -> Response:
    """Give a document with its tag, or 304 to one who has it (RFC 9110, 13.1.2)."""
    tag = write_tag_of(document)
    is_known = is_held(tag, request.headers.get("if-none-match"))
    response = Response(status_code=304) if is_known else answer(document)
    response.headers["ETag"] = tag
    response.headers.update(VALIDATED)
    return response


def check_seen(
    document: dict[str, Any] | None, if_match: str | None, *, address: str, is_needed: bool
) -> None:
    """Refuse to judge what has changed since it was seen, or was not seen at all where that is needed.

    `document` is None when there is nothing yet, which nobody can have seen.
    Raises `Problem`: 428 (RFC 6585, 3) and 412 (RFC 9110, 13.1.1).
    """
    if if_match is None:
        if is_needed and document is not None:
            raise Problem(
                "precondition-needed",
                f"Read {address} first, and send its `ETag` as `If-Match`: who decides says what was seen.",
            )
        return
    if document is None:
        raise Problem("precondition-failed", "There is nothing yet that could match; send no `If-Match`.")
    held = [tag.strip() for tag in if_match.split(",")]
    tag = write_tag_of(document)
    if tag in held or held == ["*"]:
        return
    changed = _list_changed(document, held[0])
    told = f"Since then {', '.join(f'`{name}`' for name in changed)} changed. " if changed else ""
    raise Problem(
        "precondition-failed",
        f"{told}Nothing was done. Read {address} again, and decide about what it says now.",
        members={"changed": changed, "current": document, "etag": tag},
    )


def check_absent(if_none_match: str | None, *, is_there: bool) -> None:
    """Refuse to make what is there already, when only a new one is wanted. Raises `Problem`."""
    if is_there and if_none_match is not None and if_none_match.strip() == "*":
        raise Problem(
            "precondition-failed",
            "There is one already, and nothing was done. To change it, send its `ETag` as `If-Match`.",
        )


def _list_changed(document: dict[str, Any], tag: str) -> list[str]:
    """Give the members that are not what they were; none when the tag is not one of such a document."""
    told = tag.strip('"').partition("-")[2]
    names = sorted(document)
    if len(told) != _MEMBER * len(names):
        return []
    parts = [told[at : at + _MEMBER] for at in range(0, len(told), _MEMBER)]
    return [name for name, part in zip(names, parts, strict=True) if part != _digest(document[name], _MEMBER)]


def _digest(value: Any, length: int) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_UTC_Z)).hexdigest()[:length]
