"""Cassettes keep what a real source said, never what opens it, and play it to any client."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.sdk import ClientCredentials, HttpClient, SecretStr, Unauthorized, Unavailable, utc_now
from hub.sdk.testing import Cassette, FakeClock, record
from hub.sdk.testing.loopback import Answered, Asked, serve

PASSWORD = "s3cret/with strange+signs"


def laboratory(asked: Asked) -> Answered:
    """A source with a login by password, by token, and one page that names the next."""
    basic = "Basic " + b64encode(f"lab:{PASSWORD}".encode()).decode()
    if asked.target == "/login":
        return Answered(status=200, body=b'{"access_token": "tok-123456789", "expires_in": 60}')
    if asked.headers.get("authorization") not in {basic, "Bearer tok-123456789"}:
        return Answered(status=401)
    if asked.method == "POST":
        return Answered(
            status=200, body=json.dumps({"id": json.loads(asked.body)["id"], "result": 7}).encode()
        )
    host = asked.headers["host"]
    body = f'{{"items": [{{"pH": 3.10}}], "next": "http://{host}/samples?page=2", "by": "{PASSWORD}"}}'
    return Answered(
        status=200,
        headers={"set-cookie": "session=1", "content-type": "application/json"},
        body=body.encode(),
    )


Login = tuple[str, str] | ClientCredentials | None


def get(url: str, path: str, params: dict[str, Any] | None = None, *, auth: Login = None) -> bytes:
    with HttpClient(url, auth=auth) as client:
        return client.get(path, params)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """A cassette of a good login, a bad one, and a question by POST."""
    path = tmp_path / "lab.jsonl"
    with serve(laboratory) as real, record(real, path, secrets={"password": PASSWORD}) as url:
        get(url, "/samples", {"b": 2, "a": "1"}, auth=("lab", PASSWORD))
        with HttpClient(url, auth=("lab", PASSWORD)) as client:
            client.ask("/rpc", {"method": "m", "id": 1, "params": [PASSWORD]})
        with pytest.raises(Unauthorized):
            get(url, "/samples", auth=("lab", "a guess"))
        get(url, "/samples", auth=token_login(url, "x" * 9))
    return path


def token_login(url: str, secret: str) -> ClientCredentials:
    return ClientCredentials(token_url=f"{url}/login", client_id="me", client_secret=SecretStr(secret))


def test_a_cassette_holds_no_secret_and_every_number_as_it_was_written(tape: Path) -> None:
    text = tape.read_text(encoding="utf-8")
    encoded = b64encode(PASSWORD.encode()).decode()
    for leak in (PASSWORD, "strange", "a guess", "tok-1234", "xxxxxxxxx", "set-cookie", encoded[:8]):
        assert leak not in text
    assert "3.10" in text
    assert "{{password}}" in text
    assert "{{access_token}}" in text


def test_a_cassette_answers_as_the_source_did_under_its_own_address(tape: Path) -> None:
    with Cassette.load(tape).play({"password": "another"}) as url:
        said = get(url, "/samples", {"a": "1", "b": 2}, auth=("lab", "another")).decode()
        assert "3.10" in said
        assert f"{url}/samples?page=2" in said
        with HttpClient(url, auth=("lab", "another")) as client:
            answer = client.ask("/rpc", {"method": "m", "id": 99, "params": ["another"]})
        assert answer == {"id": 99, "result": 7}
        with pytest.raises(Unauthorized):
            get(url, "/samples", auth=("lab", "wrong"))


def test_a_token_that_was_handed_out_on_tape_opens_the_tape(tape: Path) -> None:
    with Cassette.load(tape).play() as url:
        assert b"3.10" in get(url, "/samples", auth=token_login(url, "new"))


def test_a_question_that_was_never_recorded_is_named(tape: Path) -> None:
    def ask() -> None:
        with Cassette.load(tape).play() as url, pytest.raises(Unavailable, match="answered 501"):
            get(url, "/lots", {"page": 3})

    with pytest.raises(AssertionError, match=r"no answer to \['GET /lots\?page=3"):
        ask()


def test_a_second_take_shows_the_world_after_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for said in (b"1", b"2"):
        fixed = Answered(status=200, body=said)
        with serve(lambda _, fixed=fixed: fixed) as real, record(real, path, secrets={}) as url:
            get(url, "/n")
    cassette = Cassette.load(path)
    with cassette.play() as url:
        assert get(url, "/n") == b"1"
        cassette.take += 1
        assert get(url, "/n") == b"2"


def test_a_broken_line_is_named_by_file_and_number(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text("\n{}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"broken\.jsonl:2 is no line of a cassette: KeyError"):
        Cassette.load(path)


def test_pairs_recorded_of_a_real_odoo_play_as_a_cassette(shared_folder: Path) -> None:
    files = sorted((shared_folder / "data" / "recorded" / "odoo-16.0").glob("*.json"))
    cassette = Cassette.of_pairs(files, path="/jsonrpc", secrets={"password": "admin"})
    asked = json.loads((files[0]).read_text(encoding="utf-8"))["request"]
    with cassette.play({"password": "admin"}) as url, HttpClient(url) as client:
        assert client.ask("/jsonrpc", asked)["result"] == 2
        asked["params"]["args"][2] = "nope"
        assert client.ask("/jsonrpc", {**asked, "id": 41}) == {
            "jsonrpc": "2.0",
            "id": 41,
            "result": False,
        }


def test_pairs_recorded_of_a_real_senaite_play_as_a_cassette(shared_folder: Path, tmp_path: Path) -> None:
    files = sorted((shared_folder / "data" / "recorded" / "senaite-2.6.0").glob("samples_page*.json"))
    Cassette.of_pairs(files, secrets={}).save(tmp_path / "s.jsonl")
    with Cassette.load(tmp_path / "s.jsonl").play() as url, HttpClient(url) as client:
        page = client.get_json(
            "/@@API/senaite/v1/analysisrequest", {"sort_order": "asc", "limit": 5, "sort_on": "modified"}
        )
        assert (page["count"], len(page["items"])) == (12, 5)
        assert page["next"].startswith(url)


def test_a_clock_that_is_held_moves_only_when_it_is_moved() -> None:
    with FakeClock(datetime(2026, 3, 29, 0, 59, tzinfo=UTC)) as clock:
        clock.advance(minutes=2)
        assert utc_now() == datetime(2026, 3, 29, 1, 1, tzinfo=UTC)
    assert abs((utc_now() - datetime.now(UTC)).total_seconds()) < 60
