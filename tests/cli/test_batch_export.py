"""`plantwide batch export`: to the terminal, into a folder, and what is said when it cannot be done."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.model import Batch, EquipmentTime, Identifier
from tests.records.b2mml.stores import NOW, make_store


@pytest.fixture
def data(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """The folder of a hub that knows one batch."""
    batch = Identifier(value="B/1")
    time = EquipmentTime(key="t", equipment=Identifier(value="U1"), batch=batch, start_at=NOW)
    (tmp_path / "data").mkdir()
    make_store(migrated_sqlite, tmp_path / "data" / "hub.db", mes=[Batch(id=batch), time]).close()
    return tmp_path / "data"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["batch", "export", *map(str, words)])


def test_the_record_is_printed(data: Path) -> None:
    done = run("b/1", "--format", "b2mml", "--data", data)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("<?xml version='1.0' encoding='UTF-8'?>\n<BatchProductionRecord ")
    assert '<BatchID schemeID="mes:batch">B/1</BatchID>' in done.stdout


def test_all_documents_that_say_something_are_written_into_a_folder(data: Path, tmp_path: Path) -> None:
    done = run("B/1", "--to", tmp_path / "out", "--data", data)
    assert done.exit_code == 0, done.output
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [
        "B_1_BatchInformation.xml",
        "B_1_BatchProductionRecord.xml",
        "B_1_EquipmentInformation.xml",
        "B_1_OperationsPerformance.xml",
        "B_1_WorkCalendarInformation.xml",
    ]
    assert len(done.stdout.splitlines()) == len(written)


def test_what_cannot_be_written_is_said(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for words, said in (
        (("nobody",), "there is no batch nobody"),
        (("B/1", "--document", "Poem"), "there is no document Poem; there are BatchProductionRecord, "),
        (
            ("B/1", "--document", "OperationsSchedule"),
            "there is nothing that a OperationsSchedule would tell",
        ),
        (("B/1", "--to", tmp_path / "file"), "give a folder that can be written to"),
    ):
        done = run(*words, "--data", data)
        assert done.exit_code == 1
        assert said in done.stderr
