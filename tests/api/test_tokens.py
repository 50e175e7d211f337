"""People with a token of the plant's issuer: who comes in as whom, and every way in which somebody should not."""

import base64
import logging
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey

from hub.api.app import create_app
from hub.api.issuers import FRESH_S, PAUSE_S, STALE_S, Issuer, is_safe_address
from hub.api.tokens import TokenRules, Tokens, identify
from hub.i3x.door import make_door as make_i3x
from hub.odata.door import make_door as make_odata
from hub.shift.settings import Settings
from hub.store.database import Database
from tests.api.conftest import Counter, Filled
from tests.api.issuer import AUDIENCE, LocalIssuer, issuing, make_key

ROLES = {"plant-steward": "steward", "plant-reader": "reader", "plant-agent": "agent"}
SKEW = 30


class Hub:
    """A hub that takes tokens of an issuer; `seconds` is its clock for what it fetched."""

    def __init__(self, database: Database, issuer: LocalIssuer, **rules: Any) -> None:
        self.seconds = 0.0
        self.issuer = issuer
        given = {"audience": AUDIENCE, "roles_claim": "realm_access.roles", "roles": ROLES, "skew_s": SKEW}
        asked = TokenRules(issuer=issuer.address, **{**given, **rules})
        tokens = Tokens(asked, Issuer(issuer.address, clock=lambda: self.seconds))
        app = create_app(database, tokens=tokens, doors=[make_i3x(), make_odata()])
        self.client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)

    def ask(self, token: str, path: str = "/v1/batches?limit=1", method: str = "GET", **sent: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", **sent.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **sent)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with issuing() as found:
        yield found


@pytest.fixture
def hub(issuer: LocalIssuer, filled: Filled) -> Iterator[Hub]:
    database = Database(filled.url)
    yield Hub(database, issuer)
    database.close()


def refused(answer: Any, status: int, kind: str, word: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:plantwide:problem:{kind}"
    assert word in answer.json()["detail"]


# ---------------------------------------------------------------------------------------- who comes in
def test_a_person_sees_the_rows_of_the_sites_that_the_token_names(
    filled: Filled, issuer: LocalIssuer
) -> None:
    database = Database(filled.url)
    sites = {"plant-lee": "LEE", "plant-all": "*"}
    hub = Hub(database, issuer, sites_claim="sites", sites=sites)
    whole = hub.ask(issuer.sign(sites=["plant-all"])).json()["items"]
    assert whole
    elsewhere = issuer.sign(sites=["plant-lee", "another"])
    assert hub.ask(elsewhere).json()["items"] == []
    refused(hub.ask(elsewhere, "/v1/kpis"), 403, "scope-missing", "")
    assert hub.ask(issuer.sign(sites="plant-all"), "/v1/kpis").status_code == 200
    nones: tuple[dict[str, Any], ...] = (
        {},
        {"sites": []},
        {"sites": ["LEE", "*"]},
        {"sites": {"plant-all": True}},
    )
    for none in nones:
        refused(hub.ask(issuer.sign(**none)), 403, "role-missing", "oidc_sites")
    database.close()


def test_a_person_with_a_token_may_what_their_role_may(hub: Hub, issuer: LocalIssuer) -> None:
    assert hub.ask(issuer.sign()).status_code == 200
    assert hub.ask(issuer.sign(), "/v1/links", "POST", json={}).status_code == 422
    reader = issuer.sign(realm_access={"roles": ["plant-reader"]})
    assert hub.ask(reader).status_code == 200
    refused(hub.ask(reader, "/v1/links", "POST", json={}), 403, "scope-missing", "the role steward")
    agent = issuer.sign(realm_access={"roles": ["plant-agent"]})
    assert hub.ask(agent, "/v1/deliveries/lab/open", "POST", json={}).status_code == 422
    refused(hub.ask(agent), 403, "scope-missing", "permission read")


@pytest.mark.parametrize("path", ["/", "/odata/", "/i3x/v1/namespaces"])
def test_a_token_opens_pages_and_doors_too(hub: Hub, issuer: LocalIssuer, path: str) -> None:
    assert hub.ask(issuer.sign(), path).status_code == 200
    assert hub.ask(issuer.sign(aud="another"), path).status_code == 401


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("RS256", "RSA"), ("PS256", "RSA"), ("ES256", "EC"), ("EdDSA", "OKP"), ("Ed25519", "OKP")],
)
@pytest.mark.parametrize("is_named", [True, False], ids=["alg-in-key", "no-alg-in-key"])
def test_each_algorithm_that_counts_opens(
    hub: Hub, issuer: LocalIssuer, algorithm: str, kind: str, is_named: bool
) -> None:
    issuer.keys = [make_key("one", kind)]
    issuer.shown = {"alg": algorithm} if is_named else {}
    assert hub.ask(issuer.sign(algorithm)).status_code == 200


def test_entra_writes_roles_as_a_claim_of_their_own_and_one_audience_as_text(
    issuer: LocalIssuer, filled: Filled
) -> None:
    database = Database(filled.url)
    hub = Hub(database, issuer, roles_claim="roles", audience="6f9c1b1e-0000-4000-8000-000000000001")
    token = issuer.sign(
        aud="6f9c1b1e-0000-4000-8000-000000000001",
        sub="AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        roles=["plant-reader"],
        realm_access=None,
        ver="2.0",
        tid="9122040d-6c67-4c5b-b112-36a304b66dad",
        header={"x5t": "first"},
    )
    assert hub.ask(token).status_code == 200
    database.close()


def test_keys_that_are_not_for_signatures_or_broken_do_no_harm(hub: Hub, issuer: LocalIssuer) -> None:
    issuer.extra = [
        {"kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": None},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        {"kid": 7},
        "no key",  # type: ignore[list-item]  # an issuer may send anything
    ]
    assert hub.ask(issuer.sign()).status_code == 200


def test_the_audit_trail_names_a_person_by_name_issuer_and_subject(
    counter: Counter, issuer: LocalIssuer
) -> None:
    hub = Hub(counter.database, issuer)
    rule = {"strategy": "latest", "order": [], "reason": "the newest word counts"}
    token = issuer.sign(preferred_username="ada\u202e\x01" + "a" * 200)
    done = hub.ask(token, "/v1/rules/batch/actual_size", "PUT", json=rule, headers={"If-Match": "*"})
    assert done.status_code == 200, done.text
    actor = done.json()["versions"][0]["approved_by"]
    assert actor.startswith("adaaaa")
    assert " at 127.0.0.1 (" in actor
    assert actor.endswith(f"({identify(issuer.address, issuer.claims()['sub'])})")
    assert counter.get("/v1/audit/events", actor=actor)["items"]
    assert identify("https://one.example", "1") != identify("https://other.example", "1")


def test_a_role_that_was_taken_away_counts_no_more_with_the_next_token(hub: Hub, issuer: LocalIssuer) -> None:
    assert hub.ask(issuer.sign()).status_code == 200
    refused(hub.ask(issuer.sign(realm_access={"roles": []})), 403, "role-missing", "oidc_roles")


@pytest.mark.parametrize(
    "access",
    [
        None,
        {},
        {"roles": None},
        {"roles": "steward"},
        {"roles": ["steward", "admin", 7]},
        ["plant-steward"],
        "x",
    ],
)
def test_without_a_role_that_is_mapped_nobody_comes_in(hub: Hub, issuer: LocalIssuer, access: Any) -> None:
    refused(hub.ask(issuer.sign(realm_access=access)), 403, "role-missing", "`realm_access.roles`")


# ---------------------------------------------------------------------------------------- attacks
Attack = Callable[[LocalIssuer], str]


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def public_pem(issuer: LocalIssuer) -> bytes:
    key = issuer.keys[0]
    assert isinstance(key, RSAKey)
    return key.as_pem(private=False)


ATTACKS: Mapping[str, tuple[Attack, str]] = {
    "another issuer": (lambda i: i.sign(iss="https://evil.example"), "another issuer"),
    "an issuer with one slash more": (lambda i: i.sign(iss=i.address + "/"), "another issuer"),
    "no issuer": (lambda i: i.sign(iss=None), "another issuer"),
    "another audience": (lambda i: i.sign(aud="account"), "another audience"),
    "audiences without ours": (lambda i: i.sign(aud=["account", "plantwide2"]), "another audience"),
    "no audience": (lambda i: i.sign(aud=None), "another audience"),
    "expired": (lambda i: i.sign(exp=now() - SKEW - 5), "expired"),
    "without an end": (lambda i: i.sign(exp=None), "expired"),
    "an end that is text": (lambda i: i.sign(exp="2099-01-01"), "expired"),
    "an end that is no number": (lambda i: i.sign(exp=float("nan")), "expired"),
    "not yet valid": (lambda i: i.sign(nbf=now() + SKEW + 60), "not valid yet"),
    "issued in the future": (lambda i: i.sign(iat=now() + SKEW + 60), "in the future"),
    "without a subject": (lambda i: i.sign(sub=None), "`sub`"),
    "an empty subject": (lambda i: i.sign(sub=""), "`sub`"),
    "a subject that is a number": (lambda i: i.sign(sub=7), "`sub`"),
    "no signature": (lambda i: i.forge({"alg": "none", "kid": "first"}), "one of the ways"),
    "no signature, in capitals": (lambda i: i.forge({"alg": "None", "kid": "first"}), "one of the ways"),
    "a signature that was cut off": (
        lambda i: i.sign().rpartition(".")[0] + ".",
        "signature that is not right",
    ),
    "an HMAC by the public key": (
        lambda i: i.forge({"alg": "HS256", "kid": "first"}, secret=public_pem(i)),
        "one of the ways",
    ),
    "an HMAC that is called RS256": (
        lambda i: i.forge({"alg": "RS256", "kid": "first"}, secret=public_pem(i)),
        "signature that is not right",
    ),
    "an algorithm that does not go with the key": (
        lambda i: i.forge({"alg": "ES256", "kid": "first"}),
        "does not show",
    ),
    "an algorithm that is a list": (lambda i: i.forge({"alg": ["RS256"], "kid": "first"}), ""),
    "a weak hash": (lambda i: i.forge({"alg": "RS1", "kid": "first"}), "one of the ways"),
    "somebody else's key under the same id": (
        lambda i: i.sign(key=make_key("first")),
        "signature that is not right",
    ),
    "a key id that is not shown": (lambda i: i.sign(key=make_key("other")), "does not show"),
    "a key id that is an address": (lambda i: i.sign(key=make_key("../../etc/passwd")), "does not show"),
    "no key id": (lambda i: i.forge({"alg": "RS256"}), "`kid`"),
    "a key that comes with the token": (
        lambda i: i.sign(key=(k := make_key("own")), header={"jwk": k.as_dict(private=False)}),
        "does not show",
    ),
    "claims of another token": (
        lambda i: ".".join(
            [i.sign().split(".")[0], i.sign(sub="root").split(".")[1], i.sign().split(".")[2]]
        ),
        "signature that is not right",
    ),
    "a token made for logging out": (lambda i: i.sign(header={"typ": "logout+jwt"}), "`typ`"),
    "an extension that must be understood": (
        lambda i: i.forge({"alg": "RS256", "kid": "first", "crit": ["b64"], "b64": False}),
        "signature that is not right",
    ),
    "no JSON": (lambda i: "e30.e30.e30", ""),
    "three empty parts": (lambda i: "..", ""),
    "a long text": (lambda i: "a" * 200_000 + ".b.c", ""),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_401_and_says_what_is_wrong_and_no_part_of_it_is_told(
    hub: Hub, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    make, word = ATTACKS[name]
    assert hub.ask(issuer.sign()).status_code == 200
    token = make(issuer)
    answer = hub.ask(token)
    refused(answer, 401, "token-invalid", word)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    for part in token.split("."):
        assert len(part) < 6 or (part not in caplog.text and part not in answer.text)


def test_clocks_may_differ_by_the_skew(hub: Hub, issuer: LocalIssuer) -> None:
    nearly: list[dict[str, Any]] = [
        {"exp": now() - SKEW + 20},
        {"nbf": now() + SKEW - 20},
        {"iat": now() + SKEW - 20},
    ]
    for near in nearly:
        assert hub.ask(issuer.sign(**near)).status_code == 200


def test_a_key_beside_a_token_is_what_counts(hub: Hub, issuer: LocalIssuer, filled: Filled) -> None:
    both = {"X-API-Key": "guessed", "Authorization": f"Bearer {issuer.sign()}"}
    for _ in range(2):
        assert hub.client.get("/v1/batches", headers=both).status_code == 401
    answer = hub.client.post("/v1/links", headers={**both, "X-API-Key": filled.reader}, json={})
    refused(answer, 403, "scope-missing", "permission decide")


def test_a_token_is_a_bearer_and_nothing_else(hub: Hub, issuer: LocalIssuer) -> None:
    assert hub.client.get("/v1/batches", headers={"X-API-Key": issuer.sign()}).status_code == 401
    assert hub.client.get("/v1/batches", auth=("ada", issuer.sign())).status_code == 401
    assert hub.client.get(f"/v1/batches?access_token={issuer.sign()}").status_code == 401
    assert (
        hub.client.get("/v1/batches", headers={"Cookie": f"plantwide_session={issuer.sign()}"}).status_code
        == 401
    )


def test_keys_open_as_before_and_without_the_issuer(hub: Hub, issuer: LocalIssuer, filled: Filled) -> None:
    issuer.is_up = False
    assert hub.ask(filled.reader).status_code == 200
    assert issuer.asked == []


def test_a_hub_without_an_issuer_takes_no_token(issuer: LocalIssuer, looked_at: Counter) -> None:
    answer = TestClient(looked_at.app).get(
        "/v1/batches", headers={"Authorization": f"Bearer {issuer.sign()}"}
    )
    refused(answer, 401, "key-needed", "plantwide key create")
    assert issuer.asked == []


def test_a_token_that_ended_is_not_remembered_as_good(hub: Hub, issuer: LocalIssuer) -> None:
    token = issuer.sign(exp=now() + 60)
    assert hub.ask(token).status_code == 200
    room: Any = hub.client.app.state.room  # type: ignore[attr-defined]  # of FastAPI
    late = datetime.fromtimestamp(now() + 60 + SKEW + 1, UTC)
    object.__setattr__(room, "clock", lambda: late)
    refused(hub.ask(token), 401, "token-invalid", "expired")


# ---------------------------------------------------------------------------------------- the issuer's keys
def test_keys_are_fetched_once_while_they_are_fresh(hub: Hub, issuer: LocalIssuer) -> None:
    for _ in range(5):
        assert hub.ask(issuer.sign()).status_code == 200
    assert len(issuer.asked) == 2  # the discovery document and the keys
    hub.seconds = FRESH_S + 1
    assert hub.ask(issuer.sign(sub="another")).status_code == 200
    assert len(issuer.asked) == 4


def test_a_new_key_of_the_issuer_is_found_and_an_old_one_given_up(hub: Hub, issuer: LocalIssuer) -> None:
    old = issuer.keys[0]
    assert hub.ask(issuer.sign()).status_code == 200
    issuer.keys = [make_key("second")]
    hub.seconds = PAUSE_S + 1
    assert hub.ask(issuer.sign()).status_code == 200
    refused(hub.ask(issuer.sign(key=old, sub="another")), 401, "token-invalid", "does not show")


def test_made_up_key_ids_do_not_make_us_ask_the_issuer_each_time(hub: Hub, issuer: LocalIssuer) -> None:
    assert hub.ask(issuer.sign()).status_code == 200
    for number in range(20):
        forged = issuer.forge({"alg": "RS256", "kid": f"made-up-{number}"})
        refused(hub.ask(forged), 401, "token-invalid", "does not show")
    assert len(issuer.asked) == 2
    hub.seconds = PAUSE_S + 1
    hub.ask(issuer.forge({"alg": "RS256", "kid": "made-up"}))
    hub.ask(issuer.forge({"alg": "RS256", "kid": "made-up-again"}))
    assert len(issuer.asked) == 4


def test_an_issuer_that_is_down_is_named_with_what_to_do_and_found_again(
    hub: Hub, issuer: LocalIssuer
) -> None:
    issuer.is_up = False
    for _ in range(3):
        answer = hub.ask(issuer.sign())
        refused(answer, 503, "issuer-unavailable", "API keys work meanwhile")
        assert issuer.address in answer.json()["detail"]
        assert answer.headers["retry-after"] == "10"
    assert len(issuer.asked) == 1
    issuer.is_up = True
    hub.seconds = PAUSE_S + 1
    assert hub.ask(issuer.sign()).status_code == 200


def test_known_keys_serve_a_day_while_the_issuer_is_down(hub: Hub, issuer: LocalIssuer) -> None:
    assert hub.ask(issuer.sign()).status_code == 200
    issuer.is_up = False
    hub.seconds = STALE_S - 1
    assert hub.ask(issuer.sign(sub="another")).status_code == 200
    hub.seconds = STALE_S + PAUSE_S
    refused(hub.ask(issuer.sign(sub="a third")), 503, "issuer-unavailable", "503")


def test_a_discovery_document_of_somebody_else_is_not_believed(hub: Hub, issuer: LocalIssuer) -> None:
    issuer.named = "https://evil.example"
    refused(hub.ask(issuer.sign()), 503, "issuer-unavailable", "names another issuer")


@pytest.mark.parametrize(
    "place", ["http://evil.example/keys", "file:///etc/passwd", "/certs", "https://", "ftp://127.0.0.1/"]
)
def test_keys_are_fetched_over_https_or_from_this_machine_only(
    hub: Hub, issuer: LocalIssuer, place: str
) -> None:
    issuer.jwks_uri = place
    refused(hub.ask(issuer.sign()), 503, "issuer-unavailable", "https")


@pytest.mark.parametrize("shown", [{"use": "enc"}, {"alg": "RSA-OAEP"}, {"alg": "PS256"}, {"kty": "EC"}])
def test_a_key_that_is_shown_for_something_else_signs_nothing(
    hub: Hub, issuer: LocalIssuer, shown: dict[str, str]
) -> None:
    issuer.shown = shown
    refused(hub.ask(issuer.sign()), 401, "token-invalid", "does not show")


def test_a_key_too_short_for_its_algorithm_does_not_count(hub: Hub, issuer: LocalIssuer) -> None:
    number = generate_private_key(65537, 1024).public_key().public_numbers().n
    n = base64.urlsafe_b64encode(number.to_bytes(128)).rstrip(b"=").decode()
    issuer.extra = [{"kty": "RSA", "kid": "short", "n": n, "e": "AQAB"}]
    refused(hub.ask(issuer.forge({"alg": "RS256", "kid": "short"})), 401, "token-invalid", "does not show")
    assert hub.ask(issuer.sign()).status_code == 200


# ---------------------------------------------------------------------------------------- settings
def test_the_settings_that_the_docs_show_are_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
    shown = "".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    (tmp_path / "plantwide.toml").write_text(shown, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.oidc_issuer is not None
    rules = TokenRules(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        roles_claim=settings.oidc_roles_claim,
        roles=settings.oidc_roles,
        skew_s=settings.oidc_skew_s,
    )
    assert rules.roles["plantwide-steward"] == "steward"
    assert settings.oidc_sites["plant-quality"] == "*"
    assert settings.requests_a_minute == 600
    assert re.findall(r"^\| \d+ \| `([a-z-]+)` \|", page, re.MULTILINE) == [
        "token-invalid", "role-missing", "scope-missing", "issuer-unavailable",
    ]  # fmt: skip


def test_the_docs_tell_how_to_work_out_a_persons_id() -> None:
    subject = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
    address = "https://login.plant.example/realms/plant"
    line = f"printf '%s\\n%s' {address} {subject} | sha256sum | cut -c 1-16"
    page = (Path(__file__).resolve().parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
    assert line in page
    told = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout.strip()
    assert told == identify(address, subject)
    assert f"`ada at login.plant.example ({told})`" in page


GOOD: dict[str, Any] = {
    "issuer": "https://login.example/realms/plant",
    "audience": AUDIENCE,
    "roles_claim": "roles",
    "roles": ROLES,
    "skew_s": 30,
}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"issuer": "http://login.example"}, "oidc_issuer"),
        ({"issuer": "login.example"}, "oidc_issuer"),
        ({"issuer": "https://login.example?x=1"}, "oidc_issuer"),
        ({"issuer": "http://[::1"}, "oidc_issuer"),
        ({"audience": " "}, "oidc_audience"),
        ({"roles": {}}, "oidc_roles"),
        ({"roles": {"boss": "owner"}}, "owner"),
        ({"sites_claim": "sites"}, "oidc_sites"),
        ({"sites": {"plant-cork": "CORK"}}, "oidc_sites_claim"),
    ],
)
def test_settings_that_would_let_in_nobody_or_the_wrong_ones_are_refused(
    changed: dict[str, Any], word: str
) -> None:
    assert TokenRules(**GOOD).audience == AUDIENCE
    with pytest.raises(ValueError, match=word):
        TokenRules(**{**GOOD, **changed})


def test_plain_http_is_for_this_machine_alone() -> None:
    safe = ["https://a.example/x", "http://127.0.0.1:1/x", "http://[::1]/", "http://localhost:8080"]
    assert all(is_safe_address(one) for one in safe)
    unsafe = [
        "http://a.example",
        "http://localhost.a.example",
        "http://127.0.0.1.a.example",
        "ws://127.0.0.1",
        "",
    ]
    assert not any(is_safe_address(one) for one in unsafe)
