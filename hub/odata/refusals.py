"""What cannot be answered, as error documents (OData JSON Format 4.0, 21.1) that say what to do instead."""

from typing import Any

import orjson
from fastapi import Response

from hub.api.problems import KINDS, Problem, problem_of
from hub.store.questions.expression import FilterError, NotCompiled

VERSION = {"OData-Version": "4.0"}
_GONE = "not-kept"


class Refusal(Exception):
    """A request that cannot be answered: status, a word for programs, what to do, in which option it is."""

    def __init__(
        self, status: int, code: str, detail: str, *, target: str | None = None, allow: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.target = target
        self.allow = allow


def not_compiled(what: str, *, target: str | None = None) -> Refusal:
    """Give the refusal of something that OData has and this door has not; it is named."""
    return Refusal(501, "not-compiled", f"{what} is not offered by this service.", target=target)


def refuse(error: Exception, *, target: str | None = None) -> Response:
    """Give the error document of whatever went wrong."""
    match error:
        case Refusal():
            headers = {"Allow": error.allow} if error.allow else {}
            return _write(error.status, error.code, error.detail, error.target or target, headers)
        case NotCompiled():
            return _write(501, "not-compiled", str(error), target, {})
        case FilterError():
            return _write(400, "invalid-query", str(error), target, {})
        case _:
            return refuse_problem(problem_of(error), target=target)


def refuse_problem(problem: Problem, *, target: str | None = None) -> Response:
    """Give a problem of the hub as an error document; what cannot be understood is 400 here, not 422."""
    status, _ = KINDS[problem.kind]
    status = 410 if problem.kind == _GONE else 400 if status == 422 else status
    places = [f"{one['at'] or one['in']}: {one['detail']}" for one in problem.members.get("errors", ())]
    detail = "; ".join(places) or problem.detail
    return _write(status, problem.kind, detail, target, problem.headers)


def _write(status: int, code: str, message: str, target: str | None, headers: dict[str, str]) -> Response:  # noqa: PLR0917 - the parts of an error document in its order
    error: dict[str, Any] = {"code": code, "message": f"{message.removesuffix('.')}."}
    if target is not None:
        error["target"] = target
    return Response(
        orjson.dumps({"error": error}),
        status,
        media_type="application/json;odata.metadata=minimal",
        headers={**headers, **VERSION},
    )
