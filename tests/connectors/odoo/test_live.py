"""The connector against a running Odoo, when one is named: it reads, and says what it could not."""

import os
from collections import Counter
from urllib.parse import unquote, urlsplit

import pytest

from connectors.odoo import Odoo, OdooConfig
from hub.sdk import Rejected, Unauthorized

URL = os.environ.get("PLANTWIDE_TEST_ODOO", "")


def connect(**settings: str) -> Odoo:
    if not URL:
        pytest.skip(
            "Odoo: PLANTWIDE_TEST_ODOO is not set, for example http://user:key@127.0.0.1:8069/database"
        )
    parts = urlsplit(URL)
    place = {
        "url": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        "database": parts.path.strip("/"),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }
    return Odoo(OdooConfig.model_validate({**place, **settings}))


def test_everything_of_a_running_odoo_is_understood_but_units_that_only_the_plant_knows() -> None:
    with connect() as connector:
        assert connector.check().version
        kinds: Counter[str] = Counter()
        refused: list[Rejected] = []
        for stream in connector.streams():
            for page in connector.read(stream.name, None):
                for part in (p for d in page.documents for p in connector.parse(d)):
                    if isinstance(part, Rejected):
                        refused.append(part)
                    else:
                        kinds[part.record_type] += 1
    assert kinds["operations_request"]
    assert [part for part in refused if "unit" not in part.reason] == []


def test_a_running_odoo_refuses_a_wrong_key() -> None:
    with connect(password="not-the-key") as connector, pytest.raises(Unauthorized):
        connector.check()
