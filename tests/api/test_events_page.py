"""The snippets of `docs/events.md` run as they stand, against a hub that serves the small plant."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hub.api.app import create_app
from hub.events.gatekeeping import Gatekeeper
from hub.events.herald import Herald
from hub.events.master import MasterPlace
from hub.events.sending import Sending
from hub.shift.settings import Settings
from hub.store.outbox.catalogue import CATALOGUE
from tests.api.conftest import Counter
from tests.api.test_streaming import running
from tests.events.receiver import LOOPBACK, receiving

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SHELL = [body for kind, body in SNIPPETS if kind == "sh"]


def test_the_page_names_every_type_and_only_settings_that_there_are() -> None:
    assert set(re.findall(r"^\| `(plantwide\.[\w.]+)`", TEXT, re.MULTILINE)) == set(CATALOGUE)
    [toml] = [body for kind, body in SNIPPETS if kind == "toml"]
    named = {line.partition(" = ")[0] for line in toml.splitlines()}
    assert named <= set(Settings.model_fields)
    assert {"webhook_key", "webhook_authorities"} <= set(Settings.model_fields)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_walk_of_the_page_ends_with_a_message_that_its_python_believes(
    counter: Counter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    herald = Herald(Sending(Gatekeeper.of(LOOPBACK)), MasterPlace(tmp_path / "webhooks.key"))
    app = create_app(counter.database, herald=herald)
    environment = {"KEY": counter.reader, "ADMIN": counter.administrator, "PATH": "/usr/bin:/bin"}
    told: list[str] = []
    with receiving() as receiver, running(app) as port:
        environment |= {"URL": f"http://127.0.0.1:{port}", "RECEIVER": receiver.url}
        for body in SHELL:
            run = subprocess.run(
                ["sh", "-ec", body], env=environment, capture_output=True, text=True, check=True
            )
            told.append(run.stdout)
            if '"secret"' in run.stdout:
                environment["ID"] = str(json.loads(run.stdout)["id"])
    assert len(json.loads(told[0])["items"]) == 1
    assert "event: event" in told[1]
    assert told[1].rstrip().count("event: closing") == 1
    assert '"outcome":"delivered"' in told[3]
    [came] = receiver.came
    [python] = [body for kind, body in SNIPPETS if kind == "python"]
    names = {"SECRET": json.loads(told[2])["secret"], "BODY": came.body, "HEADERS": came.headers}
    exec(compile(python, "events.md", "exec"), names)
    assert "plantwide.webhook.test.v1 /v1/webhooks/" in capsys.readouterr().out


def test_the_example_of_the_page_has_the_members_of_an_event(looked_at: Counter) -> None:
    [example] = [json.loads(body) for kind, body in SNIPPETS if kind == "json"]
    event = looked_at.get("/v1/events", limit=1)["items"][0]
    assert (example.keys(), example["data"].keys()) == (event.keys(), event["data"].keys())
