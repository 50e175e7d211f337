"""A stand-in on loopback before a small world's HTTP server: passes questions on, and fails when told to."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hub.sdk.testing.loopback import Answered, Asked, forward, serve

Rule = Callable[[int, Answered], Answered]
"""What becomes of the answer to the nth question (the first is 1)."""
LOGIN_PAGE = Answered(
    status=200,
    headers={"content-type": "text/html"},
    body=b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form></form></body></html>",
)
BUSY = Answered(status=429, headers={"retry-after": "7"}, body=b"{}")
BROKEN = Answered(status=500, headers={"content-type": "application/json"}, body=b'{"error": "internal"}')


def pass_on(number: int, given: Answered) -> Answered:
    """Give the world's own answer."""
    del number
    return given


def always(answer: Answered) -> Rule:
    """Answer every question so."""
    return lambda _, __: answer


def at(nth: int, answer: Callable[[Answered], Answered]) -> Rule:
    """Let one question go wrong, and all others be answered."""
    return lambda number, given: answer(given) if number == nth else given


def cut(given: Answered) -> Answered:
    """Close the connection amid the answer."""
    return replace(given, cut=True) if len(given.body) > 1 else replace(given, body=b"  ", cut=True)


@dataclass
class Standin:
    """Counts questions and bends answers."""

    upstream: str
    rule: Rule = pass_on
    asked: int = 0
    url: str = ""

    def begin(self, rule: Rule = pass_on) -> None:
        """Count from 1 again, under another rule."""
        self.asked, self.rule = 0, rule

    def __call__(self, asked: Asked) -> Answered:
        self.asked += 1
        number = self.asked
        return self.rule(number, forward(self.upstream, asked, here=self.url))


@contextmanager
def stand_before(upstream: str) -> Generator[Standin]:
    """Serve a stand-in before a world's server."""
    standin = Standin(upstream)
    with serve(standin) as url:
        standin.url = url
        yield standin
