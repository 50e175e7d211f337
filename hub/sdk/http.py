"""The one HTTP client of the connectors: bounded, identity-encoded, its answers turned into our errors."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2 as httpx
import orjson

from hub.sdk.errors import BadRecord, Misconfigured, Unauthorized, Unavailable


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """How much a source may send (bytes) and how long it may take (seconds)."""

    max_bytes: int = 32 * 1024 * 1024
    timeout_s: float = 30.0
    connect_s: float = 10.0


class HttpClient:
    """A client for one base URL. GET only by design: connectors never write to a source."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
        verify: bool | str = True,
        limits: HttpLimits | None = None,
    ) -> None:
        self.limits = limits or HttpLimits()
        self._client = httpx.Client(
            base_url=base_url,
            auth=auth,
            headers={"accept": "application/json", **(headers or {}), "accept-encoding": "identity"},
            verify=verify,
            follow_redirects=False,
            timeout=httpx.Timeout(self.limits.timeout_s, connect=self.limits.connect_s),
        )

    def get(self, path: str, params: dict[str, Any] | None = None) -> bytes:
        """Give the body of a 200 answer.

        Raises `Unauthorized` (401, 403), `Unavailable` (429, 5xx, no connection, time-out; with Retry-After),
        `Misconfigured` (other statuses, redirects), `BadRecord` (more than the limit).
        """
        try:
            with self._client.stream("GET", path, params=params) as answer:
                self._check(answer)
                return self._body(answer)
        except httpx.TimeoutException as error:
            raise Unavailable(f"GET {path} took longer than {self.limits.timeout_s} s") from error
        except httpx.InvalidURL as error:
            raise Misconfigured(f"{path} is no URL", remedy="correct the base URL") from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"GET {self._client.base_url}{path} failed: {error}",
                remedy="check that the source is up and reachable",
            ) from error

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
        if status == 200:
            return
        if status in (401, 403):
            raise Unauthorized(
                f"GET {url} answered {status}", remedy="check the user, the key and what they may read"
            )
        if status == 429 or status >= 500:
            raise Unavailable(f"GET {url} answered {status}", retry_after=_retry_after(answer))
        if 300 <= status < 400:
            raise Misconfigured(
                f"GET {url} answered {status}, a redirect", remedy="set the base URL to where it leads"
            )
        raise Misconfigured(f"GET {url} answered {status}", remedy="check the base URL and the paths")

    def _body(self, answer: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_raw():
            size += len(part)
            if size > self.limits.max_bytes:
                raise BadRecord(
                    f"the answer is larger than {self.limits.max_bytes} bytes",
                    where=str(answer.request.url),
                    remedy="ask for smaller pages",
                )
            parts.append(part)
        return b"".join(parts)


def _retry_after(answer: httpx.Response) -> float | None:
    given = answer.headers.get("retry-after")
    if not given:
        return None
    try:
        return float(given)
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
        except ValueError:
            return None
