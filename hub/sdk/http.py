"""The one HTTP client of the connectors: bounded, identity-encoded, its answers turned into our errors."""

import asyncio
import logging
import math
import ssl
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx2 as httpx
import orjson

from hub.sdk.clock import utc_now
from hub.sdk.errors import BadRecord, Misconfigured, Unauthorized, Unavailable
from hub.sdk.oauth import ClientCredentials, TokenKeeper

# The client writes each address that it asks into the log, at INFO; an address may hold a secret.
logging.getLogger("httpx2").setLevel(logging.WARNING)
_TOKEN_BYTES = 65_536
"""More than this is no token."""
_LONGEST_WAIT_S = 86_400.0
"""Nobody is left alone for longer, whatever its `Retry-After` says."""


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """How much a source may send (bytes), how long it may take (s), how often it is asked (a second).

    `timeout_s` is the longest wait for the next part of an answer, `whole_s` for all of its body: parts that
    trickle in would else keep a reading for ever.
    """

    max_bytes: int = 32 * 1024 * 1024
    timeout_s: float = 30.0
    whole_s: float = 300.0
    connect_s: float = 10.0
    per_second: float | None = None


class HttpClient:
    """A client for one base URL. It reads, and only reads: connectors never write to a source.

    `get` fetches; `ask` is for protocols that put the question itself into the body (JSON-RPC, logging in),
    `query` for those whose questions or answers are no plain JSON.
    `auth` is a user and password, or a client's credentials for a token that is fetched and renewed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: tuple[str, str] | ClientCredentials | None = None,
        headers: dict[str, str] | None = None,
        verify: bool | str = True,
        limits: HttpLimits | None = None,
    ) -> None:
        self.limits = limits or HttpLimits()
        self._pace = _Pace(self.limits.per_second)
        self._keeper = TokenKeeper(auth) if isinstance(auth, ClientCredentials) else None
        self._client = httpx.Client(
            base_url=base_url,
            auth=None if isinstance(auth, ClientCredentials) else auth,
            headers={"accept": "application/json", **(headers or {}), "accept-encoding": "identity"},
            verify=verify,
            follow_redirects=False,
            timeout=httpx.Timeout(self.limits.timeout_s, connect=self.limits.connect_s),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, params: dict[str, Any] | None = None) -> bytes:
        """Give the body of a 200 answer.

        Raises `Unauthorized` (401, 403), `Unavailable` (429, 5xx, no connection, time-out, a body that does
        not come to its end; with Retry-After), `Misconfigured` (other statuses, redirects), `BadRecord` (more
        than the limit).
        """
        with self._answer("GET", path, params=params) as answer:
            return self._body(answer, self.limits.max_bytes)

    def ask(
        self,
        path: str,
        question: Any = None,
        *,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Give the decoded JSON of the answer to a question sent by POST: as JSON, or as a `form`.

        For what changes nothing at the source: a query protocol's call, a log-in. Neither the question nor
        the answer is told in an error, because log-ins carry secrets. Raises as `get`; `BadRecord` when the
        answer is no JSON.
        """
        sent: dict[str, Any] = {"data": form} if form is not None else {"content": orjson.dumps(question)}
        kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
        said = {"content-type": kind, **(headers or {})}
        with self._answer("POST", path, headers=said, **sent) as answer:
            body = self._body(answer, self.limits.max_bytes)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadRecord(f"the answer of POST {path} is no JSON: {error}", where=path) from error

    def query(
        self,
        path: str,
        question: bytes,
        *,
        params: dict[str, Any] | None = None,
        media_type: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """Give the body of the answer (200, 207) to a question sent by POST, both as they are.

        For a query language's text, or for many questions in one. Raises as `get`.
        """
        headers = {"content-type": media_type, "accept": accept}
        with self._answer("POST", path, params=params, content=question, headers=headers) as answer:
            return self._body(answer, self.limits.max_bytes)

    @contextmanager
    def _answer(self, method: str, path: str, **sent: Any) -> Generator[httpx.Response]:
        """Give a 200 answer whose body is still to come; whatever else happens is one of our errors."""
        self._pace.wait()
        try:
            is_fresh = self._log_in()
            with self._send(method, path, **self._with_token(sent)) as answer:
                if answer.status_code != 401 or self._keeper is None or is_fresh:
                    self._check(answer)
                    yield answer
                    return
                self._keeper.drop()  # withdrawn before its end; a new one is refused for good
            self._log_in()
            with self._send(method, path, **self._with_token(sent)) as answer:
                self._check(answer)
                yield answer
        except httpx.TimeoutException as error:
            raise Unavailable(f"{method} {path} took longer than {self.limits.timeout_s} s") from error
        except httpx.InvalidURL as error:
            raise Misconfigured(f"{path} is no URL", remedy="correct the base URL") from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"{method} {self._told(path)} failed: {error}",
                remedy="check that the source is up and reachable",
            ) from error

    @contextmanager
    def _send(self, method: str, url: str, **sent: Any) -> Generator[httpx.Response]:
        with self._client.stream(method, url, **sent) as answer:
            answer.stream = _Timed(answer.stream, self.limits.whole_s, what=f"{method} {self._told(url)}")
            yield answer

    def _told(self, path: str) -> str:
        """Give the address as a person would write it, without its question."""
        plain = path.partition("?")[0]
        if plain.startswith(("http://", "https://")):
            return plain
        return f"{str(self._client.base_url).rstrip('/')}/{plain.lstrip('/')}"

    def _with_token(self, sent: dict[str, Any]) -> dict[str, Any]:
        if self._keeper is None:
            return sent
        login = {"authorization": f"Bearer {self._keeper.token}"}
        return {**sent, "headers": {**(sent.get("headers") or {}), **login}}

    def _log_in(self) -> bool:
        """Fetch a token where one is needed and none is at hand; say whether one was fetched."""
        if self._keeper is None or self._keeper.token:
            return False
        content, headers = self._keeper.credentials.form()
        url = self._keeper.credentials.token_url
        with self._send("POST", url, content=content, headers=headers) as answer:
            body = self._body(answer, _TOKEN_BYTES)
            self._keeper.take(answer.status_code, body, retry_after=_retry_after(answer))
        return True

    def get_json(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """Give the decoded JSON of a 200 answer; `BadRecord` when it is none."""
        body = self.get(path, params)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadRecord(f"the answer of GET {path} is no JSON: {error}", where=path) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check(self, answer: httpx.Response) -> None:
        status, url = answer.status_code, answer.request.url.copy_with(query=None)
        did = answer.request.method
        if status == 200 or (status == 207 and did == "POST"):
            return
        if status in (401, 403):
            raise Unauthorized(
                f"{did} {url} answered {status}", remedy="check the user, the key and what they may read"
            )
        if status == 429 or status >= 500:
            raise Unavailable(f"{did} {url} answered {status}", retry_after=_retry_after(answer))
        if 300 <= status < 400:
            raise Misconfigured(
                f"{did} {url} answered {status}, a redirect", remedy="set the base URL to where it leads"
            )
        raise Misconfigured(f"{did} {url} answered {status}", remedy="check the base URL and the paths")

    def _body(self, answer: httpx.Response, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_raw():
            size += len(part)
            if size > limit:
                raise BadRecord(
                    f"the answer is larger than {limit} bytes",
                    where=str(answer.request.url.copy_with(query=None)),
                    remedy="ask for smaller pages",
                )
            parts.append(part)
        return b"".join(parts)


class _Timed(httpx.SyncByteStream):
    """A body that must be whole in time, whoever reads it: an answer's, an error's, a token's."""

    def __init__(self, stream: Any, whole_s: float, *, what: str) -> None:
        self._stream = stream
        self._whole_s = whole_s
        self._until = time.monotonic() + whole_s
        self._what = what

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            if time.monotonic() > self._until:
                raise Unavailable(
                    f"{self._what} was not answered whole within {self._whole_s:g} s",
                    remedy="ask for smaller pages, or look at what lies between the hub and the source",
                )
            yield part

    def close(self) -> None:
        """Let the connection go."""
        self._stream.close()


class _Pace:
    """Spaces questions out evenly, whichever threads ask them."""

    def __init__(self, per_second: float | None) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._turn = threading.Lock()
        self._free = 0.0

    def wait(self) -> None:
        """Come back when the next question may be asked."""
        if not self._gap:
            return
        with self._turn:
            now = time.monotonic()
            at = max(now, self._free)
            self._free = at + self._gap
        if at > now:
            time.sleep(at - now)


def post_json(url: str, body: bytes, *, limits: HttpLimits | None = None) -> None:
    """Hand JSON over to an address that takes it with a 2xx answer; for the hub itself, never for a source.

    Raises `Unavailable` when nobody took it, `Misconfigured` when the address is wrong.
    """
    limits = limits or HttpLimits()
    timeout = httpx.Timeout(limits.timeout_s, connect=limits.connect_s)
    try:
        answer = httpx.post(url, content=body, headers={"content-type": "application/json"}, timeout=timeout)
    except httpx.InvalidURL as error:
        raise Misconfigured("the address is no URL", remedy="correct it in the settings") from error
    except httpx.TransportError as error:
        raise Unavailable(f"POST failed: {type(error).__name__}", remedy="check that it is up") from error
    if not answer.is_success:
        raise Unavailable(f"POST answered {answer.status_code}", remedy="check what it takes")


@dataclass(frozen=True)
class Taken:
    """What a receiver answered: its status, and the seconds after which it wants to be asked again."""

    status: int
    retry_after: float | None


class Poster:
    """Posts to one address over one connection, for the hub itself; an `async with` block.

    The connection goes to `address`, an IP that somebody has judged, whatever the host's name means by now;
    TLS is for the name. Redirects are answers, proxies are passed by, cookies are forgotten.
    """

    def __init__(self, url: str, address: str, *, limits: HttpLimits, authorities: str | None = None) -> None:
        self._limits = limits
        self._asked = httpx.URL(url)
        self._url = self._asked.copy_with(host=address)
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=authorities),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(limits.timeout_s, connect=limits.connect_s),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def post(self, body: bytes, headers: dict[str, str]) -> Taken:
        """Post a body, wait for the answer and at most `max_bytes` of what comes with it.

        Raises `Unavailable` when nobody answers, or not within `timeout_s` in all.
        """
        named = {"host": self._asked.netloc.decode("ascii"), "accept-encoding": "identity", **headers}
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                request = self._client.build_request(
                    "POST",
                    self._url,
                    content=body,
                    headers=named,
                    extensions={"sni_hostname": self._asked.raw_host.decode("ascii")},
                )
                answer = await self._client.send(request, stream=True)
                try:
                    return await self._finish(answer)
                finally:
                    await answer.aclose()
                    self._client.cookies.clear()
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unavailable(f"no answer within {self._limits.timeout_s:g} s") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unavailable(f"no answer: {type(error).__name__}") from error

    async def _finish(self, answer: httpx.Response) -> Taken:
        size = 0
        async for part in answer.aiter_raw():
            size += len(part)
            if size > self._limits.max_bytes:  # it has said what counts
                break
        return Taken(answer.status_code, _retry_after(answer))


def _retry_after(answer: httpx.Response) -> float | None:
    """Give the seconds after which a source wants to be asked again; None when it says no time."""
    given = answer.headers.get("retry-after", "")
    try:
        after = float(given)
    except ValueError:
        try:
            at = parsedate_to_datetime(given)
            after = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - utc_now()).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(0.0, after), _LONGEST_WAIT_S) if math.isfinite(after) else None
