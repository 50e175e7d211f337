"""A source that hands out tokens: the connector fetches them, renews them mid-reading, and tells no secret."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import connectors.rest.connector
from connectors.rest import Rest, RestConfig
from hub.sdk import Unauthorized, Unavailable
from tests.connectors.rest.laboratory import CLIENT, TOKEN, Laboratory
from tests.connectors.rest.test_rest import read
from tests.connectors.rest.test_rest_conformance import Suite, make_rest


def oauth(laboratory: Laboratory, *, secret: str = TOKEN, **more: Any) -> dict[str, Any]:
    """Give `auth` for a laboratory that hands out tokens from now on."""
    laboratory.tokens = laboratory.tokens or []
    return {"token_url": f"{laboratory.base}/token", "client_id": "hub", "client_secret": secret, **more}


def make(laboratory: Laboratory, *, secret: str = TOKEN, **more: Any) -> Rest:
    return make_rest(laboratory.base, auth=oauth(laboratory, secret=secret, **more))


class TestOAuth(Suite):
    def make(self) -> Rest:
        return make(self.laboratory)

    def make_refused(self) -> Rest:
        return make(self.laboratory, secret="stolen")


def test_a_token_that_ends_mid_reading_is_fetched_anew_and_no_page_is_lost(laboratory: Laboratory) -> None:
    laboratory.on_page = lambda held: held.withdraw()
    documents, _ = read(make(laboratory))
    assert {d.key for d in documents} == {f"S-{n:03d}" for n in range(1, 8)}
    handed = [token for token in laboratory.tokens or () if token.startswith("token-")]
    assert len(handed) == len(laboratory.logins) > 1


def test_scope_and_audience_are_asked_for_and_the_secret_goes_where_the_settings_say(
    laboratory: Laboratory,
) -> None:
    read(make(laboratory, scope="lots.read", audience="https://lab.example"))
    login, form = laboratory.logins[0]
    assert login == CLIENT
    assert form == "grant_type=client_credentials&audience=https%3A%2F%2Flab.example&scope=lots.read"
    with pytest.raises(Unauthorized):
        read(make(laboratory, style="body"))
    login, form = laboratory.logins[-1]
    assert login is None
    assert f"client_id=hub&client_secret={TOKEN}" in form


def test_a_client_that_the_endpoint_refuses_is_told_so_without_its_secret(laboratory: Laboratory) -> None:
    with make(laboratory, secret="stolen-77") as rest, pytest.raises(Unauthorized) as told:
        rest.check()
    assert "/token answered 401 (invalid_client)" in str(told.value)
    assert "stolen-77" not in str(told.value)


def test_a_token_endpoint_over_tls_is_verified_where_the_source_itself_is_plain(
    laboratory: Laboratory,
) -> None:
    encrypted = laboratory.base.replace("http://", "https://")  # it speaks no TLS: nothing may be sent
    login = {**oauth(laboratory), "token_url": f"{encrypted}/token"}
    with make_rest(laboratory.base, auth=login) as rest, pytest.raises(Unavailable):
        rest.check()
    assert laboratory.logins == []
    verified: list[Any] = []

    class Watched(connectors.rest.connector.Client):
        def __init__(self, base_url: str, **options: Any) -> None:
            verified.append(options["verify"])
            super().__init__(base_url, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectors.rest.connector, "Client", Watched)
        make_rest(laboratory.base, auth=login).close()
        make_rest(laboratory.base).close()
    assert verified == [True, False]


def test_the_example_is_what_the_settings_understand() -> None:
    folder = Path(connectors.rest.__file__).parent
    example = yaml.safe_load((folder / "example-oauth.yaml").read_text(encoding="utf-8"))
    settings = RestConfig.model_validate(example["settings"])
    assert type(settings.auth).__name__ == "OAuth"
