"""Everything that goes wrong, as RFC 9457 problem details that name the remedy and never repeat the input."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hub.store.answers.failures import StoreFailure
from hub.store.answers.pages import CursorError
from hub.store.answers.things import Ambiguous, NotFound
from hub.store.database import Collided, StoreUnreachable
from hub.store.lake.cellar import NoPlace
from hub.store.lake.place import LakeUnreachable
from hub.store.past.compiler import NotKept
from hub.store.patience import TookTooLong
from hub.store.questions.collections import NoSuchCollection
from hub.store.questions.documents import TooMuch
from hub.store.questions.expression import FilterError
from hub.store.snapshot import NotYetKnown

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("hub.api")

KINDS: dict[str, tuple[int, str]] = {
    "malformed-request": (400, "The request cannot be read"),
    "key-needed": (401, "A valid API key is needed"),
    "token-invalid": (401, "The token does not count"),
    "role-missing": (403, "The token gives no role or site here"),
    "scope-missing": (403, "This key may not do that"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This address does not take that method"),
    "not-acceptable": (406, "None of the accepted formats is offered"),
    "ambiguous-name": (409, "Several things have this name"),
    "no-conflict": (409, "Nobody disagrees about that"),
    "contradicted": (409, "The decision contradicts what stands"),
    "no-decision": (409, "No decision stands there"),
    "still-running": (409, "The first of these requests is still being worked on"),
    "precondition-failed": (412, "It has changed since it was seen"),
    "body-too-large": (413, "The body is too large"),
    "address-too-long": (414, "The address is too long"),
    "too-much-asked": (422, "The answer would be too large"),
    "invalid-parameter": (422, "A parameter or the body is not valid"),
    "invalid-filter": (422, "The filter or order cannot be answered"),
    "invalid-rule": (422, "The rule cannot be kept"),
    "invalid-cursor": (422, "The cursor is not valid"),
    "key-reused": (422, "The Idempotency-Key named another request"),
    "not-kept": (422, "Earlier states of that are not kept"),
    "precondition-needed": (428, "The state that was seen must be named"),
    "too-many-requests": (429, "Too many requests"),
    "headers-too-large": (431, "The headers are too large"),
    "internal-error": (500, "Something went wrong here"),
    "not-offered": (501, "This hub does not offer that"),
    "store-unavailable": (503, "The store does not answer"),
    "took-too-long": (503, "The question takes too long"),
    "secrets-unavailable": (503, "A key of the hub itself cannot be used"),
    "issuer-unavailable": (503, "The issuer of tokens does not answer"),
}
"""Kinds of problems: the end of `type`, the status, the title."""


class Problem(Exception):
    """An answer that is a problem; the kind is one of `KINDS`."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def respond(self) -> Response:
        """Give the response."""
        status, title = KINDS[self.kind]
        content = {
            "type": f"urn:plantwide:problem:{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
            **self.members,
        }
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        return Response(body, status, media_type=MEDIA_TYPE, headers=self.headers)


def install_problems(
    app: FastAPI,
    *,
    show: Callable[["Problem", str], Response],
    stamp: Callable[[Request, Response], None],
) -> None:
    """Answer every error of the application as a problem.

    `show` makes a page of it for a browser, `stamp` says in it for which instant it stands.
    """

    def answer_problem(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        is_page = wants_page(request)
        response = show(problem, request.url.path) if is_page else problem.respond()
        stamp(request, response)
        return response

    for kind in (
        Problem,
        HTTPException,
        RequestValidationError,
        FilterError,
        CursorError,
        TooMuch,
        NoSuchCollection,
        NotFound,
        Ambiguous,
        NotKept,
        NotYetKnown,
        TookTooLong,
    ):
        app.add_exception_handler(kind, answer_problem)
    app.add_exception_handler(StoreFailure, answer_problem)
    app.add_exception_handler(StoreUnreachable, answer_problem)
    app.add_exception_handler(Collided, answer_problem)
    app.add_exception_handler(LakeUnreachable, answer_problem)
    app.add_exception_handler(NoPlace, answer_problem)


def wants_page(request: Request) -> bool:
    """Tell whether a person's browser asks for a page (never under /v1)."""
    accepts = request.headers.get("accept", "")
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in accepts
        and not request.url.path.startswith("/v1/")
    )


def problem_of(error: Exception) -> Problem:
    """Give the problem that an error is for the one who asked."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error.errors())
        case FilterError():
            where = {} if error.position is None else {"position": error.position + 1}
            return Problem("invalid-filter", str(error), members=where)
        case CursorError():
            return Problem("invalid-cursor", str(error))
        case TooMuch():
            return Problem("too-much-asked", f"{str(error)[:1].upper()}{str(error)[1:]}.")
        case NoSuchCollection():
            return Problem("not-found", "There is no collection of this name; /v1/collections lists all.")
        case Ambiguous():
            return Problem("ambiguous-name", str(error), members={"candidates": list(error.candidates)})
        case NotFound():
            return Problem("not-found", "Nothing has this uid, code or name; look at the list.")
        case NotKept():
            return Problem(
                "not-kept", f"Earlier states of {error.what} are not kept; ask without `as_known_at`."
            )
        case NotYetKnown():
            return Problem(
                "invalid-parameter", "`as_known_at` lies in the future; ask for an earlier instant."
            )
        case TookTooLong():
            return Problem("took-too-long", f"{str(error)[:1].upper()}{str(error)[1:]}. {_LESS}")
        case HTTPException():
            return _of_status(error)
        case StoreFailure() | StoreUnreachable() | Collided() | LakeUnreachable() | NoPlace():
            _log.error("store failed", exc_info=error)
            return Problem("store-unavailable", "Try again; if it stays, look at /readyz and the log.")
        case _:
            _log.error("request failed", exc_info=error)
            return Problem("internal-error", "The log of the hub says more; the request changed nothing.")


_LESS = (
    "Ask for less at once: a narrower filter, a shorter time, another order or fewer columns; or, where "
    "the address takes it, for the answer later with `Prefer: respond-async`."
)
_BY_STATUS = {
    400: (
        "malformed-request",
        "Send a body that is valid UTF-8 JSON, without NaN, Infinity or lone surrogates.",
    ),
    404: ("not-found", "This address does not exist; /v1/openapi.json lists all."),
    405: ("method-not-allowed", "The Allow header lists the methods of this address."),
    413: ("body-too-large", "Send less at once."),
}


def _of_status(error: HTTPException) -> Problem:
    kind, detail = _BY_STATUS.get(error.status_code, ("", ""))
    if kind:
        return Problem(kind, detail, headers=error.headers)
    if 400 <= error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem("malformed-request", _BY_STATUS[400][1])
    return Problem("internal-error", "The log of the hub says more; the request changed nothing.")


def _invalid(errors: Sequence[Any]) -> Problem:
    """Say where each error is and what would be valid. Messages of our own validators may quote the input."""
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(*_BY_STATUS[400])
    said = [
        {
            "in": str(error["loc"][0]) if error["loc"] else "request",
            "at": _place(error),
            "detail": "not valid" if error["type"] in ("value_error", "assertion_error") else error["msg"],
        }
        for error in errors
    ]
    return Problem(
        "invalid-parameter", "See `errors` for each place and what it takes.", members={"errors": said}
    )


def _place(error: Any) -> str:
    """Give the path of an error inside its part; the name of an unknown member is input and stays out."""
    path = list(error["loc"][1:])
    if error["type"] == "extra_forbidden":
        path = path[:-1]
    return ".".join(str(step) for step in path)
