"""Benchling's v2 API: pages with a token, an API key or an app's token, and errors that say why."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import orjson

from connectors.benchling.config import BenchlingConfig
from hub.sdk import ConnectorError, HttpClient, Misconfigured, Unavailable
from hub.sdk.oauth import ClientCredentials

Item: TypeAlias = dict[str, Any]
_API = "api/v2/"
_ERROR_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The objects of one page, and the token of the next; None on the last."""

    items: list[Item]
    token: str | None


class BenchlingClient(HttpClient):
    """Reads one tenant; GET only but for the app's log-in."""

    def __init__(self, config: BenchlingConfig) -> None:
        base = config.url.rstrip("/") + "/"
        auth: tuple[str, str] | ClientCredentials
        if config.oauth:
            auth = ClientCredentials(
                token_url=f"{base}{_API}token",
                client_id=config.oauth.client_id,
                client_secret=config.oauth.client_secret,
            )
        else:
            auth = (config.api_key.get_secret_value() if config.api_key else "", "")
        super().__init__(base, auth=auth, verify=base.startswith("https"), limits=config.limits())

    def page(self, path: str, held_in: str, options: dict[str, str]) -> Answer:
        """Give a page of a collection whose list is called `held_in`."""
        told: Any = self.get_json(_API + path, options)
        answer = cast("Item", told) if isinstance(told, dict) else {}
        items = answer.get(held_in)
        if not isinstance(items, list):
            raise Misconfigured(f"GET {path} answered no list of {held_in}", remedy="check `url`")
        found = [cast("Item", item) for item in cast("list[Any]", items) if isinstance(item, dict)]
        return Answer(items=found, token=str(answer.get("nextToken") or "") or None)

    def _check(self, answer: Any) -> None:
        """Add what Benchling says in its error body to the error."""
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


def _message(answer: Any) -> str:
    body = b""
    for part in answer.iter_raw():
        body += part
        if len(body) > _ERROR_BYTES:
            break
    with suppress(orjson.JSONDecodeError):
        told: Any = orjson.loads(body)
        error: Any = cast("Item", told).get("error") if isinstance(told, dict) else None
        if isinstance(error, dict):
            return str(cast("Item", error).get("message") or "")[:300]
    return ""
