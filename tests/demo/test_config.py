"""The hub-side configuration of the demo: complete, in step with the plant, and free of secrets."""

import csv
import re
from pathlib import Path

import yaml

from hub.demo.plan import FIRST
from hub.demo.plant import Plant
from hub.demo.source import KINDS
from hub.demo.tagmap import rows
from hub.ingest.sources import load_project

CONFIG = "hub/demo/config"


def test_the_tag_map_is_what_the_tags_say(here: Path) -> None:
    with (here / CONFIG / "historian-tags.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == rows()


def test_every_placeholder_is_given_by_the_running_plant(here: Path, plant: Plant) -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in (here / CONFIG / "sources").glob("*.yaml"))
    asked = set(re.findall(r"\$\{env:(\w+)\}", text))
    assert asked
    assert asked <= set(plant.environment)


def test_each_source_has_its_file(here: Path) -> None:
    files = {
        p.stem: yaml.safe_load(p.read_text(encoding="utf-8"))
        for p in (here / CONFIG / "sources").glob("*.yaml")
    }
    assert set(files) == set(KINDS)
    assert all(content["code"] == name for name, content in files.items())


def test_the_hub_accepts_the_settings(here: Path, plant: Plant) -> None:
    plant.set_clock(FIRST)
    project = load_project(here / CONFIG, plant.environment)
    assert {s.code for s in project.sources} == set(KINDS)
