"""Cassettes: what a real HTTP source answered, recorded once, secrets masked, and played from loopback."""

import base64
import json
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from hub.sdk.testing.loopback import Answered, Asked, forward, serve
from hub.sdk.testing.masking import Mask
from hub.sdk.testing.verdict import fail

_KEPT = ("content-type", "link", "retry-after", "location", "date", "etag", "last-modified")
"""Headers of an answer that a connector may read; others (cookies above all) are never written down."""
_SELF = re.compile(rb"https?://(?:127\.0\.0\.1|localhost)(?::\d+)?")
"""How a recorded source on loopback names itself."""
_LOGIN = ("authorization", "x-api-key", "apikey")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One question and its answer. `login` is the masked value of the header that says who asks."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: str = ""
    login: str | None = None
    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    answer: bytes
    take: int = 1

    @property
    def question(self) -> str:
        """Name the question for a person."""
        return f"{self.method} {self.path}{'?' + urlencode(self.query) if self.query else ''} {self.body}"[
            :200
        ]


@dataclass
class Cassette:
    """Exchanges in the order in which they were recorded, and what was asked that it does not hold.

    A later `take` holds the same world after it has changed: `cassette.take += 1` in `grow`.
    """

    exchanges: list[Exchange]
    take: int = 1
    missed: list[str] = field(default_factory=list[str])

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a cassette: JSON lines as `save` writes them."""
        lines = path.read_text(encoding="utf-8").splitlines()
        return cls([_from_line(line, f"{path}:{n}") for n, line in enumerate(lines, 1) if line.strip()])

    def save(self, path: Path) -> None:
        """Write JSON lines, one exchange a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(_to_line(one) + "\n" for one in self.exchanges), encoding="utf-8")

    @classmethod
    def of_pairs(
        cls, files: Iterable[Path], *, path: str = "/", prefix: str = "", secrets: Mapping[str, str]
    ) -> Self:
        """Make a cassette of recorded pairs, one JSON file each: `request`, `status`, `content_type`, `body`.

        A request with `path` and `params` is a GET (or its `method`); one without is the JSON body of a POST
        to `path`. `prefix` stands before every path, where pairs were written down without it. `secrets` are
        masked by name.
        """
        mask = Mask(dict(secrets))
        pairs: list[dict[str, Any]] = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        for pair in pairs:
            if "path" in pair["request"]:
                pair["request"]["path"] = prefix + pair["request"]["path"]
        return cls([_from_pair(pair, path, mask) for pair in pairs])

    @contextmanager
    def play(self, secrets: Mapping[str, str] | None = None, *, is_strict: bool = True) -> Generator[str]:
        """Serve the answers on loopback; give the base URL.

        `secrets` are those that a tester's connector sends, under the names that they were masked by. What
        was never recorded is answered 501 and, when `is_strict`, is an error at the end.
        """
        mask = Mask(dict(secrets or {}))
        place: list[str] = []

        def answer(asked: Asked) -> Answered:
            found = self._find(asked, mask)
            if found is None:
                said = _exchange(asked, Answered(status=501), mask=mask).question
                self.missed.append(said)
                return Answered(status=501, body=f"no recorded answer to {said}".encode())
            body = _with_id(mask.reveal(found.answer).replace(b"{{origin}}", place[0].encode()), asked.body)
            told = {name: value.replace("{{origin}}", place[0]) for name, value in found.headers.items()}
            return Answered(status=found.status, headers=told, body=body)

        with serve(answer) as url:
            place.append(url)
            yield url
        if is_strict and self.missed:
            fail(f"the cassette holds no answer to {sorted(set(self.missed))[:3]}; record them, or ask less")

    def _find(self, asked: Asked, mask: Mask) -> Exchange | None:
        wanted = _exchange(asked, Answered(status=0), mask=mask)
        fitting = [one for one in self.exchanges if one.take <= self.take and _fits(one, wanted)]
        latest = max((one.take for one in fitting), default=0)
        return next((one for one in fitting if one.take == latest), None)


@contextmanager
def record(
    upstream: str, path: Path, *, secrets: Mapping[str, str], issued: Iterable[str] = ()
) -> Generator[str]:
    """Pass requests on to a real source and write down what it says; give the URL to ask instead.

    `secrets` (name -> text) are masked wherever they stand, `issued` are regular expressions with one group
    that find in answers what the source itself hands out (sessions, tokens). `access_token` and its kin are
    masked without being named. Recording onto a cassette that is there adds a take.
    """
    cassette = Cassette.load(path) if path.exists() else Cassette([])
    take = max((one.take for one in cassette.exchanges), default=0) + 1
    mask = Mask(dict(secrets), tuple(issued))
    place: list[str] = []

    def answer(asked: Asked) -> Answered:
        given = forward(upstream, asked, here=place[0])
        mask.learn(given.body)
        cassette.exchanges.append(_exchange(asked, given, mask=mask, here=place[0], take=take))
        return given

    with serve(answer) as url:
        place.append(url)
        base = urlsplit(upstream).path.rstrip("/")
        yield url + base
    cassette.save(path)


def _exchange(asked: Asked, given: Answered, *, mask: Mask, here: str = "", take: int = 1) -> Exchange:
    url = urlsplit(asked.target)
    told = {name: given.headers[name] for name in _KEPT if name in given.headers}
    body = mask.hide(given.body)
    if here:
        body = body.replace(here.encode(), b"{{origin}}")
        told = {name: value.replace(here, "{{origin}}") for name, value in told.items()}
    login = next((asked.headers[name] for name in _LOGIN if name in asked.headers), None)
    return Exchange(
        method=asked.method,
        path=mask.hide(url.path.encode()).decode(),
        query=tuple(sorted((n, mask.hide_text(v)) for n, v in parse_qsl(url.query, keep_blank_values=True))),
        body=_canonical(mask.hide(asked.body)),
        login=None if login is None else mask.hide_login(login),
        status=given.status,
        headers=told,
        answer=body,
        take=take,
    )


def _canonical(body: bytes) -> str:
    """Give a body as it is compared: JSON with sorted names, a JSON-RPC question without its number."""
    try:
        said = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        return body.decode(errors="replace")
    if isinstance(said, dict) and "method" in said:
        said = {name: value for name, value in cast("dict[str, Any]", said).items() if name != "id"}
    return json.dumps(said, sort_keys=True, ensure_ascii=False)


def _with_id(body: bytes, question: bytes) -> bytes:
    """Answer a JSON-RPC question under its own number."""
    if b'"id"' not in question:
        return body
    try:
        asked, said = json.loads(question), json.loads(body)
        if "method" not in asked or asked["id"] == said["id"]:
            return body
    except (ValueError, TypeError, KeyError):
        return body
    said["id"] = asked["id"]
    return json.dumps(said).encode()


def _fits(known: Exchange, wanted: Exchange) -> bool:
    return (
        (known.method, known.path, known.query, known.body)
        == (wanted.method, wanted.path, wanted.query, wanted.body)
    ) and known.login in (None, wanted.login)


def _to_line(one: Exchange) -> str:
    try:
        answer = {"text": one.answer.decode()}
    except UnicodeDecodeError:
        answer = {"base64": base64.b64encode(one.answer).decode()}
    asked = {"method": one.method, "path": one.path, "query": one.query, "body": one.body, "login": one.login}
    said = {"status": one.status, "headers": dict(one.headers), **answer}
    return json.dumps({"take": one.take, "request": asked, "response": said}, ensure_ascii=False)


def _from_line(line: str, where: str) -> Exchange:
    try:
        given = json.loads(line)
        asked, said = given["request"], given["response"]
        answer = base64.b64decode(said["base64"]) if "base64" in said else str(said["text"]).encode()
        return Exchange(
            method=asked["method"],
            path=asked["path"],
            query=tuple((str(name), str(value)) for name, value in asked["query"]),
            body=asked["body"],
            login=asked["login"],
            status=int(said["status"]),
            headers=said["headers"],
            answer=answer,
            take=int(given["take"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        fail(f"{where} is no line of a cassette: {error!r}")


def _from_pair(pair: Mapping[str, Any], path: str, mask: Mask) -> Exchange:
    request: dict[str, Any] = pair["request"]
    body = pair["body"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    given = Answered(
        status=pair["status"],
        headers={"content-type": pair.get("content_type") or "application/json"},
        body=text.encode(),
    )
    if "path" not in request:
        asked = Asked(method="POST", target=path, body=json.dumps(request).encode())
        return _exchange(asked, given, mask=mask)
    params: Mapping[str, Any] = request.get("params") or {}
    target = request["path"] + (f"?{urlencode(params)}" if params else "")
    one = _exchange(Asked(method=request.get("method", "GET"), target=target), given, mask=mask)
    here = _SELF.search(one.answer)
    return replace(one, answer=one.answer.replace(here.group(0), b"{{origin}}")) if here else one
