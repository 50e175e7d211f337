"""What an audit row says, as bytes: row images, their digests, and the chain that binds them.

Pure functions, so that whoever checks a hub (`plantwide audit verify`, the verifier inside an export)
computes the same from the same rows without a database.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

SEPARATOR = "\x1f"
"""Stands between the parts of a chained row; names, times and JSON never hold it, and reasons may not."""


def image_row(names: Sequence[str], values: Sequence[Any]) -> str:
    """Give a row as JSON text, by column in the table's order; nulls are left out.

    A column that a later version adds to the table is null in older rows and so does not change their image.
    Bytes appear as their SHA-256: a frame of samples is audited as one chunk, not copied.
    """
    row = {n: v for n, v in zip(names, values, strict=True) if v is not None}
    return orjson.dumps(row, default=_digest_bytes).decode()


def digest_row(names: Sequence[str], values: Sequence[Any]) -> str:
    """Give the digest of a row's image, in hex, without making it text."""
    row = {n: v for n, v in zip(names, values, strict=True) if v is not None}
    return hashlib.sha256(orjson.dumps(row, default=_digest_bytes)).hexdigest()


def digest_image(image: str) -> str:
    """Give the SHA-256 of a row's image, in hex."""
    return hashlib.sha256(image.encode()).hexdigest()


def chain_text(  # noqa: PLR0917 - the columns of an audit row in their order; the triggers call it by position
    prev_hash: str | None,
    entity_type: str,
    entity_id: int,
    version: int,
    action: str,
    actor: str,
    recorded_at: str,
    reason: str | None,
    before: str | None,
    digest: str | None,
) -> str:
    """Give the text that an audit row's hash is made over.

    `recorded_at` is UTC with six decimals and a Z. `digest` is that of the row as it is afterwards, empty
    when it is gone.
    """
    parts = (
        prev_hash or "",
        entity_type,
        str(entity_id),
        str(version),
        action,
        actor,
        recorded_at,
        reason or "",
        before or "",
        digest or "",
    )
    return SEPARATOR.join(parts)


def chain_hash(*parts: Any) -> str:
    """Give the SHA-256 of `chain_text`, in hex: it includes the hash of the row before."""
    return hashlib.sha256(chain_text(*parts).encode()).hexdigest()


def _digest_bytes(value: Any) -> str:
    return f"sha256:{hashlib.sha256(value).hexdigest()}"
