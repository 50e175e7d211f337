"""The client of the connectors: tokens are fetched, renewed and never told; questions go by POST."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.sdk import (
    BadRecord,
    ClientCredentials,
    ConnectorError,
    HttpClient,
    HttpConfig,
    HttpLimits,
    Misconfigured,
    SecretStr,
    Unauthorized,
    Unavailable,
)
from hub.sdk.oauth import TokenKeeper
from hub.sdk.testing.loopback import Answered, Asked, serve

SECRET = "client-secret-77"


class Realm:
    """A source behind a token endpoint that hands out numbered tokens; the last one counts."""

    def __init__(self) -> None:
        self.handed = 0
        self.good = ""
        self.endpoint: Callable[[Asked], Answered] = self.hand_out
        self.forms: list[Asked] = []

    def __call__(self, asked: Asked) -> Answered:
        if asked.target == "/token":
            self.forms.append(asked)
            return self.endpoint(asked)
        if asked.headers.get("authorization") != f"Bearer {self.good}":
            return Answered(status=401)
        return Answered(status=200, body=b'{"ok": true}')

    def hand_out(self, asked: Asked) -> Answered:
        self.handed += 1
        self.good = f"token-{self.handed}"
        return Answered(status=200, body=f'{{"access_token": "{self.good}", "expires_in": 3600}}'.encode())


def client(url: str, *, limits: HttpLimits | None = None, **more: Any) -> HttpClient:
    login = ClientCredentials(
        token_url=f"{url}/token", client_id="hub", client_secret=SecretStr(SECRET), **more
    )  # type: ignore[arg-type]
    return HttpClient(url, auth=login, limits=limits)


def test_one_token_serves_many_questions() -> None:
    with serve(realm := Realm()) as url, client(url, scope="read") as asking:
        for _ in range(3):
            assert asking.get_json("/x") == {"ok": True}
    assert realm.handed == 1
    assert realm.forms[0].body == b"grant_type=client_credentials&scope=read"
    assert realm.forms[0].headers["authorization"].startswith("Basic ")


def test_a_token_that_the_source_has_withdrawn_is_fetched_again_once() -> None:
    with serve(realm := Realm()) as url, client(url) as asking:
        asking.get("/x")
        realm.good = "withdrawn"
        assert asking.get_json("/x") == {"ok": True}
        assert realm.handed == 2
        realm.hand_out = lambda asked: Answered(status=200, body=b'{"access_token": "useless"}')  # type: ignore[method-assign]
        realm.endpoint, realm.good = realm.hand_out, "withdrawn"
        with pytest.raises(Unauthorized):
            asking.get("/x")


def test_a_token_is_renewed_shortly_before_its_end() -> None:
    now = [0.0]
    login = ClientCredentials(token_url="http://x/t", client_id="a", client_secret=SecretStr(SECRET))
    keeper = TokenKeeper(login, clock=lambda: now[0])
    keeper.take(200, b'{"access_token": "t", "expires_in": "100"}')
    now[0] = 69.0
    assert keeper.token == "t"
    now[0] = 70.0
    assert keeper.token == ""


def test_credentials_may_go_into_the_form() -> None:
    with serve(realm := Realm()) as url, client(url, style="body") as asking:
        asking.get("/x")
    assert f"client_secret={SECRET}".encode() in realm.forms[0].body
    assert "authorization" not in realm.forms[0].headers


REFUSALS: list[tuple[int, bytes, type[ConnectorError], str]] = [
    (
        401,
        b'{"error": "invalid_client", "error_description": "secret client-secret-77"}',
        Unauthorized,
        "invalid_client",
    ),
    (400, b'{"error": "invalid_scope"}', Unauthorized, "invalid_scope"),
    (503, b"", Unavailable, "503"),
    (404, b"<html>", Misconfigured, "404"),
    (200, b"<html>", Misconfigured, "gave no access_token"),
    (200, b"x" * 70_000, BadRecord, "larger than 65536 bytes"),
]


@pytest.mark.parametrize(("status", "body", "kind", "message"), REFUSALS)
def test_a_token_endpoint_that_refuses_is_named_and_the_secret_is_not(
    status: int, body: bytes, kind: type[ConnectorError], message: str
) -> None:
    realm = Realm()
    realm.endpoint = lambda _: Answered(status=status, body=body)
    with serve(realm) as url, client(url) as asking, pytest.raises(kind, match=message) as told:
        asking.get("/x")
    assert SECRET not in f"{told.value} {told.value!r}"
    assert SECRET not in repr(
        ClientCredentials(token_url="u", client_id="a", client_secret=SecretStr(SECRET))
    )


def test_a_question_by_post_is_answered_like_any_other() -> None:
    def echo(asked: Asked) -> Answered:
        return Answered(status=200, body=b"[" + asked.body + b"]")

    with serve(echo) as url, HttpClient(url) as asking:
        assert asking.ask("/rpc", {"method": "m"}) == [{"method": "m"}]
    with (
        serve(lambda _: Answered(status=429, headers={"Retry-After": "7"})) as url,
        HttpClient(url) as asking,
    ):
        with pytest.raises(Unavailable, match=r"POST .*/rpc answered 429") as told:
            asking.ask("/rpc", {})
        assert told.value.retry_after == 7


@pytest.mark.parametrize("base", ["http://127.0.0.1:9/api", "http://127.0.0.1:9/api/"])
@pytest.mark.parametrize("path", ["/version", "http://127.0.0.1:9/api/version?token=hush"])
def test_an_address_at_which_nobody_answers_is_told_as_it_is(base: str, path: str) -> None:
    with HttpClient(base) as client, pytest.raises(Unavailable) as error:
        client.get(path)
    assert error.value.what.startswith("GET http://127.0.0.1:9/api/version failed: ")


# ------------------------------------------------------------------------------------------------- bounds
def test_an_answer_that_does_not_come_to_its_end_in_time_is_given_up() -> None:
    late = HttpLimits(whole_s=-1.0)  # its time is over when the first part comes
    told = pytest.raises(Unavailable, match=r"GET .*/x was not answered whole")
    whole = Answered(status=200, body=b"[1]")
    with serve(lambda _: whole) as url, HttpClient(url, limits=late) as asking, told:
        asking.get("/x")
    told = pytest.raises(Unavailable, match=r"POST .*/token was not answered whole")
    with serve(Realm()) as url, client(url, limits=late) as asking, told:
        asking.get("/x")


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("7", 7),
        ("inf", None),
        ("nan", None),
        ("-5", 0),
        ("1e300", 86_400),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:00:00 -0000", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_a_retry_after_is_a_time_that_can_be_waited_for(said: str, understood: float | None) -> None:
    with (
        serve(lambda _: Answered(status=503, headers={"Retry-After": said})) as url,
        HttpClient(url) as asking,
        pytest.raises(Unavailable) as told,
    ):
        asking.get("/x")
    assert told.value.retry_after == understood


def test_every_connector_over_http_takes_its_bounds_from_the_settings() -> None:
    given = HttpConfig.model_validate({"timeout_s": 5, "per_second": 2})
    assert given.limits(max_bytes=7) == HttpLimits(max_bytes=7, timeout_s=5, per_second=2)
    assert given.meaning() == {}, "how a source is reached changes nothing of what its documents mean"
