"""The walk below a folder finds what `pathlib` finds, in the order of change, and keeps inside."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.sdk import Misconfigured
from hub.sdk.folder import list_files
from hub.sdk.testing import FakeClock

NAMES = (
    "a.csv",
    "B.csv",
    "a.json",
    ".hidden.csv",
    "a.csv.old",
    "x/a.csv",
    "x/y/a.csv",
    "x/x/a.csv",
    "µ/é.csv",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with files on several levels, and links within it and out of it."""
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    for path in (*(root / name for name in NAMES), outside / "secret.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name, encoding="utf-8")
    (root / "folder.csv").mkdir()
    (root / "inner").symlink_to(root / "x")
    (root / "inner.csv").symlink_to(root / "a.csv")
    (root / "outer").symlink_to(outside)
    (root / "outer.csv").symlink_to(outside / "secret.csv")
    (root / "broken.csv").symlink_to(root / "none")
    (root / "loop.csv").symlink_to(root / "loop.csv")
    return root


@pytest.mark.parametrize(
    "glob",
    [
        "*.csv",
        "a.csv",
        "**/*.csv",
        "**/**/*.csv",
        "*/*.csv",
        "x/x/*.csv",
        "x/**/a.*",
        "**/x/*",
        "inner/*",
        "outer/*",
        "[aB].*",
        "./*.json",
        "x/../a.csv",
        "../outside/*",
        "none/*",
    ],
)
def test_a_glob_finds_what_pathlib_finds_inside(folder: Path, glob: str) -> None:
    found = [(one.name, one.size) for one in list_files(folder, (glob,))]
    wanted = {
        (path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in folder.glob(glob)
        if path.is_file() and path.resolve().is_relative_to(folder.resolve())
    }
    assert sorted(found) == sorted(wanted)


def test_files_come_once_by_change_and_then_by_name(folder: Path) -> None:
    listing = list_files(folder, ("**/*.csv", "*.csv", "*"))
    found = list(listing)
    assert found == sorted(set(found))
    assert len(listing) == len(found)
    assert listing.newest == found[-1]
    assert list(listing) == found


def test_only_what_changed_since_is_listed(folder: Path) -> None:
    later = (folder / "a.csv").stat().st_ctime_ns + 3_600_000_000_000
    os.utime(folder / "B.csv", ns=(later, later))
    assert [one.name for one in list_files(folder, ("*",), since_ns=later)] == ["B.csv"]
    assert list_files(folder, ("*",), since_ns=later + 1).newest is None


def test_a_name_that_is_no_text_is_given_as_the_system_gives_it(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.csv")).write_text("", encoding="utf-8")
    except OSError:
        pytest.skip("this file system has names of text only")
    assert [one.name for one in list_files(tmp_path, ("*",))] == ["\udcff.csv"]


@pytest.mark.parametrize("glob", ["", "/etc/*"])
def test_a_glob_that_does_not_lie_below_the_folder_is_refused(tmp_path: Path, glob: str) -> None:
    with pytest.raises(Misconfigured, match="is no glob below a folder"):
        list_files(tmp_path, (glob,))


def test_a_file_dated_in_the_future_hides_no_other(tmp_path: Path) -> None:
    ahead = datetime(2200, 1, 1, tzinfo=UTC)
    with FakeClock(datetime.now(UTC) + timedelta(minutes=1)):
        for name in ("a.csv", "wrong.csv"):
            (tmp_path / name).touch()
        os.utime(tmp_path / "wrong.csv", times=(ahead.timestamp(), ahead.timestamp()))
        listing = list_files(tmp_path, ["*.csv"])
        first, wrong = listing
    assert (listing.reached(first), wrong.name) == (first.changed_ns, "wrong.csv")
    reached = listing.reached(wrong)
    with FakeClock(datetime.now(UTC) + timedelta(minutes=5)) as clock:
        late = clock.now.timestamp()
        (tmp_path / "late.csv").touch()
        os.utime(tmp_path / "late.csv", times=(late, late))
        assert [file.name for file in list_files(tmp_path, ["*.csv"], since_ns=reached)] == [
            "late.csv",
            "wrong.csv",
        ]
        everything = list_files(tmp_path, ["*.csv"], since_ns=wrong.changed_ns)
    assert [file.name for file in everything] == ["a.csv", "late.csv", "wrong.csv"]
