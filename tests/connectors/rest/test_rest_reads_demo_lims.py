"""The demo plant's laboratory is read with its YAML alone, as a whole and as it grows."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from connectors.rest import Rest, RestConfig
from hub.demo.clock import write_clock
from hub.model import MaterialLot, Record, TestResult
from hub.sdk import Cursor, Document, Rejected
from tests.house.tree import ROOT

YAML = ROOT / "hub" / "demo" / "config" / "sources" / "lims.yaml"


@pytest.fixture
def lims(tmp_path: Path) -> Iterator[str]:
    """Give the URL of the running laboratory; its clock stands at the end of the story."""
    write_clock(tmp_path, datetime(2027, 1, 1, tzinfo=UTC))
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.demo.source", "lims", "--dir", str(tmp_path)],
        env={**os.environ, "PLANTWIDE_DEMO_LIMS_TOKEN": "let-me-in"},
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline().removeprefix("ready "))["url"]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def make(url: str) -> Rest:
    """Give the connector as the demo's YAML describes it."""
    written = yaml.safe_load(YAML.read_text())
    settings = {
        **written["settings"],
        "base_url": url,
        "auth": {"bearer": "let-me-in"},
        "timezone": "Europe/Dublin",
    }
    return Rest(RestConfig.model_validate(settings))


def read(rest: Rest, stream: str, cursor: Cursor | None = None) -> tuple[list[Document], Cursor]:
    """Read a stream to its end."""
    documents: list[Document] = []
    for page in rest.read(stream, cursor):
        documents += page.documents
        cursor = page.cursor
    return documents, cursor or {}


def test_the_demo_laboratory_is_read_by_yaml_alone(lims: str) -> None:
    with make(lims) as rest:
        assert rest.check().system == lims
        documents = [d for stream in rest.streams() for d in read(rest, stream.name)[0]]
        parts = [part for d in documents for part in rest.parse(d)]
    assert [part for part in parts if isinstance(part, Rejected)] == []
    counted = Counter(part.record_type for part in parts if isinstance(part, Record))
    results = [part for part in parts if isinstance(part, TestResult)]
    assert counted["sample"] == len([d for d in documents if d.object_type == "samples"]) > 200
    assert counted["test_result"] > counted["sample"]
    assert counted["test_specification"] == 3
    example = next(r for r in results if r.sample == "S-2026-004811" and r.test_code == "TITRE-HPLC")
    assert (example.value.text, example.value.unit, example.value.source_unit) == ("3.10", "g/L", "mg/mL")
    retest = next(r for r in results if r.retest_of == "R-91203")
    assert (retest.value.text, retest.verdict) == ("41", "pass")
    assert any(r.value.comparator == "<" and r.value.value == 0.05 for r in results)
    lots = [part for part in parts if isinstance(part, MaterialLot)]
    assert {lot.disposition for lot in lots} == {"UnRestricted", "Restricted"}


def test_the_second_look_asks_only_for_the_last_changes(lims: str) -> None:
    with make(lims) as rest:
        first, cursor = read(rest, "samples")
        again, after = read(rest, "samples", cursor)
    assert len(again) < 5 < len(first)
    assert after == cursor
