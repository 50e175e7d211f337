"""The OData side, V2 and V4: pages over `$top`, `$skip`, next links; SAP's error bodies as clear errors."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import orjson

from connectors.sap_odata.config import Protocol, SapConfig
from hub.sdk import ConnectorError, HttpClient, Misconfigured, Unavailable

_ERROR_BYTES = 65_536
_XML_MESSAGE = re.compile(r"<message[^>]*>([^<]{1,400})</message>")
_ACCEPT: dict[Protocol, str] = {"v2": "application/json", "v4": "application/json;IEEE754Compatible=true"}
"""V4 writes decimals as numbers unless it is asked for text, which keeps their digits."""
Row = dict[str, Any]


class SapClient(HttpClient):
    """Reads entity sets of one system; GET only, so no CSRF token is ever needed."""

    def __init__(self, config: SapConfig) -> None:
        login = (config.user, config.password.get_secret_value()) if config.user and config.password else None
        headers = {config.api_key_header: config.api_key.get_secret_value()} if config.api_key else {}
        super().__init__(
            config.url.rstrip("/") + "/",
            auth=login,
            headers={
                **headers,
                "accept": _ACCEPT[config.protocol],
                "accept-language": config.language.lower(),
            },
            # plain HTTP has no certificates to check: loading the authorities would only take time
            verify=str(config.ca_file) if config.ca_file else config.url.startswith("https"),
        )
        self._always = {"sap-client": config.client} if config.client else {}
        self._page_size = config.page_size
        self._protocol: Protocol = config.protocol

    def pages(self, path: str, options: dict[str, str]) -> Iterator[tuple[list[Row], bool]]:
        """Give the rows answer by answer, each with whether it is the last.

        `$top` and `$skip` cut the whole into chunks, because many systems answer everything at once; what
        the server itself cuts smaller is followed by its next link.
        """
        skip = 0
        while True:
            asked = {**options, "$top": str(self._page_size), "$skip": str(skip)}
            got = 0
            for rows, has_next in self._chunk(path, asked):
                got += len(rows)
                yield rows, not has_next and got < self._page_size
            if got < self._page_size:
                return
            skip += got

    def _chunk(self, path: str, options: dict[str, str]) -> Iterator[tuple[list[Row], bool]]:
        asked: set[str] = set()
        while True:
            rows, following = self.rows(path, options)
            yield rows, following is not None
            if following is None:
                return
            if following in asked:
                raise Unavailable(f"GET {path} gives the same next link again and again")
            asked.add(following)
            # only the query is taken: the host in the link is often an inner one, and credentials stay here
            options = dict(parse_qsl(urlsplit(following).query, keep_blank_values=True))

    def rows(self, path: str, options: dict[str, str]) -> tuple[list[Row], str | None]:
        """Give the rows of one answer and its next link.

        Raises `Misconfigured` for what is no OData of the version and `Unavailable` for a truncated answer.
        """
        # a blank as `+` is a form's spelling (HTML); in an OData address it is a plus sign
        body = self.get(f"{path}?{urlencode({**options, **self._always}, quote_via=quote, safe='$')}")
        if body.lstrip()[:1] == b"<":
            raise Misconfigured(
                f"GET {path} answered a page instead of data (a login page?)",
                remedy="check `url`, and that the user may log on without a browser",
            )
        try:
            answer: Any = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Unavailable(f"the answer of GET {path} is no whole JSON: {error}") from error
        found, following = _collection(_mapping(answer), self._protocol)
        if isinstance(found, list) and all(isinstance(row, dict) for row in cast("list[Any]", found)):
            return cast("list[Row]", found), following or None
        raise Misconfigured(
            f"GET {path} answered no OData {self._protocol.upper()} collection",
            remedy="`url` must lead to services of the version that `protocol` names (V2: …/odata/sap)",
        )

    def _check(self, answer: Any) -> None:
        """Add what SAP says in its error body to the error."""
        try:
            super()._check(answer)
        except ConnectorError as error:
            said = _message(answer)
            if not said:
                raise
            what = f"{error.what}: {said}"
            if isinstance(error, Unavailable):
                raise Unavailable(what, remedy=error.remedy, retry_after=error.retry_after) from error
            raise type(error)(what, remedy=error.remedy) from error


def _collection(answer: Row, protocol: Protocol) -> tuple[Any, Any]:
    """Give the rows and the next link, where each version has them."""
    if protocol == "v4":
        return answer.get("value"), answer.get("@odata.nextLink")
    data: Any = answer.get("d")
    rows: Any = cast("Any", data) if isinstance(data, list) else _mapping(data).get("results")
    return rows, _mapping(data).get("__next")


def _message(answer: Any) -> str:
    """Give SAP's code and message of an error answer, JSON or XML; empty when there is none."""
    body = b""
    for part in answer.iter_raw():
        body += part
        if len(body) > _ERROR_BYTES:
            break
    with suppress(orjson.JSONDecodeError):
        error = _mapping(_mapping(orjson.loads(body)).get("error"))
        message = error.get("message")
        text = _mapping(message).get("value") if isinstance(message, dict) else message
        said = ": ".join(str(part) for part in (error.get("code"), text) if part)
        if said:
            return said[:400]
    found = _XML_MESSAGE.search(body.decode("utf-8", errors="replace"))
    return found.group(1).strip() if found else ""


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
