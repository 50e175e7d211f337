"""The shapes of i3X answers: success, failure (RFC 9457 members inside), and one result an item."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi import Response

from hub.api.problems import KINDS, Problem
from hub.api.slips import Counted, with_rows
from hub.store.questions.scope import BY_BATCH

_STATUSES = {404: 404, 401: 401, 403: 403, 413: 400, 429: 429, 501: 501, 503: 503, 500: 500}
Result = dict[str, Any]


class Refusal(Exception):
    """An i3X request, or an item of it, that cannot be done: a status of the guide and what to do instead."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    @property
    def told(self) -> Result:
        """The member `responseDetail`."""
        return tell(self.status, self.detail)


def tell(status: int, detail: str) -> Result:
    """Give a `responseDetail`."""
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def not_found(what: str) -> Refusal:
    """Give the refusal of an id that nothing has; it never repeats what was sent."""
    return Refusal(404, f"No {what} has this id; look at the list of them.")


WITHHELD = Refusal(403, f"{BY_BATCH} at /v1/batches.")
"""That of a signal whose samples whoever asks may not read by tag and time."""


def answer(result: Any, *, partial: str | None = None) -> Response:
    """Give a result; `partial` says why it is not all, which makes the status 206."""
    response = _write({"success": True, "result": result}, partial)
    return with_rows(response, len(cast("list[Any]", result)) if isinstance(result, list) else None)


def answer_printed(printed: str, *, partial: str | None = None) -> Response:
    """Give a result that is JSON already."""
    detail = "" if partial is None else f',"responseDetail":{orjson.dumps(tell(206, partial)).decode()}'
    body = f'{{"success":true,"result":{printed}{detail}}}'
    return Response(body.encode(), 200 if partial is None else 206, media_type="application/json")


def answer_bulk(
    ids: Sequence[str],
    results: Iterable[Any],
    *,
    name: str = "elementId",
    partial: str | None = None,
) -> Response:
    """Give one result for each id, in their order; a `Refusal` is a failure of that item alone."""
    items = [
        {"success": False, name: one, "responseDetail": result.told}
        if isinstance(result, Refusal)
        else {"success": True, name: one, "result": result}
        for one, result in zip(ids, results, strict=True)
    ]
    response = _write({"success": all(item["success"] for item in items), "results": items}, partial)
    return with_rows(response, len(items))


def answer_refusal(refusal: Refusal) -> Response:
    """Give a failure of the whole request."""
    return _respond({"success": False, "responseDetail": refusal.told}, refusal.status)


def answer_problem(problem: Problem) -> Response:
    """Give a problem of the hub in i3X's words; what is 4xx and not in its list is 400."""
    status, _ = KINDS[problem.kind]
    places = [f"{one['at'] or one['in']}: {one['detail']}" for one in problem.members.get("errors", ())]
    refusal = Refusal(
        _STATUSES.get(status, 400 if status < 500 else 500), "; ".join(places) or problem.detail
    )
    response = answer_refusal(refusal)
    response.headers.update(problem.headers)
    return response


def _write(content: Result, partial: str | None) -> Counted:
    if partial is None:
        return _respond(content, 200)
    return _respond({**content, "responseDetail": tell(206, partial)}, 206)


def _respond(content: Result, status: int) -> Counted:
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return Counted(body, status, media_type="application/json")
