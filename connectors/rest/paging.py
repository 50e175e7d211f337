"""Ways through the pages of an answer: which parameters ask for the next one, and when there is none."""

from typing import Any, TypeAlias

from connectors.rest.answer import Client
from connectors.rest.settings import LinkHeader, NextUrl, Offset, PageNumber, Paging, Token
from hub.sdk.mapping import Path, Scope

Place: TypeAlias = int | str | None
"""Where a page is: a number, an offset, a token or an address; None is the first page."""


def can_shift(paging: Paging | None) -> bool:
    """Whether items may move to another page while the pages are read."""
    return isinstance(paging, PageNumber | Offset) and not paging.stable


def ask_page(
    paging: Paging | None, place: Place, *, path: str, params: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Give address and parameters of the page at a place."""
    asked = dict(params)
    if paging is not None and paging.size_param:
        asked[paging.size_param] = paging.size
    if isinstance(paging, PageNumber):
        asked[paging.param] = paging.start if place is None else place
    elif isinstance(paging, Offset):
        asked[paging.param] = place or 0
    elif isinstance(paging, Token) and place:
        asked[paging.param] = place
    elif isinstance(paging, NextUrl | LinkHeader) and place:
        return str(place), {}  # the address holds its parameters
    return path, asked


def next_place(
    paging: Paging | None, place: Place, *, answer: Any, client: Client, count: int, is_last: bool
) -> Place:
    """Give the place of the page after this one, or None. `is_last` speaks for numbered pages only."""
    match paging:
        case PageNumber():
            return None if is_last else (paging.start if place is None else int(place)) + 1
        case Offset():
            return None if is_last else int(place or 0) + count
        case Token():
            token = Path.parse(paging.path).find(Scope(answer))
            return str(token) if token not in (None, "", False) else None
        case NextUrl():
            url = Path.parse(paging.path).find(Scope(answer))
            return client.same_server(str(url)) if url else None
        case LinkHeader():
            return client.same_server(client.next_link) if client.next_link else None
        case None:
            return None
