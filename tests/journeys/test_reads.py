"""Who read what, as an administrator sees it: noted by a hub that serves, kept when it ends or is killed."""

import os
import re
import signal
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import orjson
import pytest

from hub.api.products import list_products
from hub.store.questions.collections import list_collections
from tests.house.tree import ROOT
from tests.journeys.command import run_plantwide
from tests.journeys.serving import Serving, serving

PAGE = (ROOT / "docs" / "reads.md").read_text(encoding="utf-8")
POLICY = '["batches", "mcp:*"]'


@pytest.fixture
def key(tmp_path: Path) -> str:
    run_plantwide("key", "create", "steward", folder=tmp_path)
    return run_plantwide("key", "create", "admin", "--role", "admin", folder=tmp_path).strip()


def read_log(folder: Path, *words: str) -> list[dict[str, object]]:
    return orjson.loads(run_plantwide("audit", "reads", "--json", *words, folder=folder))["items"]


def noting(folder: Path) -> AbstractContextManager[Serving]:
    """Serve a hub that notes reads."""
    return serving(
        "serve",
        "--no-read",
        folder=folder,
        PLANTWIDE_AUDIT_READS=POLICY,
        PLANTWIDE_AUDIT_READS_DAYS="30",
    )


def ask(address: str, key: str) -> None:
    assert httpx2.get(address, headers={"X-API-Key": key}).status_code == 200


def test_reads_are_in_the_log_when_the_hub_has_ended(tmp_path: Path, key: str) -> None:
    with noting(tmp_path) as hub:
        root = hub.await_line("serving on ")
        for path in ("/v1/batches", "/v1/batches", "/v1/equipment"):
            ask(f"{root}{path}", key)
        hub.end(signal.SIGTERM, group=False)
    log = read_log(tmp_path)
    assert [one["kind"] for one in log] == ["ended", "read", "read", "begun"]
    assert log[-1]["asked"] == "batches, mcp:*"
    (summed,) = read_log(tmp_path, "--summary")
    assert (summed["product"], summed["reads"]) == ("batches", 2)
    kept = datetime.fromisoformat(str(log[0]["kept_until"])) - datetime.now(UTC)
    assert timedelta(days=29) < kept < timedelta(days=31)
    lines = run_plantwide("audit", "reads", folder=tmp_path)
    assert re.search(r"admin \(\w+\)  batches \(rest\) 200 0 rows  GET /v1/batches\n", lines)
    assert "2 reads, 0 rows" in run_plantwide("audit", "reads", "--summary", folder=tmp_path)


def test_a_hub_that_is_killed_has_begun_and_not_ended(tmp_path: Path, key: str) -> None:
    with noting(tmp_path) as hub:
        ask(f"{hub.await_line('serving on ')}/v1/batches", key)
        os.kill(hub.process.pid, signal.SIGKILL)
        hub.process.wait()
    assert [one["kind"] for one in read_log(tmp_path)][-1] == "begun"
    assert "ended" not in [one["kind"] for one in read_log(tmp_path)]


def test_without_the_setting_nothing_is_noted_and_a_wrong_one_is_refused(tmp_path: Path, key: str) -> None:
    with serving("serve", "--no-read", folder=tmp_path) as hub:
        ask(f"{hub.await_line('serving on ')}/v1/batches", key)
        hub.end(signal.SIGTERM, group=False)
    assert "no reads are noted here" in run_plantwide("audit", "reads", folder=tmp_path)
    with serving("serve", "--no-read", folder=tmp_path, PLANTWIDE_AUDIT_READS='["fax"]') as hub:
        assert hub.process.wait(120) == 1
    assert "audit_reads: 'fax' names no data product" in "".join(hub.errors)


def test_the_page_names_every_product_that_is_no_collection() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE.partition("| product |")[2].partition("Doors are")[0]))
    assert told == set(list_products()) - set(list_collections())
