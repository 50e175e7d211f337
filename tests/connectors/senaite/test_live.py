"""The connector against a running laboratory, when one is named: it reads, and counts what it read."""

import os
from collections import Counter
from urllib.parse import unquote, urlsplit

import pytest

from connectors.senaite import Senaite, SenaiteConfig
from hub.sdk import Rejected, Unauthorized

URL = os.environ.get("PLANTWIDE_TEST_SENAITE", "")


def connect(**settings: str) -> Senaite:
    if not URL:
        pytest.skip(
            "SENAITE: PLANTWIDE_TEST_SENAITE is not set, for example http://user:password@127.0.0.1:8080/senaite"
        )
    parts = urlsplit(URL)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    login = {"user": unquote(parts.username or ""), "password": unquote(parts.password or "")}
    return Senaite(SenaiteConfig.model_validate({"url": place, **login, **settings}))


def test_everything_of_a_running_laboratory_is_understood() -> None:
    with connect() as connector:
        assert connector.check().version
        kinds: Counter[str] = Counter()
        for stream in connector.streams():
            for page in connector.read(stream.name, None):
                for part in (p for d in page.documents for p in connector.parse(d)):
                    kinds["rejected" if isinstance(part, Rejected) else part.record_type] += 1
    assert kinds["sample"]
    assert not kinds["rejected"]


def test_a_running_laboratory_does_not_look_empty_to_a_wrong_password() -> None:
    with connect(password="not-the-password") as connector, pytest.raises(Unauthorized):
        list(connector.read("samples", None))
