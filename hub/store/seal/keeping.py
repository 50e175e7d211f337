"""Where the private key is kept, and that it is the one that the log is signed with."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hub.store.attribution import format_at
from hub.store.database import Connection, Database
from hub.store.locks import KEYS
from hub.store.seal.heads import KnownKey, add_key, list_keys
from hub.store.seal.signing import KeyUnusable, PublicKey, Signer, is_pem

Clock = Callable[[], datetime]


class KeyMissing(KeyUnusable):
    """The private key that signed the last head is gone; restore it, or start a new one as lost."""


class StrangeKey(KeyUnusable):
    """The private key is not the one that the last head was signed with; restore that one."""


@dataclass(frozen=True)
class KeyPlace:
    """Where the private key is: in a file, or, handed over as text, nowhere that the hub could write."""

    file: Path
    text: str | None = None

    @classmethod
    def of(cls, given: str | None, *, default: Path) -> "KeyPlace":
        """Give the place that a setting names: a file, the key itself, or the default file."""
        if given is not None and is_pem(given):
            return cls(default, given)
        return cls(Path(given) if given else default)

    def __repr__(self) -> str:
        return f"KeyPlace({self.file}{', given as text' if self.text else ''})"

    @property
    def coming(self) -> Path:
        """Where the next key waits until the log knows it."""
        return self.file.with_name(f"{self.file.name}.new")


def open_signer(database: Database, place: KeyPlace, *, clock: Clock) -> Signer:
    """Give the key that signs; the first time it is made and made known to the log.

    Raises `KeyMissing`, `StrangeKey`, or `KeyUnusable` for what is no key at all.
    """
    with database.read() as connection:
        keys = list_keys(connection)
    known = keys[-1].public if keys else None
    _finish_rotation(place, known)
    signer = _read(place, known)
    if known is None:
        with database.begin() as connection:
            _lock(connection)
            keys = list_keys(connection)
            known = keys[-1].public if keys else None
            if known is None:
                add_key(connection, KnownKey(signer.public, format_at(clock()), None, None))
    if known is not None and known.key_id != signer.public.key_id:
        raise StrangeKey(
            f"the key in {place.file} is {signer.public.key_id}, but the log is signed with {known.key_id}; "
            "restore that key, or give every node the same one"
        )
    _show_public(place, signer)
    return signer


def rotate_key(database: Database, place: KeyPlace, *, clock: Clock) -> tuple[KnownKey, Signer]:
    """Let a new key take over; the old one signs for it and is forgotten. Raises as `open_signer`."""
    old = open_signer(database, place, clock=clock)
    _refuse_text(place)
    signer = Signer.make()
    bare = KnownKey(signer.public, format_at(clock()), old.public.key_id, None)
    key = KnownKey(bare.public, bare.at, bare.endorsed_by, old.sign(bare.message))
    return _take_over(database, place, key, signer), signer


def replace_lost_key(database: Database, place: KeyPlace, *, clock: Clock) -> tuple[KnownKey, Signer]:
    """Start a new key that nobody signs for, because the old one is lost: whoever verifies is told so."""
    _refuse_text(place)
    signer = Signer.make()
    key = KnownKey(signer.public, format_at(clock()), None, None)
    return _take_over(database, place, key, signer), signer


def _take_over(  # noqa: PLR0917 - where, from which key, to which
    database: Database, place: KeyPlace, key: KnownKey, signer: Signer
) -> KnownKey:
    place.coming.unlink(missing_ok=True)
    signer.write(place.coming)
    with database.begin() as connection:
        _lock(connection)
        add_key(connection, key)
    _finish_rotation(place, key.public)
    _show_public(place, signer)
    return key


def _finish_rotation(place: KeyPlace, known: PublicKey | None) -> None:
    """Put the next key into its place once the log knows it: a stop in between must not end in neither."""
    if known is None or not place.coming.exists():
        return
    waiting = Signer.read(place.coming.read_text(encoding="utf-8"), place=str(place.coming))
    if waiting.public.key_id == known.key_id:
        place.coming.replace(place.file)


def _read(place: KeyPlace, known: PublicKey | None) -> Signer:
    if place.text is not None:
        return Signer.read(place.text, place="the setting audit_key")
    if place.file.exists():
        return Signer.read(place.file.read_text(encoding="utf-8", errors="replace"), place=str(place.file))
    if known is not None:
        raise KeyMissing(
            f"{place.file} is not there, but the log is signed with {known.key_id}; restore the key from its "
            "backup, or, if it is lost for ever, start a new one with `plantwide audit key --lost`"
        )
    try:
        Signer.make().write(place.file)
    except FileExistsError:
        pass  # another process of this machine was quicker
    except OSError as error:
        raise KeyUnusable(f"{place.file} cannot be made: {error.strerror}; name another file") from error
    return Signer.read(place.file.read_text(encoding="utf-8"), place=str(place.file))


def _refuse_text(place: KeyPlace) -> None:
    if place.text is not None:
        raise KeyUnusable("the key is given as text, so the hub cannot change it; name a file in audit_key")


def _show_public(place: KeyPlace, signer: Signer) -> None:
    """Keep every public key beside the private one, by its id."""
    file = place.file.with_name(f"audit-{signer.public.key_id}.pub.pem")
    if place.text is None and not file.exists() and os.access(file.parent, os.W_OK):
        file.write_text(signer.public.pem, encoding="utf-8")


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({KEYS})")
