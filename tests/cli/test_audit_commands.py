"""`plantwide audit verify` says what it could not show: without heads outside, what the store says of itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder, in which a first one has written a sealed store."""
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    assert invoke("key", "create", "reader").exit_code == 0
    return invoke


@pytest.fixture
def away(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file outside to which heads leave."""
    file = tmp_path / "away" / "heads.jsonl"
    monkeypatch.setenv("PLANTWIDE_HEADS_FILE", str(file))
    assert run("audit", "seal").exit_code == 0
    return file


def test_the_usual_file_of_heads_is_no_place_outside(run: Run) -> None:
    done = run("audit", "verify")
    assert done.exit_code == 0, done.output
    assert "1 heads in the store and 0 outside" in done.output
    assert "warning: plantwide-data/heads/heads.jsonl lies in the data folder" in done.output
    assert "warning: no heads outside the store were compared" in done.output
    assert done.output.endswith("all is well, as far as the store itself can tell\n")


def test_with_heads_outside_all_is_well(run: Run, away: Path) -> None:
    done = run("audit", "verify")
    assert done.exit_code == 0, done.output
    assert "1 heads in the store and 1 outside" in done.output
    assert "warning" not in done.output
    assert done.output.endswith("all is well\n")
    assert '"warnings": []' in run("audit", "verify", "--json", "--heads", str(away)).output


def test_a_file_of_heads_that_was_emptied_is_a_finding(run: Run, away: Path) -> None:
    away.write_text("")
    done = run("audit", "verify")
    assert done.exit_code == 1
    assert f"{away}: there is no head in it\n    remedy: restore the file of heads" in done.output
    assert "all is well" not in done.output


def test_a_file_of_heads_that_is_gone_is_no_verification(run: Run, away: Path) -> None:
    away.unlink()
    done = run("audit", "verify")
    assert done.exit_code == 1
    assert f"{away}: No such file or directory" in done.output


def test_an_export_of_one_thing_is_handed_out_with_what_it_cannot_show(run: Run) -> None:
    unsaid = "an export of one thing cannot show where its rows end"
    assert unsaid in run("audit", "export", "key.jsonl", "--entity", "api_key/1").output
    assert unsaid not in run("audit", "export", "trail.jsonl").output
