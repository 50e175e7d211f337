"""OAuth 2.0 client credentials: which token to ask for, and what the answer of a token endpoint means."""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import quote, urlencode

import orjson
from pydantic import SecretStr

from hub.sdk.errors import Misconfigured, Unauthorized, Unavailable

_MARGIN_S = 30.0
"""A token is renewed so long before it ends: requests under way must still be accepted."""
_USUAL_S = 300.0
"""How long a token is trusted whose end is not stated (RFC 6749, 5.1: `expires_in` is only recommended)."""


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """A program's own login by the client credentials grant (RFC 6749, 4.4).

    `style` says how the client proves itself at the token endpoint (2.3.1): `basic`, which every server must
    know, or `body`.
    """

    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    style: Literal["basic", "body"] = "basic"

    def form(self) -> tuple[bytes, dict[str, str]]:
        """Give the body and the headers of a request for a token."""
        fields = {"grant_type": "client_credentials", **self.parameters}
        if self.scope:
            fields["scope"] = self.scope
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        secret = self.client_secret.get_secret_value()
        if self.style == "body":
            fields |= {"client_id": self.client_id, "client_secret": secret}
        else:
            pair = f"{quote(self.client_id, safe='')}:{quote(secret, safe='')}".encode()
            headers["authorization"] = f"Basic {b64encode(pair).decode()}"
        return urlencode(fields).encode(), headers


@dataclass
class TokenKeeper:
    """The token of now: kept until shortly before its end, and given up when a source refuses it."""

    credentials: ClientCredentials
    clock: Callable[[], float] = time.monotonic
    _token: str = ""
    _until: float = 0.0

    @property
    def token(self) -> str:
        """The token while it is good, else nothing."""
        return self._token if self.clock() < self._until else ""

    def drop(self) -> None:
        """Give up the token: the source has refused it."""
        self._token, self._until = "", 0.0

    def take(self, status: int, body: bytes, *, retry_after: float | None = None) -> str:
        """Keep the token of an answer of the token endpoint.

        Raises `Unauthorized` (the client was refused), `Unavailable` (429, 5xx), `Misconfigured` (anything
        else); no message repeats what was sent or what came back, for both may hold secrets.
        """
        where = f"the token endpoint {self.credentials.token_url}"
        if status == 429 or status >= 500:
            raise Unavailable(f"{where} answered {status}", retry_after=retry_after)
        answer = _read(body)
        if status != 200:
            reason = answer.get("error")
            said = f" ({reason})" if isinstance(reason, str) and reason.replace("_", "").isalpha() else ""
            kind = Unauthorized if status in (400, 401, 403) else Misconfigured
            raise kind(
                f"{where} answered {status}{said}",
                remedy="check token URL, client id, client secret and scope",
            )
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise Misconfigured(f"{where} gave no access_token", remedy="check the token URL")
        lasts = answer.get("expires_in")
        lasts_s = float(lasts) if isinstance(lasts, int | float | str) and _is_number(lasts) else _USUAL_S
        self._token, self._until = token, self.clock() + max(1.0, lasts_s - _MARGIN_S)
        return token


def _read(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _is_number(given: float | str) -> bool:
    try:
        return float(given) >= 0
    except ValueError:
        return False
