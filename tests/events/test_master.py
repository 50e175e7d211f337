"""The master key: made once, readable by its owner only, never told; secrets follow from it."""

from pathlib import Path

import pytest

from hub.events.master import MasterKey, MasterKeyUnusable, MasterPlace

SALT = "00" * 16


def test_a_key_is_made_once_and_gives_the_same_secrets_ever_after(tmp_path: Path) -> None:
    place = MasterPlace.of(None, default=tmp_path / "keys" / "webhooks.key")
    with pytest.raises(MasterKeyUnusable, match=r"webhooks\.key"):
        place.open()
    first, again = place.open(makes=True), place.open(makes=True)
    assert first.secret_of(SALT) == again.secret_of(SALT)
    assert first.secret_of(SALT) != first.secret_of("11" * 16)
    assert first.key_id == again.key_id != MasterKey.make().key_id
    assert [file.name for file in place.file.parent.iterdir()] == ["webhooks.key"]
    assert place.file.stat().st_mode & 0o777 == 0o600


def test_a_key_given_as_text_is_used_and_shown_nowhere(tmp_path: Path) -> None:
    key = MasterKey.make()
    place = MasterPlace.of(key.text, default=tmp_path / "unused")
    assert place.open(makes=True).secret_of(SALT) == key.secret_of(SALT)
    assert list(tmp_path.iterdir()) == []
    assert key.text.removeprefix("whkey_") not in repr(place) + repr(place.open())


@pytest.mark.parametrize("text", ["", "whkey_", "whkey_AAAA", "whkey_!!!", "AAAA"])
def test_a_file_with_something_else_is_named_and_not_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "webhooks.key"
    file.write_text(text)
    with pytest.raises(MasterKeyUnusable, match=r"webhooks\.key holds no master key") as caught:
        MasterPlace.of(str(file), default=tmp_path / "other").open(makes=True)
    assert file.read_text() == text
    assert "AAAA" not in str(caught.value)
