"""The hub-side configuration of the demo: complete, in step with the plant, and free of secrets."""

import csv
import re
from pathlib import Path
from shutil import copytree

import pytest
import yaml
from typer.testing import CliRunner

from hub.cli import app
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


def test_the_tag_map_can_be_imported_from_the_historians_own_tree(
    here: Path, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in plant.environment.items():
        monkeypatch.setenv(name, value)
    copytree(here / CONFIG, tmp_path, dirs_exist_ok=True)
    table = tmp_path / "historian-tags.csv"
    table.write_text(table.read_text(encoding="utf-8").partition("\n")[0] + "\n", encoding="utf-8")
    imports = ("tags", "import", "historian", "--config", str(tmp_path), "--equipment", r"[A-Z]+\d*-\d\d")

    told = CliRunner().invoke(app, [*imports, "--dry-run"])
    assert told.output.splitlines()[-1] == "57 rows for 58 tags, 1 without a place: nothing written"
    assert told.output.splitlines()[-2].startswith("ns=2;s=")
    assert CliRunner().invoke(app, imports).exit_code == 0
    with table.open(encoding="utf-8", newline="") as stream:
        imported = {row["tag"]: row for row in csv.DictReader(stream)}
    for row in rows():
        assert (imported[row["tag"]]["equipment"], imported[row["tag"]]["unit"]) == (
            row["equipment"],
            row["unit"],
        )
    again = CliRunner().invoke(app, imports)
    assert again.output.splitlines()[-1] == "0 rows for 58 tags, 1 without a place: nothing written"
