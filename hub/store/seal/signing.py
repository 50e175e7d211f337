"""Ed25519: the hub's private key signs heads of the log; anybody's public key checks them."""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PEM_MARK = "-----BEGIN"
# What stands before the 32 bytes of an Ed25519 public key in the form that openssl reads (RFC 8410).
_PREFIX = bytes.fromhex("302a300506032b6570032100")


class KeyUnusable(Exception):
    """The private key of the audit trail cannot be used; restore its file from the keys' backup."""


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key; `text` is base64 of its 32 bytes, `key_id` the start of their SHA-256."""

    text: str

    @property
    def key_id(self) -> str:
        """A short name that nobody can give to another key."""
        return hashlib.sha256(base64.b64decode(self.text)).hexdigest()[:16]

    @property
    def pem(self) -> str:
        """The key as openssl reads it."""
        body = base64.b64encode(_PREFIX + base64.b64decode(self.text)).decode()
        return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"

    def verifies(self, message: bytes, signature: str) -> bool:
        """Tell whether the owner of the private key signed this message."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only sealing needs it
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above

        try:
            key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(self.text, validate=True))
            key.verify(base64.b64decode(signature, validate=True), message)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class Signer:
    """A private key that signs."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public = PublicKey(base64.b64encode(key.public_key().public_bytes_raw()).decode())

    @classmethod
    def make(cls) -> "Signer":
        """Give a new key."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above

        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, pem: str, *, place: str) -> "Signer":
        """Give the key of a PEM text. Raises `KeyUnusable`, which names the place and never the text."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise KeyUnusable(
                f"{place} holds no unencrypted Ed25519 private key in PEM; restore it from the keys' backup"
            )
        return cls(key)

    def sign(self, message: bytes) -> str:
        """Give the signature in base64."""
        return base64.b64encode(self._key.sign(message)).decode()

    def write(self, file: Path) -> None:
        """Write the key to a new file that only its owner may read."""
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())


def is_pem(text: str) -> bool:
    """Tell whether a setting is a key itself and not the name of a file with one."""
    return text.lstrip().startswith(_PEM_MARK)
