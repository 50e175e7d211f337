"""Answers that are remembered: the bytes of a page, by who asked what and by the newest instant known then.

An answer about audited tables is a function of the question and of its instant, which its header `Known-At`
names; so as long as nothing has been written since, the bytes that were given once are the answer. Nothing
has to be thrown away when something is written: the instant is another one then. The instant is read from
the store for each request, so that any number of processes may write. It also makes the entity tag, by which
whoever has the answer already learns that it still stands (RFC 9110, 13.1.2).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Scope

from hub.api.answer import HEADER, PARAMETER, JsonBytes
from hub.store.attribution import format_at
from hub.store.keys import Caller

_MOST_BYTES = 32 * 1024 * 1024
_LONGEST = 1024 * 1024
_MARK = "is_remembered"

Question = tuple[str, str, bytes, str]
"""Who asks (key and what it may see), the path, the query as it was written, the accepted formats."""
VALIDATED = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie, X-API-Key"}
"""What is said beside an entity tag: keep it, but ask before it is used, and not for others."""
NEWEST = "newest_known"
"""Where the state of a request has the newest instant known when its key was looked at."""
_TAG = 16
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer, the next page's address, the instant that it stands for, its rows if known."""

    known_at: datetime
    body: bytes
    link: str | None
    media_type: str = JsonBytes.media_type
    rows: int | None = None

    def respond(self) -> Response:
        """Give it again."""
        response = JsonBytes(self.body)
        response.rows = self.rows
        response.headers[HEADER] = format_at(self.known_at)
        response.headers.update(VALIDATED)
        if self.link is not None:
            response.headers["Link"] = self.link
        return response


class Memory:
    """Answers of one process, the least lately used of them forgotten first; safe for many threads."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._answers: OrderedDict[Question, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def find(self, question: Question, known_at: datetime) -> Answer | None:
        """Give what was answered, if nothing has become known since."""
        with self._lock:
            answer = self._answers.get(question)
            if answer is None or answer.known_at != known_at:
                return None
            self._answers.move_to_end(question)
            return answer

    def holds(self, question: Question) -> bool:
        """Tell whether the question was answered lately."""
        return question in self._answers

    def keep(self, question: Question, answer: Answer) -> None:
        """Remember an answer instead of what was answered to the same question before."""
        if len(answer.body) > min(_LONGEST, self._most):
            return
        with self._lock:
            self._forget(question)
            self._answers[question] = answer
            self._bytes += len(answer.body)
            while self._bytes > self._most:
                self._forget(next(iter(self._answers)))

    def _forget(self, question: Question) -> None:
        old = self._answers.pop(question, None)
        self._bytes -= len(old.body) if old else 0


def remembered(endpoint: Endpoint) -> Endpoint:
    """Mark a route whose answers may be remembered: it reads audited tables alone, all in one reading."""
    setattr(endpoint, _MARK, True)
    return endpoint


def is_remembered(endpoint: Callable[..., Any]) -> bool:
    """Tell whether a route's answers may be remembered."""
    return bool(getattr(endpoint, _MARK, False))


def question_of(scope: Scope, headers: Headers) -> Question | None:
    """Give what is asked about the present; None for a question about the past, which is not remembered."""
    if scope["method"] != "GET" or PARAMETER.encode() in scope["query_string"]:
        return None
    caller: Caller | None = scope.get("state", {}).get("caller")
    who = f"{caller.public_id}:{caller.rows}" if caller else ""
    return who, scope["path"], scope["query_string"], headers.get("accept", "")


def write_tag(question: Question, known_at: datetime, version: str) -> str:
    """Give the strong entity tag of an answer: what was asked by whom, of which state, of which program."""
    told = repr((question, format_at(known_at), version))
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:_TAG]}"'


def is_held(tag: str, held: str | None) -> bool:
    """Tell whether `If-None-Match` names a tag."""
    if held is None:
        return False
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in held.split(","))


def answer_unchanged(tag: str, known_at: datetime) -> Response:
    """Say that what the asker holds still stands."""
    return Response(status_code=304, headers={"ETag": tag, HEADER: format_at(known_at), **VALIDATED})
