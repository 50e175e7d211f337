"""A hub that reads a source through an agent: what it knows of it lies in `delivered/`, and runs are found in it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.ingest.agent import Agent
from hub.ingest.runner import Desk
from hub.ingest.sources import load_delivered, load_project
from hub.sdk import Misconfigured
from hub.shift.supervisor import Supervisor
from tests.ingest.test_sample_delivery import Line
from tests.ingest.tides import START, Sea, seconds, source_of
from tests.swift import swift

KNOWN = """\
code: pi
tags:
  map: pi.csv
  equipment_scheme: mes:equipment
"""
FRAMES = """\
frames:
  - {source: pi, equipment: U1, batch_tag: level, batch_scheme: "mes:batch", name: Run}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub's project folder without any source of its own."""
    (tmp_path / "delivered").mkdir()
    (tmp_path / "delivered" / "pi.yaml").write_text(KNOWN, encoding="utf-8")
    (tmp_path / "pi.csv").write_text("tag,equipment,property\nlevel,U1,level\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def sea() -> Sea:
    return Sea(now=START + seconds(100), arrived=[("level", START + seconds(n)) for n in (1, 2)])


@pytest.fixture
def desk(migrated_url: str, sea: Sea) -> Iterator[Desk]:
    with closing(swift(migrated_url)) as database:
        yield Desk(database, clock=sea)


def test_runs_are_found_in_delivered_samples_and_nothing_is_done_without_news(
    folder: Path, desk: Desk, sea: Sea
) -> None:
    (folder / "frames.yaml").write_text(FRAMES, encoding="utf-8")
    project = load_project(folder)
    supervisor = Supervisor(desk, project)
    assert supervisor.tick() is None
    (known,) = project.delivered
    agent = Agent(name="e", post=Line(desk, tag_map=known.tag_map), sources=[source_of(sea)], clock=sea)
    assert [done.error for done in agent.run_due()] == ["", ""]
    cycle = supervisor.tick()
    assert cycle is not None
    assert (cycle.outcomes, cycle.failed, cycle.frames) == ([], [], 2)
    assert supervisor.tick() is None
    sea.arrived.append(("level", START + seconds(110)))
    sea.now += seconds(100)
    agent.run_due()
    assert (again := supervisor.tick()) is not None
    assert again.frames == 2, "the run before has an end now, and a new one has begun"


def test_a_hub_that_serves_without_reading_still_knows_its_maps(folder: Path) -> None:
    (folder / "sources").mkdir()
    (folder / "sources" / "bad.yaml").write_text("code: 1", encoding="utf-8")
    (known,) = load_delivered(folder)
    assert (known.code, known.tag_map.exact["level"]["equipment"]) == ("pi", "U1")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("delivered/more.yaml", "code: pi", "two files"),
        ("delivered/more.yaml", "code: x\nconnector: opcua", "connector"),
        ("delivered/more.yaml", "code: x\ntags: {map: lost.csv}", r"lost\.csv does not exist"),
        ("delivered/more.yaml", "", "valid dictionary"),
        ("sources/pi.yaml", "code: pi\nkind: MES\nconnector: b2mml\nsettings: {folder: .}", "take turns"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_place(folder: Path, name: str, text: str, says: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=says):
        load_project(folder)
