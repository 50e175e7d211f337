"""Answers of a source: JSON with its numbers word for word, the next page's address, the server's clock."""

import json
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import orjson

from hub.sdk import BadRecord, HttpClient, Misconfigured, Unavailable, utc_now


class Verbatim(str):
    """A number as the source wrote it: `3.10` stays `3.10`."""

    __slots__ = ()


def read_json(text: str | bytes, where: str) -> Any:
    """Decode JSON; numbers come as `Verbatim`. Raises `BadRecord` for anything else, and for NaN."""

    def refuse(constant: str) -> Any:
        msg = f"{constant} is no JSON number"
        raise ValueError(msg)

    try:
        return json.loads(text, parse_float=Verbatim, parse_int=Verbatim, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"the text is no JSON: {error}", where=where) from error


def write_json(item: Any) -> str:
    """Encode what `read_json` gave, numbers again as the source wrote them."""
    return orjson.dumps(item, default=_fragment, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _fragment(given: Any) -> Any:
    if isinstance(given, Verbatim):
        return orjson.Fragment(str(given))
    msg = f"{type(given).__name__} is no JSON"
    raise TypeError(msg)


class Client(HttpClient):
    """The HTTP client, keeping of each answer what lies outside its body."""

    def __init__(self, base_url: str, **options: Any) -> None:
        super().__init__(base_url, **options)
        self._base_url = base_url
        self._asked = ""
        self.status = 0
        self.next_link: str | None = None
        self.server_time = utc_now()

    def fetch(self, path: str, params: dict[str, Any] | None) -> Any:
        """Give the decoded answer of a GET; what is no JSON is a wrong place, or a broken answer."""
        body = self.get(path, params or None)
        try:
            return read_json(body, path)
        except BadRecord as error:
            if body.lstrip()[:1] == b"<":
                raise Misconfigured(
                    f"GET {path} answered a page for people, no JSON",
                    remedy="check `base_url` and the path; it may be a login page",
                ) from error
            raise Unavailable(f"GET {path} answered broken JSON: {error.reason}") from error

    def same_server(self, url: str) -> str:
        """Give the address when it lies on the configured server: credentials go nowhere else."""
        target = urljoin(self._asked or self._base_url, url)
        if _server(target) != _server(self._base_url):
            raise Misconfigured(
                f"the next page is said to be on {urlsplit(target).netloc}, not on the server of `base_url`",
                remedy="set `base_url` to the address that the source itself uses, or page by number",
            )
        return target

    def _check(self, answer: Any) -> None:
        self.status = answer.status_code
        self._asked = str(answer.request.url)
        links = cast("dict[str, dict[str, str]]", answer.links)
        self.next_link = links.get("next", {}).get("url")
        given = answer.headers.get("date")
        try:
            self.server_time = parsedate_to_datetime(given).astimezone(UTC) if given else utc_now()
        except ValueError:
            self.server_time = utc_now()
        super()._check(answer)


def _server(url: str) -> tuple[str, str | None, int]:
    """Give scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443}.get(parts.scheme, 80)
