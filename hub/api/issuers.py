"""An issuer of tokens: its discovery document and the keys it signs with, fetched, kept, and fetched anew."""

import base64
import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from hub.sdk.errors import ConnectorError, Misconfigured
from hub.sdk.http import HttpClient, HttpLimits

_log = logging.getLogger("hub.api")

Key = RSAKey | ECKey | OKPKey
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Signatures that count (RFC 7518, 3.1; RFC 8037; RFC 9864): made with a key that only the issuer has."""
_ALGORITHMS_OF: Mapping[tuple[str, str], frozenset[str]] = {
    ("RSA", ""): frozenset({"RS256", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
}
_PUBLIC = ("kty", "kid", "n", "e", "crv", "x", "y")
_LEAST_BITS = 2048
_LIMITS = HttpLimits(max_bytes=1024 * 1024, timeout_s=5.0, connect_s=3.0)
FRESH_S = 3600.0
"""Seconds for which keys are used without asking again."""
STALE_S = 24 * 3600.0
"""Seconds for which they are used while the issuer does not answer."""
PAUSE_S = 10.0
"""Seconds between two fetches, whoever makes up key ids."""


class IssuerUnavailable(Exception):
    """The issuer's keys cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class ShownKey:
    """A public key of the issuer, with the algorithms that it may be used with and no others."""

    key: Key
    algorithms: frozenset[str]


@dataclass(frozen=True)
class _Held:
    """Keys by their id, and when they were fetched."""

    keys: Mapping[str, ShownKey]
    at: float


class Issuer:
    """The keys of one issuer. `clock` gives seconds that never run backwards."""

    def __init__(self, address: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self._clock = clock
        self._turn = threading.Lock()
        self._held: _Held | None = None
        self._tried: float | None = None
        self._fault = ""

    def find_key(self, kid: str) -> ShownKey | None:
        """Give the key of an id, None when the issuer shows no such key. Raises `IssuerUnavailable`."""
        found = self._look(kid)
        if found is not None:
            return found
        with self._turn:
            if self._look(kid) is None:
                self._renew()
        held = self._held
        is_usable = held is not None and self._clock() - held.at < STALE_S
        found = held.keys.get(kid) if held is not None and is_usable else None
        if found is None and (self._fault or not is_usable):
            raise IssuerUnavailable(self._fault)
        return found

    def _look(self, kid: str) -> ShownKey | None:
        held = self._held
        is_fresh = held is not None and self._clock() - held.at < FRESH_S
        return held.keys.get(kid) if held is not None and is_fresh else None

    def _renew(self) -> None:
        now = self._clock()
        if self._tried is not None and now - self._tried < PAUSE_S:
            return
        self._tried = now
        try:
            self._held, self._fault = _Held(fetch_keys(self.address), now), ""
        except ConnectorError as error:
            self._fault = str(error)
            _log.warning("keys of the issuer of tokens cannot be fetched: %s", error)


def fetch_keys(address: str) -> dict[str, ShownKey]:
    """Give the keys that an issuer shows (OpenID Connect Discovery 1.0, 4; RFC 7517, 5).

    Raises `ConnectorError`.
    """
    with HttpClient(address.rstrip("/"), limits=_LIMITS) as client:
        document = _as_object(client.get_json("/.well-known/openid-configuration"))
        if document.get("issuer") != address:
            raise Misconfigured(
                f"the discovery document of {address} names another issuer",
                remedy="write `oidc_issuer` exactly as its `issuer` has it",
            )
        place = document.get("jwks_uri")
        if not isinstance(place, str) or not is_safe_address(place):
            raise Misconfigured(
                f"the discovery document of {address} has no https address as `jwks_uri`",
                remedy="correct the address that the issuer believes to have",
            )
        entries: Any = _as_object(client.get_json(place)).get("keys")
    listed = cast("list[Any]", entries) if isinstance(entries, list) else []
    shown = (read_key(_as_object(entry)) for entry in listed)
    return {kid: key for kid, key in shown if key is not None}


def read_key(entry: Mapping[str, Any]) -> tuple[str, ShownKey | None]:
    """Give id and key of an entry of a key set; no key when signatures are not checked with it here."""
    kid, curve = entry.get("kid"), str(entry.get("crv", ""))
    algorithms = _ALGORITHMS_OF.get((str(entry.get("kty")), curve), frozenset[str]())
    if "alg" in entry:  # EdDSA and Ed25519 are two names of one thing
        wanted = {"EdDSA", "Ed25519"} if entry["alg"] in ("EdDSA", "Ed25519") else {str(entry["alg"])}
        algorithms &= wanted
    if not isinstance(kid, str) or not algorithms or entry.get("use", "sig") != "sig":
        return "", None
    try:
        if entry["kty"] == "RSA" and _count_bits(entry["n"]) < _LEAST_BITS:  # RFC 7518, 3.3
            return kid, None
        key = import_key({name: entry[name] for name in _PUBLIC if name in entry})
    except (JoseError, KeyError, ValueError, TypeError):
        return kid, None  # one broken key must not take the others away
    return kid, ShownKey(cast("Key", key), algorithms)


def _count_bits(number: str) -> int:
    """Give the length of a number in base64url (RFC 7518, 2)."""
    return int.from_bytes(base64.urlsafe_b64decode(number + "==")).bit_length()


def is_safe_address(address: str) -> bool:
    """Tell whether nobody on the way can change what an address says: https, or this machine itself."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _as_object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
