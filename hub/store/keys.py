"""API keys: a name, scopes and an end; the secret is shown once and kept only as SHA-256.

The secret has 256 random bits, so a plain hash cannot be guessed back and needs no slow derivation.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, insert, select, update

from hub.store.permissions import DELIVER, LOOKING, ROLE, ROLES, SCOPES, may, permit
from hub.store.questions.scope import RowScope
from hub.store.tables import api_key

SITE, PRODUCT = "site:", "product:"
"""Scopes that narrow what a key sees to sites and products, by their codes: `site:CORK`, `product:300214`."""

_DELIVERS = re.compile(DELIVER + r"[a-z][a-z0-9._-]{0,59}")
_PREFIX = "pw"
_PUBLIC_BYTES = 6
_SECRET_BYTES = 32


class UnknownScope(ValueError):
    """A scope is none that there is, or goes with others that it cannot go with; the message says which."""


@dataclass(frozen=True)
class Caller:
    """Who asks: the key's public id, its name, its scopes and roles (`role:steward`).

    A person with a token is one too: the id then stands for issuer and subject, the roles come from claims.
    """

    public_id: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None = None

    @cached_property
    def rows(self) -> RowScope:
        """Which rows the key sees."""
        return RowScope(self._codes(SITE), self._codes(PRODUCT))

    def _codes(self, kind: str) -> tuple[str, ...] | None:
        codes = sorted(one.removeprefix(kind) for one in self.scopes if one.startswith(kind))
        return tuple(codes) or None

    def has_ended(self, now: datetime) -> bool:
        """Tell whether the key has expired."""
        return self.expires_at is not None and self.expires_at <= now

    @cached_property
    def permissions(self) -> frozenset[str]:
        """What the scopes and roles permit."""
        return permit(self.scopes)

    def may(self, permission: str) -> bool:
        """Tell whether the key holds a permission, or `deliver:<source>`."""
        return may(self.permissions, permission)


def create_key(
    connection: Connection, *, name: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> str:
    """Make a key and give its text `pw_<public id>_<secret>`: the only time it can be seen.

    `scopes` are scopes and roles (`role:steward`) of `hub.store.permissions`, sources to deliver for, and
    what narrows a key that only looks to sites and products.
    Raises `UnknownScope`.
    """
    _check_scopes(scopes)
    public_id = secrets.token_hex(_PUBLIC_BYTES)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    connection.execute(
        insert(api_key).values(
            public_id=public_id,
            name=name,
            secret_hash=_digest(secret),
            scopes=sorted(set(scopes)),
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
    )
    return f"{_PREFIX}_{public_id}_{secret}"


def verify_key(connection: Connection, key: str, *, now: datetime) -> Caller | None:
    """Give the caller of a valid key, or None for one that is unknown, wrong, expired or revoked.

    The comparison takes the same time wherever a wrong secret differs, and also for an unknown id.
    """
    prefix, _, rest = key.partition("_")
    public_id, _, secret = rest.partition("_")
    row = _find(connection, public_id) if public_id.isascii() and public_id.isalnum() else None
    stored = row.secret_hash if row is not None else "0" * 64
    is_same = hmac.compare_digest(_digest(secret), stored)
    return _caller(row, now) if is_same and prefix == _PREFIX and row is not None else None


def find_caller(connection: Connection, public_id: str, *, now: datetime) -> Caller | None:
    """Give the caller of a key's public id while it is neither expired nor revoked (for sessions)."""
    row = _find(connection, public_id)
    return None if row is None else _caller(row, now)


def list_keys(connection: Connection) -> list[dict[str, Any]]:
    """Give all keys without their hashes, oldest first."""
    names = ("public_id", "name", "scopes", "created_at", "expires_at", "revoked_at")
    query = select(*(api_key.c[name] for name in names)).order_by(api_key.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def revoke_key(connection: Connection, public_id: str) -> bool:
    """End a key now; False when there is no such key that still counts."""
    changed = connection.execute(
        update(api_key)
        .where(api_key.c.public_id == public_id, api_key.c.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
    return changed.rowcount > 0


def _check_scopes(scopes: Sequence[str]) -> None:
    narrow = {one for one in scopes if one.startswith((SITE, PRODUCT)) and one.partition(":")[2].strip()}
    rest = set(scopes) - narrow
    roles = {one for one in rest if one.startswith(ROLE) and one.removeprefix(ROLE) in ROLES}
    unknown = sorted(one for one in rest - roles - set(SCOPES) if not _DELIVERS.fullmatch(one))
    if unknown or not scopes:
        known = f"{', '.join(SCOPES)}, {DELIVER}<source code>, {SITE}CODE, {PRODUCT}CODE"
        raise UnknownScope(
            f"scopes are some of {known}, and roles some of {', '.join(ROLES)}; "
            f"got {', '.join(unknown) or 'none'}"
        )
    if narrow and not (rest and permit(rest) <= LOOKING):
        raise UnknownScope(
            "a key that is narrowed to sites or products only looks: give it the scope read or the role "
            "reader or analyst, and no other"
        )


def _find(connection: Connection, public_id: str) -> Any:
    return connection.execute(select(api_key).where(api_key.c.public_id == public_id)).one_or_none()


def _caller(row: Any, now: datetime) -> Caller | None:
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Caller(row.public_id, row.name, frozenset(row.scopes), row.expires_at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
