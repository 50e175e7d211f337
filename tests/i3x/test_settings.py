"""Who runs a hub turns writes on, and may give them a reason, by its settings."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from hub.shift.settings import Settings
from hub.store.database import Database
from tests.compose.services import find_free_port
from tests.i3x.conftest import Filled, copy_store, list_puts
from tests.journeys.serving import serving


def test_a_served_hub_writes_with_its_standing_reason(filled: Filled, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    copy_store(filled, data / "hub.db")
    command = ("serve", "--port", str(find_free_port()), "--data", data)
    why = "the gateway, as SOP 7 says"
    with serving(*command, folder=tmp_path, PLANTWIDE_I3X_WRITES="true", PLANTWIDE_I3X_REASON=why) as served:
        url = served.await_line("serving on ") + "/i3x/v1"
        with httpx2.Client(base_url=url, headers={"X-API-Key": filled.keys["operate"]}) as client:
            assert ask(client, "GET", "/info")["result"]["capabilities"]["update"]["current"] is True
            [tag] = [
                one["elementId"]
                for one in ask(client, "GET", "/objects")["result"]
                if one["displayName"] == "BR2000-01.TEMP"
            ]
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            value = {"value": 36.5, "quality": "Good", "timestamp": at}
            body = {"updates": [{"elementId": tag, "value": value}]}
            assert ask(client, "PUT", "/objects/value", json=body)["success"] is True
    database = Database(f"sqlite:///{data / 'hub.db'}")
    assert list_puts(database)[-1][1] == why
    database.close()


def ask(client: httpx2.Client, method: str, path: str, **more: Any) -> Any:
    response = client.request(method, path, **more)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("reason", ["a", " ab ", "a\nb", "a\u200bb", "a" * 401])
def test_a_reason_that_says_nothing_ends_the_command(reason: str) -> None:
    with pytest.raises(ValidationError, match=r"i3x_reason(.|\n)*3 to 400 printable characters"):
        Settings(i3x_reason=reason)


def test_a_reason_may_be_as_long_as_that_of_a_header() -> None:
    for reason in ("SOP", "a" * 400, "wie in SOP 7 gefordert, für Kessel 3"):
        assert Settings(i3x_reason=f" {reason} ").i3x_reason == reason


def test_an_empty_reason_is_none() -> None:
    assert Settings(i3x_reason=" ").i3x_reason is None
