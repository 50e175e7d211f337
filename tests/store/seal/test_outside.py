"""What a verification can say depends on heads outside the store: it says which it had, and how far they reach."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.shift.notary import Notary
from hub.shift.sinks import FileSink
from hub.store.database import Database
from hub.store.seal.keeping import KeyPlace
from hub.store.seal.verification import verify
from tests.store.seal.scenes import await_settled
from tests.store.seal.writing import Clock, add_documents

ALONE = "no heads outside the store were compared: whoever rewrote all of it would not be found"


@pytest.fixture
def heads(database: Database, place: KeyPlace, tmp_path: Path) -> Path:
    """The file of heads of a store that was sealed twice, a day apart; beside it lies the first of them."""
    file = tmp_path / "away" / "heads.jsonl"
    clock = Clock(datetime(2026, 4, 20, 6, tzinfo=UTC))
    notary = Notary(database, place, [FileSink(file)], clock=clock)
    add_documents(database, 3)
    notary.seal()
    if database.dialect == "postgresql":
        await_settled(database)
    shutil.copyfile(file, file.with_name("older.jsonl"))
    clock.now += timedelta(days=1)
    add_documents(database, 2, tag="late")
    notary.seal()
    return file


def test_heads_from_outside_that_reach_to_the_newest_need_no_warning(
    database: Database, heads: Path, tmp_path: Path
) -> None:
    report = verify(database, heads=[heads], home=tmp_path / "data")
    assert (report.findings, report.warnings, report.outside) == ([], [], 2)


@pytest.mark.parametrize("content", ["", "\n\n", "keys"])
def test_a_file_without_a_head_is_a_finding(database: Database, heads: Path, content: str) -> None:
    kept = heads.read_text().splitlines(keepends=True)[0] if content == "keys" else content
    heads.write_text(kept)
    report = verify(database, heads=[heads])
    assert [(f.kind, f.what) for f in report.findings] == [("file", "there is no head in it")]
    assert (report.warnings, report.outside) == ([ALONE], 0)


def test_a_file_in_the_data_folder_is_no_place_outside(
    database: Database, heads: Path, tmp_path: Path
) -> None:
    report = verify(database, heads=[heads], home=tmp_path)
    assert (report.findings, report.outside) == ([], 0)
    said, alone = report.warnings
    assert said.startswith(f"{heads} lies in the data folder, which is no place outside")
    assert alone == ALONE
    assert report.as_json()["warnings"] == report.warnings


def test_a_file_in_the_data_folder_that_was_edited_is_found_all_the_same(
    database: Database, heads: Path, tmp_path: Path
) -> None:
    heads.write_text(heads.read_text().replace('"size":6', '"size":5'))
    assert {f.kind for f in verify(database, heads=[heads], home=tmp_path).findings} >= {"signature"}


def test_a_link_in_the_data_folder_leads_outside(database: Database, heads: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "heads.jsonl").symlink_to(heads)
    assert verify(database, heads=[data / "heads.jsonl"], home=data).warnings == []


def test_heads_that_end_before_the_newest_of_the_store_are_said_to_be_old(
    database: Database, heads: Path
) -> None:
    report = verify(database, heads=[heads.with_name("older.jsonl")])
    assert (report.findings, report.outside) == ([], 1)
    (said,) = report.warnings
    assert "1 day, 0:0" in said
    assert "and 2 rows before the store's newest" in said


def test_nothing_is_said_against_a_verification_by_itself_but_that(database: Database, heads: Path) -> None:
    assert heads.exists()
    report = verify(database)
    assert (report.findings, report.warnings) == ([], [ALONE])
