"""Heads of the log: how many audit rows the tree covers, its root, when and by which key that was signed."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from hub.model import parse_instant
from hub.store.attribution import format_at
from hub.store.seal.signing import PublicKey, Signer
from hub.store.tables import audit_key, tree_head

_PAGE = 1000


@dataclass(frozen=True)
class TreeHead:
    """A signed head; `root` is hex, `at` fixed-width UTC, `signature` base64."""

    size: int
    root: str
    at: str
    key_id: str
    signature: str

    @property
    def message(self) -> bytes:
        """What is signed."""
        return write_head(self.size, self.root, self.at, self.key_id)

    def as_json(self) -> dict[str, Any]:
        """The head as one line of a file of heads."""
        return {"kind": "head", **vars(self)}


@dataclass(frozen=True)
class KnownKey:
    """A public key that heads are or were signed with, and what its predecessor signed for it."""

    public: PublicKey
    at: str
    endorsed_by: str | None
    endorsement: str | None

    @property
    def message(self) -> bytes:
        """What the predecessor signs."""
        return (
            f"plantwide audit key\nkey {self.public.text}\nat {self.at}\nafter {self.endorsed_by}\n".encode()
        )

    def as_json(self) -> dict[str, Any]:
        """The key as one line of a file of heads."""
        return {
            "kind": "key",
            "key_id": self.public.key_id,
            "public_key": self.public.text,
            "at": self.at,
            "endorsed_by": self.endorsed_by,
            "endorsement": self.endorsement,
        }


def write_head(size: int, root: str, at: str, key_id: str) -> bytes:  # noqa: PLR0917 - the lines in their order
    """Give the text that the signature of a head is made over."""
    return f"plantwide tree head\nsize {size}\nroot {root}\nat {at}\nkey {key_id}\n".encode()


def sign_head(size: int, root: bytes, at: datetime, signer: Signer) -> TreeHead:  # noqa: PLR0917 - as above
    """Give a signed head."""
    key_id, text = signer.public.key_id, format_at(at)
    signature = signer.sign(write_head(size, root.hex(), text, key_id))
    return TreeHead(size, root.hex(), text, key_id, signature)


def read_head(line: Mapping[str, Any]) -> TreeHead:
    """Give the head of a line of a file of heads. Raises `ValueError` for anything else."""
    size, texts = line.get("size"), [line.get(name) for name in ("root", "at", "key_id", "signature")]
    if type(size) is not int or not all(isinstance(text, str) for text in texts):
        raise ValueError("a head has a size, a root, a time, a key id and a signature")
    return TreeHead(size, *(str(text) for text in texts))


def read_key(line: Mapping[str, Any]) -> KnownKey:
    """Give the key of a line of a file of heads. Raises `ValueError` for anything else."""
    text, at = line.get("public_key"), line.get("at")
    if not isinstance(text, str) or not isinstance(at, str) or len(base64.b64decode(text)) != 32:
        raise ValueError("a key has a public key of 32 bytes and a time")
    return KnownKey(PublicKey(text), at, line.get("endorsed_by"), line.get("endorsement"))


def add_head(connection: Connection, head: TreeHead, progress: Mapping[str, int]) -> None:
    """Keep a head, with where the next one goes on."""
    row = {
        "size": head.size,
        "root": head.root,
        "signed_at": parse_instant(head.at),
        "key_id": head.key_id,
        "signature": head.signature,
        **progress,
    }
    connection.execute(insert(tree_head), row)


def newest_head(connection: Connection) -> TreeHead | None:
    """Give the newest head; None before the first."""
    row = connection.execute(_heads().order_by(tree_head.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _head(row)


def head_of(connection: Connection, size: int) -> TreeHead | None:
    """Give a head that was signed over exactly so many rows."""
    row = connection.execute(_heads().where(tree_head.c.size == size).limit(1)).one_or_none()
    return None if row is None else _head(row)


def list_heads(connection: Connection) -> Iterator[TreeHead]:
    """Give all heads, the smallest first."""
    last = 0
    while rows := connection.execute(_page_after(last)).all():
        yield from (_head(row) for row in rows)
        last = rows[-1].id


def list_keys(connection: Connection) -> list[KnownKey]:
    """Give all keys, the oldest first; the last one signs today."""
    names = ("public_key", "recorded_at", "endorsed_by", "endorsement")
    query = select(*(audit_key.c[name] for name in names)).order_by(audit_key.c.id)
    rows: Any = connection.execute(query)
    return [KnownKey(PublicKey(text), format_at(at), by, word) for text, at, by, word in rows]


def add_key(connection: Connection, key: KnownKey) -> None:
    """Keep a public key."""
    row = {
        "key_id": key.public.key_id,
        "public_key": key.public.text,
        "recorded_at": parse_instant(key.at),
        "endorsed_by": key.endorsed_by,
        "endorsement": key.endorsement,
    }
    connection.execute(insert(audit_key), row)


def _page_after(head_id: int) -> Select[Any]:
    return _heads().where(tree_head.c.id > head_id).order_by(tree_head.c.id).limit(_PAGE)


def _heads() -> Select[Any]:
    names = ("id", "size", "root", "signed_at", "key_id", "signature")
    return select(*(tree_head.c[name] for name in names))


def _head(row: Any) -> TreeHead:
    return TreeHead(row.size, row.root, format_at(row.signed_at), row.key_id, row.signature)
