"""Several questions in one request: `multipart/mixed` (Protocol 4.0, 11.7) and JSON (JSON Format 4.01, 19).

All see the same moment of the store. Only what reads may stand in a batch: a change set is refused.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote, urljoin, urlsplit
from uuid import uuid4

import orjson
from fastapi import Response

from hub.odata.asking import Asked
from hub.odata.refusals import VERSION, Refusal, not_compiled, refuse

_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.[01]")
_HEADERS = frozenset({"accept", "prefer", "if-none-match", "odata-version", "odata-maxversion"})
"""What a part may say for itself; who asks is said by the batch."""
_JSON, _MULTIPART = "application/json", "multipart/mixed"
Answer = Callable[[Asked], Response]


@dataclass(frozen=True)
class _Part:
    """A request inside a batch: its id, what it asks and waits for; or what is wrong with it."""

    id: str
    asked: Asked | None
    waits_for: tuple[str, ...] = ()
    wrong: Refusal | None = None


def answer_batch(asked: Asked, body: bytes, answer: Answer, *, most: int) -> Response:
    """Answer a batch in the form in which it came. Raises `Refusal`."""
    media = asked.headers.get("content-type", "")
    kind = media.partition(";")[0].strip().lower()
    if kind == _JSON:
        parts = list(_read_json(asked, body, most))
        return _write_json(_run(asked, parts, answer))
    if kind == _MULTIPART:
        parts = list(_read_multipart(asked, media, body, most=most))
        return _write_multipart(_run(asked, parts, answer))
    raise Refusal(
        415,
        "not-acceptable",
        "A batch is multipart/mixed or application/json; say which by Content-Type.",
        target="Content-Type",
    )


def _run(asked: Asked, parts: Iterable[_Part], answer: Answer) -> Iterator[tuple[str, Response]]:
    """Answer the parts in turn; without `continue-on-error` the first that fails is the last."""
    goes_on = asked.preference("continue-on-error") not in (None, "false")
    failed: set[str] = set()
    for part in parts:
        if part.wrong is not None or part.asked is None:
            response = refuse(part.wrong or Refusal(400, "malformed-request", "A part asks nothing."))
        elif failed.intersection(part.waits_for):
            told = "Not asked, because what it depends on has failed."
            response = refuse(Refusal(424, "failed-dependency", told))
        else:
            response = answer(part.asked)
        yield part.id, response
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            failed.add(part.id)
            if not goes_on:
                return


def _ask(outer: Asked, method: str, url: str, *, headers: Mapping[str, str]) -> Asked:
    """Give the request of a part: its address may be whole, from the root, or from the door on."""
    base = f"{outer.root}/"
    parts = urlsplit(urljoin(base, url))
    path = unquote(parts.path)
    door = unquote(urlsplit(outer.root).path)
    if parts.netloc != urlsplit(base).netloc or not (path == door or path.startswith(f"{door}/")):
        raise Refusal(
            400, "invalid-address", "A part of a batch asks this service alone: write `batches?$top=5`."
        )
    own = {name.lower(): value for name, value in headers.items() if name.lower() in _HEADERS}
    inherited = {name: value for name, value in outer.headers.items() if name == "odata-maxversion"}
    return replace(
        outer,
        method=method,
        path=path.removeprefix(door) or "/",
        query=parts.query,
        headers={**inherited, **own},
    )


# ------------------------------------------------------------------ JSON


def _read_json(outer: Asked, body: bytes, most: int) -> Iterator[_Part]:
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "malformed-request", "The batch is not JSON.") from error
    told = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    requests: Any = told.get("requests")
    if not isinstance(requests, list):
        raise Refusal(400, "malformed-request", 'A batch is {"requests": [{"id", "method", "url"}, …]}.')
    given = cast("list[Any]", requests)
    _check_number(len(given), most)
    seen: set[str] = set()
    for one in given:
        part = _read_one(outer, cast("dict[str, Any]", one) if isinstance(one, dict) else {})
        if part.id in seen:
            raise Refusal(400, "malformed-request", "Each request of a batch has an id of its own.")
        if not seen.issuperset(part.waits_for):
            raise Refusal(400, "malformed-request", "dependsOn names requests that stand before.")
        seen.add(part.id)
        yield part


def _read_one(outer: Asked, one: Mapping[str, Any]) -> _Part:
    id, method, url = (one.get(name) for name in ("id", "method", "url"))
    headers: Any = one.get("headers") or {}
    waits_for: Any = one.get("dependsOn") or []
    is_read = isinstance(id, str) and isinstance(method, str) and isinstance(url, str)
    if not is_read or not isinstance(headers, dict) or not isinstance(waits_for, list):
        raise Refusal(400, "malformed-request", "A request of a batch has the texts id, method and url.")
    said = {str(name): str(value) for name, value in cast("dict[Any, Any]", headers).items()}
    names = tuple(str(name) for name in cast("list[Any]", waits_for))
    try:
        if str(url).startswith("$") and not str(url).startswith("$metadata"):
            raise not_compiled("an address that refers to another part of the batch")
        if "atomicityGroup" in one:
            raise not_compiled("a group of changes (atomicityGroup)")
        return _Part(str(id), _ask(outer, str(method).upper(), str(url), headers=said), names)
    except Refusal as refusal:
        return _Part(str(id), None, names, refusal)


def _write_json(answers: Iterable[tuple[str, Response]]) -> Response:
    responses: list[Any] = []
    for id, response in answers:
        media = response.headers.get("content-type", "")
        document: dict[str, Any] = {"id": id, "status": response.status_code, "headers": _told(response)}
        if response.body:
            is_json = media.startswith(_JSON)
            document["body"] = orjson.Fragment(response.body) if is_json else bytes(response.body).decode()
        responses.append(document)
    return Response(orjson.dumps({"responses": responses}), media_type=_JSON, headers=VERSION)


# ------------------------------------------------------------------ multipart/mixed


def _read_multipart(outer: Asked, media: str, body: bytes, *, most: int) -> Iterator[_Part]:
    head = f"Content-Type: {media}\r\n\r\n".encode("latin-1", errors="replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise Refusal(
            400, "malformed-request", "The batch has no parts: Content-Type says the boundary between them."
        )
    given = list(message.iter_parts())
    _check_number(len(given), most)
    for number, one in enumerate(given):
        id = str(one.get("Content-ID") or number)
        if one.get_content_type() == _MULTIPART:
            yield _Part(id, None, wrong=not_compiled("a change set"))
            continue
        if one.get_content_type() != "application/http":
            wrong = Refusal(400, "malformed-request", "A part of a batch is application/http.")
            yield _Part(id, None, wrong=wrong)
            continue
        yield _read_http(outer, id, cast("bytes", one.get_payload(decode=True) or b""))


def _read_http(outer: Asked, id: str, content: bytes) -> _Part:
    lines = content.decode("utf-8", errors="replace").lstrip().split("\n")
    found = _LINE.fullmatch(lines[0].strip())
    if found is None:
        wrong = Refusal(400, "malformed-request", "A part begins with a line such as GET batches HTTP/1.1.")
        return _Part(id, None, wrong=wrong)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not line.strip():
            break
        if colon:
            headers[name.strip()] = value.strip()
    try:
        if found[2].startswith("$") and not found[2].startswith("$metadata"):
            raise not_compiled("an address that refers to another part of the batch")
        return _Part(id, _ask(outer, found[1], found[2], headers=headers))
    except Refusal as refusal:
        return _Part(id, None, wrong=refusal)


def _write_multipart(answers: Iterable[tuple[str, Response]]) -> Response:
    boundary = f"batchresponse_{uuid4()}"
    parts: list[bytes] = []
    for id, response in answers:
        status = HTTPStatus(response.status_code)
        named = "" if id.isdigit() else f"Content-ID: {id}\r\n"
        head = [f"HTTP/1.1 {status.value} {status.phrase}"]
        head += [f"{name}: {value}" for name, value in _told(response).items()]
        head.append(f"Content-Length: {len(response.body)}")
        outer = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary"
        opening = f"--{boundary}\r\n{outer}\r\n{named}\r\n"
        parts += [opening.encode(), "\r\n".join(head).encode(), b"\r\n\r\n", bytes(response.body), b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Response(b"".join(parts), media_type=f"{_MULTIPART}; boundary={boundary}", headers=VERSION)


def _told(response: Response) -> dict[str, str]:
    """Give the headers that a part of an answer has for itself."""
    kept = ("content-type", "odata-version", "etag", "known-at", "allow")
    return {name: response.headers[name] for name in kept if name in response.headers}


def _check_number(number: int, most: int) -> None:
    if number > most:
        raise Refusal(400, "too-much-asked", f"A batch has at most {most} requests; send several batches.")
