"""Documents to bytes: JSON by orjson without a model in between, and pages with their Link header."""

from typing import Any, cast
from urllib.parse import quote, urlencode

import orjson
from fastapi import Request, Response

from hub.api.slips import Counted
from hub.store.answers.pages import Page, WrittenPage

PARAMETER, HEADER = "as_known_at", "Known-At"
"""The instant that a question is about, and the one that an answer stands for."""


class JsonBytes(Counted):
    """A JSON answer that is bytes already."""

    media_type = "application/json"


def answer(document: Any, status: int = 200) -> "JsonBytes":
    """Give a document as JSON; times are RFC 3339 in UTC with Z. Its rows are its `items`, if it has some."""
    response = JsonBytes(orjson.dumps(document, option=orjson.OPT_UTC_Z), status)
    items: Any = cast("dict[str, Any]", document).get("items") if isinstance(document, dict) else None
    response.rows = len(cast("list[Any]", items)) if isinstance(items, list) else None
    return response


def answer_page(request: Request, page: Page | WrittenPage) -> Response:
    """Give a page, with the address of the next one in the Link header (RFC 8288)."""
    if isinstance(page, WrittenPage):
        response = JsonBytes(page.write("items", before={}, after={"next": page.next}))
        response.rows = len(page.items)
    else:
        response = answer({"items": page.items, "next": page.next})
    if page.next is not None:
        others = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
        query = urlencode([*others, ("cursor", page.next)])
        response.headers["Link"] = f'<{quote(request.scope["path"])}?{query}>; rel="next"'
    return response
