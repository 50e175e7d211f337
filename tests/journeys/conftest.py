"""What several journeys begin with."""

import json
from pathlib import Path

import pytest

from tests.journeys.command import run_plantwide
from tests.journeys.demo import Demo
from tests.once import make_once


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo from nothing, embedded."""
    folder = make_once(tmp_path_factory, "demo", run_demo)
    data = folder / "hub" / "data"
    printed = json.loads((folder / "printed.json").read_text(encoding="utf-8"))
    return Demo(data, f"sqlite:///{data / 'hub.db'}", printed)


def run_demo(folder: Path) -> None:
    """Run the demo into a folder: `hub/data`, and what it printed."""
    hub = folder / "hub"
    hub.mkdir()
    printed = run_plantwide("demo", "--once", "--json", "--data", hub / "data", folder=hub)
    (folder / "printed.json").write_text(printed, encoding="utf-8")
