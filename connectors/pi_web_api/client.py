"""Questions to a PI Web API: pages of objects, bundles of requests, and what its errors mean."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote, urlencode

import orjson

from connectors.pi_web_api.settings import BasicAuth, BearerAuth, PiWebApiConfig
from hub.sdk import ConnectorError, HttpClient, HttpLimits, Misconfigured, Unauthorized, Unavailable
from hub.sdk.clock import utc_now

Params = Mapping[str, Any]
_PAGE = 1000
"""Objects asked for at once at most; the server's own default."""


class Forbidden(Unauthorized):
    """The user is known, but may not read this one thing; others may be open."""


@dataclass(frozen=True, slots=True)
class Question:
    """A GET: path below the base URL, and parameters."""

    path: str
    params: Params

    def asked(self) -> dict[str, Any]:
        """Give the parameters; with chosen fields an error inside a 200 answer is always one of them."""
        fields = self.params.get("selectedFields")
        return {**self.params, "selectedFields": f"{fields};WebException"} if fields else dict(self.params)

    def url(self, base_url: str) -> str:
        """Give the whole address, as `/batch` wants it."""
        asked = f"?{urlencode(self.asked(), doseq=True, quote_via=quote)}" if self.params else ""
        return f"{base_url}{self.path}{asked}"


class PiClient(HttpClient):
    """The HTTP client; a refusal is told in the server's own words."""

    def __init__(self, config: PiWebApiConfig) -> None:
        basic, headers = _credentials(config)
        super().__init__(
            config.base_url.rstrip("/"),
            auth=basic,
            # Where the server is guarded against cross-site requests, it takes no POST without this header.
            headers={"x-requested-with": "plantwide", **headers},
            verify=config.verify if config.base_url.startswith("https") else False,  # nothing to verify
            limits=HttpLimits(
                max_bytes=config.max_mib * 1024 * 1024,
                timeout_s=config.timeout_s,
                per_second=config.per_second,
            ),
        )
        self._base_url = config.base_url.rstrip("/")
        self.server_time = utc_now()
        """By the server's clock, when it last answered."""
        self._bundles = config.batch
        self._bundle = config.streams_per_request
        self._page = min(_PAGE, config.max_count)

    def fetch(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """Give an answer's object. Raises what a refusal inside it means, too."""
        answer = _decode(self.get(path, Question(path, params or {}).asked() or None), path)
        refusal = find_refusal(200, answer, path)
        if refusal is not None:
            raise refusal
        return answer

    def pages(self, path: str, params: Params) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Give pages of objects with the index of each one's first, until none are left."""
        at = 0
        while True:
            asked = {**params, "startIndex": at, "maxCount": self._page}
            answer = self.fetch(path, asked)
            items = list_items(answer)
            if not items:
                return
            yield at, items
            links = answer.get("Links")
            more = isinstance(links, dict) and bool(cast("dict[str, Any]", links).get("Next"))
            if len(items) < self._page and not more:
                return
            at += len(items)

    def ask_all(self, questions: Sequence[Question]) -> Iterator[dict[str, Any] | ConnectorError]:
        """Give the answers in the questions' order, or what a refusal means: one does not cost the others.

        Raises `Unavailable` and `Unauthorized` when the server as a whole refuses.
        """
        for start in range(0, len(questions), self._bundle):
            part = questions[start : start + self._bundle]
            yield from self._bundled(part) if self._bundles and len(part) > 1 else map(self._one, part)

    def _one(self, question: Question) -> dict[str, Any] | ConnectorError:
        try:
            return self.fetch(question.path, question.params)
        except (Misconfigured, Forbidden) as error:
            return error

    def _bundled(self, questions: Sequence[Question]) -> Iterator[dict[str, Any] | ConnectorError]:
        body = {
            str(n): {"Method": "GET", "Resource": question.url(self._base_url)}
            for n, question in enumerate(questions)
        }
        answers = _decode(self.query("/batch", orjson.dumps(body)), "/batch")
        for n, question in enumerate(questions):
            answer = answers.get(str(n))
            if not isinstance(answer, dict):
                raise Unavailable(f"the bundle's answer lacks request {n} (GET {question.path})")
            given = cast("dict[str, Any]", answer)
            content = given.get("Content")
            refusal = find_refusal(int(given.get("Status") or 0), content, question.path)
            if isinstance(refusal, Unavailable) or type(refusal) is Unauthorized:
                raise refusal
            yield refusal or (cast("dict[str, Any]", content) if isinstance(content, dict) else {})

    def _check(self, answer: Any) -> None:
        given = answer.headers.get("date")
        self.server_time = utc_now()
        if given:
            with suppress(ValueError):
                self.server_time = parsedate_to_datetime(given).astimezone(UTC)
        if answer.status_code in (400, 403, 404, 409):
            told = bytearray()
            for part in answer.iter_raw():
                told += part
                if len(told) > 16_384:
                    break
            try:
                content = orjson.loads(bytes(told))
            except orjson.JSONDecodeError:
                content = None
            refusal = find_refusal(answer.status_code, content, str(answer.request.url.copy_with(query=None)))
            if refusal is not None:
                raise refusal
        super()._check(answer)


def list_items(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the objects of an answer, or of a page of one."""
    items = answer.get("Items")
    return cast("list[dict[str, Any]]", items) if isinstance(items, list) else []


def find_refusal(status: int, content: Any, where: str) -> ConnectorError | None:
    """Give what a status means, or an error inside a 200 answer (`WebException`); None for success."""
    told: dict[str, Any] = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    hidden = told.get("WebException")
    if isinstance(hidden, dict):
        inner = cast("dict[str, Any]", hidden)
        status, told = int(inner.get("StatusCode") or 500), inner
    elif 200 <= status < 300:
        return None
    errors = told.get("Errors") or told.get("Message") or ""
    said = "; ".join(map(str, cast("list[Any]", errors))) if isinstance(errors, list) else str(errors)
    what = f"GET {where} answered {status}{f': {said[:300]}' if said else ''}"
    if status == 403:
        return Forbidden(what, remedy="grant the user the right to read it")
    if status == 401:
        return Unauthorized(what, remedy="check the user and what it may read")
    if status == 429 or status >= 500:
        return Unavailable(what)
    return Misconfigured(what, remedy="check the names and paths in the settings against the server")


def _decode(body: bytes, path: str) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if body.lstrip()[:1] == b"<":
            raise Misconfigured(
                f"GET {path} answered a page for people, no JSON",
                remedy="check `base_url`: it ends in /piwebapi; it may be a login page",
            ) from error
        raise Unavailable(f"GET {path} answered broken JSON: {error}") from error
    if not isinstance(answer, dict):
        raise Misconfigured(f"GET {path} answered no JSON object", remedy="check `base_url`")
    return cast("dict[str, Any]", answer)


def _credentials(config: PiWebApiConfig) -> tuple[tuple[str, str] | None, dict[str, str]]:
    match config.auth:
        case BasicAuth(user=user, password=password):
            return (user, password.get_secret_value()), {}
        case BearerAuth(bearer=token):
            return None, {"authorization": f"Bearer {token.get_secret_value()}"}
        case None:
            return None, {}
