"""People with a token of the plant's issuer (OpenID Connect): a token comes in, who it is goes out.

Tokens are access tokens as JWT (RFC 7519, 9068), shown as bearer (RFC 6750). They are never kept or logged.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

from hub.api.issuers import ALGORITHMS, IssuerUnavailable, ShownKey, is_safe_address
from hub.api.problems import Problem
from hub.store.keys import SITE, Caller
from hub.store.permissions import ROLE, ROLES

_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""`typ` of tokens that let somebody in (RFC 9068, 4); one made for other ends says so (RFC 8725, 3.11)."""
_KNOWN_FOR = timedelta(minutes=5)
"""How long a verified token is believed without looking at it again."""
EVERY_SITE = "*"
"""In `oidc_sites`: whoever has this value sees the rows of all sites."""
_WRONG: Mapping[str, str] = {
    "iss": "was issued by another issuer than `oidc_issuer`; log in at that one",
    "aud": "is meant for another audience than `oidc_audience`; let the issuer put it into `aud`",
    "exp": "has expired, or says not when it will; fetch a new one",
    "nbf": "is not valid yet; compare the clocks of the issuer and of this hub",
    "iat": "was issued in the future; compare the clocks of the issuer and of this hub",
    "sub": "does not say whose it is (`sub`)",
}


class KeyFinder(Protocol):
    """Where the keys of an issuer are found."""

    def find_key(self, kid: str) -> ShownKey | None:
        """Give the key of an id, None when there is none. Raises `IssuerUnavailable`."""
        ...


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """Which tokens count: of which issuer, for which audience; which roles what is in `roles_claim` gives.

    With `sites_claim` a person sees the rows of the sites that `sites` gives to what is in it (`*`: of all).

    Raises `ValueError` when that cannot be meant.
    """

    issuer: str
    audience: str
    roles_claim: str
    roles: Mapping[str, str]
    skew_s: int
    sites_claim: str = ""
    sites: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Refuse what would let in nobody, or the wrong ones."""
        if not is_safe_address(self.issuer) or set("?#") & set(self.issuer):
            raise ValueError(
                "oidc_issuer: write the https address of the issuer, as its tokens have it in `iss`"
            )
        if not self.audience.strip():
            raise ValueError("oidc_audience: write what tokens for this hub have in `aud`")
        unknown = sorted(set(self.roles.values()) - set(ROLES))
        if unknown or not self.roles:
            raise ValueError(
                'oidc_roles: give roles to values of the claim, such as {plantwide-steward = "steward"}; '
                f"roles are {', '.join(ROLES)}; got {', '.join(unknown) or 'none'}"
            )
        if bool(self.sites) != bool(self.sites_claim):
            raise ValueError(
                'oidc_sites_claim and oidc_sites: give both, such as "sites" and {plant-cork = "CORK"}, '
                "or neither"
            )


class Tokens:
    """Verifies tokens by rules, with the keys of the issuer."""

    def __init__(self, rules: TokenRules, keys: KeyFinder) -> None:
        self._rules = rules
        self._keys = keys

    def verify(self, token: str, *, now: datetime) -> Caller:
        """Give whose token it is, with the roles that its claims give. Raises `Problem`."""
        claims = self._read(token, now)
        values = list_values(claims, self._rules.roles_claim)
        roles = {self._rules.roles[value] for value in values if value in self._rules.roles}
        if not roles:
            raise Problem(
                "role-missing",
                f"The token's claim `{self._rules.roles_claim}` holds none of the values that `oidc_roles` "
                "gives a role to; ask whoever administers the issuer for one.",
            )
        ends = min(claims["exp"] + self._rules.skew_s, (now + _KNOWN_FOR).timestamp())
        return Caller(
            identify(self._rules.issuer, claims["sub"]),
            name_person(self._rules.issuer, claims),
            frozenset(f"{ROLE}{role}" for role in roles) | self._find_sites(claims),
            datetime.fromtimestamp(ends, UTC),
        )

    def _find_sites(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Give what narrows a person to sites, nothing when they see all. Raises `Problem` without one."""
        if not self._rules.sites_claim:
            return frozenset()
        values = list_values(claims, self._rules.sites_claim)
        codes = {self._rules.sites[value] for value in values if value in self._rules.sites}
        if not codes:
            raise Problem(
                "role-missing",
                f"The token's claim `{self._rules.sites_claim}` holds none of the values that `oidc_sites` "
                "gives a site to; ask whoever administers the issuer for one.",
            )
        return frozenset() if EVERY_SITE in codes else frozenset(f"{SITE}{code}" for code in codes)

    def _read(self, token: str, now: datetime) -> dict[str, Any]:
        """Give the claims of a token whose signature, issuer, audience and times hold (RFC 7519, 7.2)."""
        shown = self._find_key(_read_header(token))
        try:
            claims = jwt.decode(token, shown.key, registry=_REGISTRY).claims
        except (JoseError, ValueError) as error:
            raise _invalid("has a signature that is not right; fetch a new one") from error
        wanted: dict[str, jwt.ClaimsOption] = {
            "iss": {"essential": True, "value": self._rules.issuer},
            "aud": {"essential": True, "value": self._rules.audience},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        for name, wrong in _WRONG.items():  # one after the other, so that the answer can say which
            options = {name: wanted[name]} if name in wanted else {}
            registry = jwt.JWTClaimsRegistry(int(now.timestamp()), self._rules.skew_s, **options)
            try:
                registry.validate({name: claims[name]} if name in claims else {})
            except JoseError as error:
                raise _invalid(wrong) from error
        return claims

    def _find_key(self, header: Mapping[str, Any]) -> ShownKey:
        """Give the key that a token's header names. The header decides nothing but which key is tried."""
        algorithm, kid = header.get("alg"), header.get("kid")
        if str(header.get("typ", "")).casefold() not in _TYPES:
            raise _invalid("is not made for letting somebody in (`typ`); send an access token")
        if algorithm not in ALGORITHMS:
            raise _invalid(f"is not signed in one of the ways that count here: {', '.join(ALGORITHMS)}")
        if not isinstance(kid, str):
            raise _invalid("does not say which key signed it (`kid`)")
        try:
            shown = self._keys.find_key(kid)
        except IssuerUnavailable as error:
            raise Problem(
                "issuer-unavailable",
                f"The keys of the issuer of tokens cannot be had: {error}. API keys work meanwhile.",
                headers={"Retry-After": "10"},
            ) from error
        if shown is None or algorithm not in shown.algorithms:
            raise _invalid("is signed with a key that its issuer does not show for that; fetch a new one")
        return shown


def _make_registry() -> JWSRegistry:
    """Give the algorithms that count and no others; EdDSA is Ed25519 only, its name since RFC 9864."""
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length = 4096  # some issuers put certificates there
    known = JWSRegistry.algorithms
    registry.algorithms = {name: known["Ed25519" if name == "EdDSA" else name] for name in ALGORITHMS}
    return registry


_REGISTRY = _make_registry()


def looks_like_token(text: str) -> bool:
    """Tell whether a bearer's text is a signed token and no API key (RFC 7515, 3.1: three parts)."""
    return text.count(".") == 2


def list_values(claims: Mapping[str, Any], claim: str) -> list[str]:
    """Give the texts of a claim: by its whole name, or by steps (`realm_access.roles`)."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = cast("dict[str, Any]", found).get(step) if isinstance(found, dict) else None
    values = cast("list[Any]", found) if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, str)]


def identify(issuer: str, subject: str) -> str:
    """Give the id of a person: issuer and subject, unique only together (OpenID Connect Core 1.0, 5.7).

    It is the first 16 digits of the SHA-256 of both with a line feed between: the audit trail has room for
    80 characters, a subject may have 255.
    """
    return hashlib.sha256(f"{issuer}\n{subject}".encode(errors="surrogatepass")).hexdigest()[:16]


def name_person(issuer: str, claims: Mapping[str, Any]) -> str:
    """Give how a person is shown: by user name, else subject, at the issuer's host; a name is no proof."""
    told = (claims.get(name) for name in ("preferred_username", "sub"))
    name = next(one for one in told if isinstance(one, str) and one.strip())
    host = urlsplit(issuer).hostname or ""
    most = 60 - min(len(host), 25) - 4
    return "".join(sign for sign in f"{name[:most]} at {host}" if sign.isprintable())[:60]


def _read_header(token: str) -> Mapping[str, Any]:
    try:
        return extract_compact(token.encode(), registry=_REGISTRY).headers()
    except (JoseError, ValueError, UnicodeError) as error:
        raise _invalid("cannot be read as a signed token; send it whole, as it was issued") from error


def _invalid(what: str) -> Problem:
    """Give the problem of a token that does not count, with the challenge of RFC 6750, 3."""
    challenge = 'Bearer realm="plantwide", error="invalid_token"'
    return Problem("token-invalid", f"The token {what}.", headers={"WWW-Authenticate": challenge})
