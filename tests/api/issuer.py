"""An issuer of tokens on loopback: it shows its keys, and signs what a test wants, also what no issuer would."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from hub.sdk.testing import Answered, Asked, serve

AUDIENCE = "plantwide"
PATH = "/realms/plant"


def make_key(kid: str, kind: str = "RSA") -> Key:
    """Give a new key pair."""
    given: Any = {"kid": kid, "use": "sig"}
    match kind:
        case "RSA":
            return RSAKey.generate_key(2048, given)
        case "EC":
            return ECKey.generate_key("P-256", given)
        case _:
            return OKPKey.generate_key("Ed25519", given)


@dataclass
class LocalIssuer:
    """What the issuer shows; `keys` may be changed (rotation), `is_up` switched off, `shown` adds to each key, `asked` is what was asked."""

    keys: list[Key]
    address: str = ""
    is_up: bool = True
    named: str | None = None
    jwks_uri: str | None = None
    shown: dict[str, Any] = field(default_factory=dict[str, Any])
    extra: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: list[str] = field(default_factory=list[str])

    def answer(self, asked: Asked) -> Answered:
        self.asked.append(asked.target)
        if not self.is_up:
            return Answered(status=503)
        documents: dict[str, Any] = {
            f"{PATH}/.well-known/openid-configuration": {
                "issuer": self.named or self.address,
                "jwks_uri": self.jwks_uri or f"{self.address}/certs",
            },
            f"{PATH}/certs": {
                "keys": [*self.extra, *({**key.as_dict(private=False), **self.shown} for key in self.keys)]
            },
        }
        found = documents.get(asked.target)
        return Answered(status=200 if found else 404, body=json.dumps(found).encode())

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Give the claims of a token as Keycloak writes them; None leaves one out."""
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self.address,
            "aud": [AUDIENCE, "account"],
            "sub": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "exp": now + 300,
            "iat": now,
            "typ": "Bearer",
            "preferred_username": "ada",
            "realm_access": {"roles": ["offline_access", "plant-steward"]},
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, algorithm: str = "RS256", *, key: Key | None = None, **changed: Any) -> str:
        """Give a token; `header` in `changed` adds to its header."""
        key = key or self.keys[0]
        header = {"alg": algorithm, "kid": key.kid, **changed.pop("header", {})}
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        # Old Ed25519 tokens are signed as new ones: only the name in the header differs.
        registry.algorithms = {**JWSRegistry.algorithms, "EdDSA": JWSRegistry.algorithms["Ed25519"]}
        return jwt.encode(header, self.claims(**changed), key, registry=registry)

    def forge(self, header: dict[str, Any], *, secret: bytes | None = None, **changed: Any) -> str:
        """Give a token that no issuer signed: with no signature, or with an HMAC by a secret."""
        parts = b".".join(_encode(json.dumps(part).encode()) for part in (header, self.claims(**changed)))
        mark = b"" if secret is None else _encode(hmac.new(secret, parts, hashlib.sha256).digest())
        return (parts + b"." + mark).decode()


@contextmanager
def issuing() -> Iterator[LocalIssuer]:
    """Serve an issuer with one RSA key."""
    issuer = LocalIssuer([make_key("first")])
    with serve(issuer.answer) as url:
        issuer.address = f"{url}{PATH}"
        yield issuer


def _encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
