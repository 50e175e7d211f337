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
Place = tuple[str, ...]
"""Where a row stands in the order: its stamp and its keys."""


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
            limits=config.limits(),
        )
        self._always = {"sap-client": config.client} if config.client else {}
        self._page_size = config.page_size
        self._protocol: Protocol = config.protocol

    def pages(self, path: str, options: dict[str, str]) -> Iterator[tuple[list[Row], bool]]:
        """Give the rows answer by answer, each with whether it is the last; `$orderby` ends with their keys.

        `$top` and `$skip` cut the whole into chunks, because many systems answer everything at once. A row
        that changes meanwhile moves behind the others, and those between move up by one: the next chunk
        would begin one row too late. So chunks overlap by a row. One that begins with a row that the chunk
        before did not have is asked for again from further back, until it does.

        What the server itself cuts smaller goes on in the same way: its next link counts rows too, and is
        followed only where an answer has nothing but the overlap.
        """
        fields = options["$orderby"].split(",")
        known: set[Place] = set()
        end, back = 0, 1
        while True:
            start = max(0, end - back)
            top = self._page_size + 1 if end else self._page_size
            least = max(self._page_size, 2) if end else self._page_size
            got: list[Place] = []
            is_joined = start == 0
            for rows, has_next in self._chunk(path, {**options, "$top": str(top), "$skip": str(start)}):
                places = [_place(row, fields) for row in rows]
                if not is_joined and (places or not has_next):
                    is_joined = bool(places) and places[0] in known
                    if not is_joined:
                        break
                got += places
                fresh = [row for row, place in zip(rows, places, strict=True) if place not in known]
                is_last = not has_next and len(got) < least
                yield fresh, is_last
                if is_last:
                    return
                if fresh:
                    break
            if is_joined:
                end, back, known = start + len(got), 1, set(got)
            else:
                back += min(back, self._page_size)

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


def _place(row: Row, fields: list[str]) -> Place:
    return tuple(str(row.get(name)) for name in fields)


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
