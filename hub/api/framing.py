"""HTTP as it comes in: what cannot be read as a request is answered as a problem, and heard to its end.

The server's own answer would be two words of plain text, and mostly lost: a connection that is closed while
the client still sends is reset, and takes the answer with it.
"""

import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from hub.api.problems import Problem

_LONGEST = 64 * 1024 * 1024
_LONGEST_S = 10.0
_TOO_LARGE = 431
"""What h11 says of a head that is longer than it takes, wherever in it that is."""
_TAKEN = "An address with its headers has at most 64 KiB."
_SHORTEN = (
    f"{_TAKEN} Shorten the filter (`in (…)` for many `or`), ask in several parts, or send the question to "
    "/odata/$batch with POST, where it stands in the body."
)


class Framing(H11Protocol):
    """uvicorn's HTTP/1.1, but for the answer to what is none."""

    _heard: int | None = None

    def data_received(self, data: bytes) -> None:
        """Read on; after a refusal only to let the client come to its end."""
        if self._heard is None:
            super().data_received(data)
            return
        self._heard += len(data)
        if self._heard > _LONGEST:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer with the problem that it is; `msg`, the server's own words, is in the log."""
        del msg
        error = sys.exc_info()[1]
        problem = _problem_of(error, bytes(self.conn.trailing_data[0]))
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:  # it came amid a request's body
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # half an answer is on its way
            self.transport.close()
            return
        self._write(problem)
        self._heard = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LONGEST_S, self.transport.close)

    def _write(self, problem: Problem) -> None:
        response = problem.respond()
        status, body = response.status_code, bytes(response.body)
        headers = [*response.raw_headers, (b"connection", b"close")]
        events: list[Any] = [
            h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ]
        conn: Any = self.conn
        for event in events:
            self.transport.write(conn.send(event))


def _problem_of(error: BaseException | None, received: bytes) -> Problem:
    """Give the problem of what was received and could not be read."""
    if getattr(error, "error_status_hint", None) != _TOO_LARGE:
        return Problem("malformed-request", "This is no HTTP/1.1 request; send one that a client has made.")
    if b"\n" in received:
        return Problem("headers-too-large", f"{_TAKEN} Send fewer or shorter headers.")
    return Problem("address-too-long", _SHORTEN)
