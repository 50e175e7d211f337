"""The master key from which the secret of each webhook follows: nothing secret is kept beside a webhook.

The secret is HKDF-SHA256 (RFC 5869) of the master key with the webhook's own salt. Whoever has the database
and not the file cannot sign; whoever removes a webhook ends its secret.
"""

import base64
import binascii
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_MARK = "whkey_"
_BYTES = 32
_SECRET = "whsec_"  # noqa: S105 - how secrets begin (Standard Webhooks, "Secrets")


class MasterKeyUnusable(Exception):
    """The master key of webhooks cannot be used; restore its file from the keys' backup."""


@dataclass(frozen=True)
class MasterKey:
    """32 random bytes; `key_id` names them and tells nothing of them."""

    _bytes: bytes

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id})"

    @classmethod
    def make(cls) -> "MasterKey":
        """Give a new key."""
        return cls(secrets.token_bytes(_BYTES))

    @classmethod
    def read(cls, text: str, *, place: str) -> "MasterKey":
        """Read a key. Raises `MasterKeyUnusable`, which names the place and never the text."""
        try:
            found = base64.b64decode(text.strip().removeprefix(_MARK), validate=True)
        except binascii.Error:
            found = b""
        if not text.strip().startswith(_MARK) or len(found) != _BYTES:
            raise MasterKeyUnusable(
                f"{place} holds no master key of webhooks ({_MARK}…); restore it from the keys' backup"
            )
        return cls(found)

    @property
    def text(self) -> str:
        """The key as it stands in its file."""
        return _MARK + base64.b64encode(self._bytes).decode()

    @cached_property
    def key_id(self) -> str:
        """A name of the key, 16 hexadecimal digits."""
        return self._derive(b"", "plantwide webhook key id").hex()[:16]

    def secret_of(self, salt: str) -> str:
        """Give the secret of the webhook with this salt: `whsec_` and base64 of 32 bytes."""
        derived = self._derive(bytes.fromhex(salt), "plantwide webhook secret")
        return _SECRET + base64.b64encode(derived).decode()

    def _derive(self, salt: bytes, purpose: str) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - only webhooks need it
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

        return HKDF(SHA256(), _BYTES, salt, purpose.encode()).derive(self._bytes)


@dataclass(frozen=True)
class MasterPlace:
    """Where the master key is: in a file, or, handed over as text, nowhere that the hub could write."""

    file: Path
    text: str | None = None

    @classmethod
    def of(cls, given: str | None, *, default: Path) -> "MasterPlace":
        """Give the place that a setting names: a file, the key itself, or the default file."""
        if given is not None and given.strip().startswith(_MARK):
            return cls(default, given)
        return cls(Path(given) if given else default)

    def __repr__(self) -> str:
        return f"MasterPlace({self.file}{', given as text' if self.text else ''})"

    def open(self, *, makes: bool = False) -> MasterKey:
        """Give the key; with `makes` it is made where none is yet. Raises `MasterKeyUnusable`."""
        if self.text is not None:
            return MasterKey.read(self.text, place="the setting webhook_key")
        try:
            if makes and not self.file.exists():
                self._write(MasterKey.make())
            return MasterKey.read(
                self.file.read_text(encoding="utf-8", errors="replace"), place=str(self.file)
            )
        except OSError as error:
            raise MasterKeyUnusable(
                f"{self.file}: {error.strerror}; restore it from the keys' backup, or name another file in "
                "webhook_key"
            ) from error

    def _write(self, key: MasterKey) -> None:
        """Write a key into a new file that only its owner may read, whole or not at all."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        coming = self.file.with_name(f"{self.file.name}.{secrets.token_hex(4)}.new")
        descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(f"{key.text}\n")
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(coming, self.file)  # unlike a renaming, it does not replace what another process made
        except FileExistsError:
            pass
        finally:
            coming.unlink()
