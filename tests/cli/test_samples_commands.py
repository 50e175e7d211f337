"""`plantwide samples`: what a person sees of how samples are stored, and does by hand."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.store.answers.amendments import list_annotations, list_erasures
from hub.store.answers.things import find_thing
from hub.store.order import newest_known
from hub.store.samples import ALL_TIME
from tests.store.lake.cellars import cellar, copied, read_all
from tests.swift import swift


@pytest.fixture
def data(migrated_sqlite: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with cellar(copied(migrated_sqlite, folder)) as one:
        for seq in (1, 2):
            one.put([("a", hour, float(hour * seq), None, 0) for hour in range(24)], seq=seq)
    return folder


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["samples", *words, "--data", str(data)])


def test_samples_are_folded_compacted_checked_and_counted_by_hand(data: Path) -> None:
    assert "48 samples in 2 frames of 2 puts" in run(data, "stats").output
    assert "folded 48 samples of 2 puts into 1 runs" in run(data, "fold").output
    asked = run(data, "compact", "--all", "--dry-run").output
    assert "no roll-up yet" in asked
    assert json.loads(run(data, "stats", "--json").output)["hours"] == 0
    done = run(data, "compact", "--all")
    assert "24 set apart" in done.output
    held = json.loads(run(data, "stats", "--json").output)
    assert (held["cold"], held["hot"], held["superseded"], held["hours"]) == (24, 0, 24, 24)
    checked = run(data, "verify")
    assert checked.exit_code == 0
    assert "2 puts with 48 samples and 2 runs checked; 0 faults" in checked.output


def test_samples_are_erased_by_hand_with_a_reason_and_those_of_the_past_stay(data: Path) -> None:
    hours = ["--from", "2026-01-30T02:00:00Z", "--to", "2026-01-30T05:00:00+00:00"]
    database = swift(f"sqlite:///{data / 'hub.db'}")
    with database.read() as connection:
        then, tags = newest_known(connection), {"a": find_thing(connection, "tag", "a").id}
    whole = read_all(database, tags)
    done = run(data, "erase", "a", *hours, "--reason", "the probe was out")
    assert done.exit_code == 0, done.output
    assert "3 samples of a from 2026-01-30T02:00:00Z to 2026-01-30T05:00:00Z count no more" in done.output
    assert [row[1] for row in read_all(database, tags)] == [
        hour for hour in range(24) if hour not in (2, 3, 4)
    ]
    assert read_all(database, tags, then) == whole
    with database.read() as connection:
        (erasure,) = list_erasures(connection, tags["a"], ALL_TIME).items
    assert (erasure["reason"], erasure["erased_by"][:4]) == ("the probe was out", "cli:")
    database.close()


def test_a_stretch_or_an_instant_is_annotated_by_hand(data: Path) -> None:
    hours = ["--from", "2026-01-30T02:00:00Z", "--to", "2026-01-30T05:00:00Z"]
    assert run(data, "annotate", "a", "calibrated", *hours).exit_code == 0
    assert run(data, "annotate", "a", "sensor wet", "--at", "2026-01-30T09:00:00Z").exit_code == 0
    database = swift(f"sqlite:///{data / 'hub.db'}")
    with database.read() as connection:
        notes = list_annotations(connection, find_thing(connection, "tag", "a").id, ALL_TIME).items
    assert [(one["text"], (one["end"] - one["start"]).total_seconds()) for one in notes] == [
        ("calibrated", 10_800.0),
        ("sensor wet", 1e-6),
    ]
    database.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("erase", "a", "--from", "2026-01-30T02:00:00Z", "--to", "2026-01-30T05:00:00Z"), "--reason"),
        (("erase", "a", "--from", "now", "--to", "2026-01-30T05:00:00Z", "--reason", "out"), "2026-03-10T09"),
        (
            ("erase", "a", "--from", "2026-01-30T02:00:00", "--to", "2026-01-31", "--reason", "out"),
            "2026-03-10",
        ),
        (
            (
                "erase",
                "a",
                "--from",
                "2026-01-31T00:00:00Z",
                "--to",
                "2026-01-30T00:00:00Z",
                "--reason",
                "out",
            ),
            "before",
        ),
        (
            (
                "erase",
                "b9",
                "--from",
                "2026-01-30T00:00:00Z",
                "--to",
                "2026-01-31T00:00:00Z",
                "--reason",
                "out",
            ),
            "no tag",
        ),
        (("annotate", "a", "wet"), "--at"),
        (("annotate", "a", "wet", "--at", "2026-01-30T00:00:00Z", "--to", "2026-01-31T00:00:00Z"), "--at"),
        (("annotate", "a", " ", "--at", "2026-01-30T00:00:00Z"), "one line"),
    ],
)
def test_what_cannot_be_erased_or_annotated_is_said(data: Path, words: tuple[str, ...], told: str) -> None:
    refused = run(data, *words)
    assert refused.exit_code != 0
    assert told in " ".join(refused.output.split())


def test_a_run_that_is_lost_is_named_and_ends_with_1(data: Path) -> None:
    run(data, "fold")
    next((data / "samples/live").glob("period=*/*.parquet")).unlink()
    checked = run(data, "verify")
    assert checked.exit_code == 1
    assert "WRONG" in checked.output
    assert "cannot be read" in checked.output


def test_nothing_is_let_go_unless_the_settings_say_so(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(data, "fold")
    refused = run(data, "retire", "--reason", "old")
    assert refused.exit_code == 1
    assert "retain_days" in refused.output
    monkeypatch.setenv("PLANTWIDE_RETAIN_DAYS", "1")
    assert "would let go of 2026-01" in run(data, "retire", "--reason", "old", "--dry-run").output
    assert "48 samples in 1 runs" in run(data, "stats").output
    assert "let go of 2026-01" in run(data, "retire", "--reason", "old").output
    assert json.loads(run(data, "stats", "--json").output)["cold"] == 0


def test_the_numbers_of_tags_are_told_for_whoever_reads_the_files(data: Path) -> None:
    lines = run(data, "tags").output.splitlines()
    assert lines[0] == "tag_id,uid,code,unit,is_step"
    assert [line.split(",")[2] for line in lines[1:]] == ["a"]


def test_doctor_tells_of_cold_runs(data: Path) -> None:
    run(data, "fold")
    told = CliRunner().invoke(app, ["doctor", "--data", str(data)])
    assert "48 samples in 1 runs" in told.output
    assert told.exit_code == 0, told.output
