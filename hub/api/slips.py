"""Slips: what an answer tells, on its way out, of how much it holds, for the log of reads.

A slip lies in the scope of a request only while reads are noted (`hub.api.witness`). So whoever answers says
how many rows there are, and pays nothing where nobody wants to know.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Response
from starlette.types import Receive, Scope, Send

_KEY = "slip"


@dataclass
class Slip:
    """What is told of one answer.

    `product` instead of the route's own where the address alone does not say it, None for no data at all;
    `parts` where one request asked several questions, each with a slip of its own.
    """

    product: str | None = None
    rows: int | None = None
    asked: str | None = None
    status: int | None = None
    size: int | None = None
    known_at: str | None = None
    parts: "list[Slip]" = field(default_factory=list["Slip"])

    def count(self, items: Iterable[Any]) -> Iterator[Any]:
        """Let record batches pass and count their rows."""
        self.rows = 0
        for item in items:
            self.rows += item.num_rows
            yield item


def lay_slip(scope: Scope, slip: Slip) -> None:
    """Put a slip where whoever answers finds it."""
    scope.setdefault("state", {})[_KEY] = slip


def slip_of(scope: Scope) -> Slip | None:
    """Give the slip of a request; None where reads are not noted."""
    return scope.get("state", {}).get(_KEY)


def without_slip(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give the state of a request for a call inside the process, which is not noted with it."""
    return {name: value for name, value in state.items() if name != _KEY}


class Counted(Response):
    """An answer that tells its number of rows, once it is known."""

    rows: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        slip = slip_of(scope)
        if slip is not None and self.rows is not None:
            slip.rows = self.rows
        await super().__call__(scope, receive, send)


def with_rows(response: Counted, rows: int | None) -> Counted:
    """Give an answer with its number of rows."""
    response.rows = rows
    return response


def rows_of(response: Response) -> int | None:
    """Give the number of rows of an answer, where it tells it."""
    return response.rows if isinstance(response, Counted) else None
