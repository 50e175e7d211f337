"""The private key: made once, kept to oneself, handed over to a successor, and never silently replaced."""

import stat
from pathlib import Path

import pytest

from hub.store.database import Database
from hub.store.seal.heads import list_keys
from hub.store.seal.keeping import (
    KeyMissing,
    KeyPlace,
    StrangeKey,
    open_signer,
    replace_lost_key,
    rotate_key,
)
from hub.store.seal.sealing import seal
from hub.store.seal.signing import KeyUnusable, PublicKey, Signer
from hub.store.seal.verification import verify
from tests.store.seal.writing import Clock, add_documents


def test_the_key_is_made_once_and_only_its_owner_may_read_it(
    database: Database, place: KeyPlace, clock: Clock
) -> None:
    first = open_signer(database, place, clock=clock)
    second = open_signer(database, place, clock=clock)
    assert first.public == second.public
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
    shown = place.file.with_name(f"audit-{first.public.key_id}.pub.pem")
    assert shown.read_text() == first.public.pem


def test_another_key_in_its_place_signs_nothing(database: Database, place: KeyPlace, clock: Clock) -> None:
    known = open_signer(database, place, clock=clock).public
    place.file.unlink()
    Signer.make().write(place.file)
    with pytest.raises(StrangeKey, match=f"the log is signed with {known.key_id}; restore that key"):
        open_signer(database, place, clock=clock)


def test_a_key_that_is_gone_is_not_made_anew(database: Database, place: KeyPlace, clock: Clock) -> None:
    open_signer(database, place, clock=clock)
    place.file.unlink()
    with pytest.raises(KeyMissing, match="restore the key from its backup"):
        open_signer(database, place, clock=clock)
    assert not place.file.exists()


@pytest.mark.parametrize(
    "content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_without_a_key_is_named_and_its_text_is_not(
    database: Database, place: KeyPlace, clock: Clock, content: str
) -> None:
    place.file.parent.mkdir()
    place.file.write_text(content)
    with pytest.raises(KeyUnusable, match="holds no unencrypted Ed25519 private key") as raised:
        open_signer(database, place, clock=clock)
    assert str(place.file) in str(raised.value)
    assert "AAAA" not in str(raised.value)


def test_a_key_may_be_given_as_text_and_is_in_no_message(
    database: Database, place: KeyPlace, clock: Clock, tmp_path: Path
) -> None:
    Signer.make().write(tmp_path / "secret.pem")
    text = (tmp_path / "secret.pem").read_text()
    given = KeyPlace.of(text, default=place.file)
    open_signer(database, given, clock=clock)
    assert not place.file.exists()
    assert text not in repr(given)
    with pytest.raises(KeyUnusable, match="given as text"):
        rotate_key(database, given, clock=clock)
    other = KeyPlace.of(str(tmp_path / "secret.pem"), default=place.file)
    assert open_signer(database, other, clock=clock).public.key_id == list_known(database)[-1].key_id


def list_known(database: Database) -> list[PublicKey]:
    with database.read() as connection:
        return [key.public for key in list_keys(connection)]


def test_a_new_key_is_named_by_the_old_one_and_all_heads_stay_good(
    database: Database, place: KeyPlace, clock: Clock
) -> None:
    for turn in range(3):
        add_documents(database, 5, tag=str(turn))
        seal(database, open_signer(database, place, clock=clock), clock=clock)
        rotate_key(database, place, clock=clock)
    assert len({key.key_id for key in list_known(database)}) == 4
    assert len(list(place.file.parent.glob("*.pub.pem"))) == 4
    assert verify(database).findings == []


def test_a_stop_amid_a_change_of_keys_ends_in_one_of_them(
    database: Database, place: KeyPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_signer(database, place, clock=clock).public
    with monkeypatch.context() as patched:
        patched.setattr("hub.store.seal.keeping.add_key", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rotate_key(database, place, clock=clock)
    assert open_signer(database, place, clock=clock).public == old
    with monkeypatch.context() as patched:
        patched.setattr("hub.store.seal.keeping._finish_rotation", interrupt_once(patched))
        with pytest.raises(KeyboardInterrupt):
            rotate_key(database, place, clock=clock)
    new = open_signer(database, place, clock=clock).public
    assert new != old
    assert new == list_known(database)[-1]
    assert not place.coming.exists()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def interrupt_once(patched: pytest.MonkeyPatch) -> object:
    """Let the first call, before the key changes, pass, and stop at the second, after the log knows it."""
    calls = iter([None, interrupt])

    def called(*given: object) -> None:
        if (act := next(calls)) is not None:
            act(*given)

    return called


def test_a_key_that_nobody_signed_for_is_named_until_a_person_has_compared_it(
    database: Database, place: KeyPlace, clock: Clock
) -> None:
    add_documents(database, 5)
    seal(database, open_signer(database, place, clock=clock), clock=clock)
    place.file.unlink()
    key, signer = replace_lost_key(database, place, clock=clock)
    add_documents(database, 5, tag="after")
    seal(database, signer, clock=clock)
    found = verify(database).findings
    assert [(f.kind, f.what) for f in found] == [("key", "no earlier key signed for it")]
    assert verify(database, trusted=[key.public.key_id]).findings == []
