"""The papers at the door are true: commands, decisions, reasons, no trace of anybody's machine."""

import re
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, list_files, read_project

FENCE = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_section(document: str, heading: str) -> str:
    """Text under a second-level heading, up to the next one."""
    _, found, rest = document.partition(f"\n## {heading}\n")
    assert found, f"README.md has no heading '## {heading}'"
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize(
    ("heading", "command"),
    [("Run it", "python3 bootstrap.py demo"), ("Test it", "python3 bootstrap.py test")],
)
def test_a_command_of_the_readme_stands_alone_under_its_heading(heading: str, command: str) -> None:
    section = read_section((ROOT / "README.md").read_text(encoding="utf-8"), heading)
    assert FENCE.findall(section) == [f"{command}\n"]


def test_decisions_are_numbered_without_gaps() -> None:
    text = (ROOT / "DECISIONS.md").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. \S", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_a_decision_is_one_paragraph() -> None:
    text = (ROOT / "DECISIONS.md").read_text(encoding="utf-8")
    long = [
        entry.partition("\n")[0]
        for entry in re.split(r"^## ", text, flags=re.MULTILINE)[1:]
        if len(re.split(r"\n\s*\n", entry.partition("\n")[2].strip())) != 1
    ]
    assert long == []


def test_every_ruff_ignore_gives_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    code = re.compile(r'^\s+"[A-Z]+\d*",')
    silent = [line for line in lines if code.match(line) and not re.search(r"# \S+.{5}", line)]
    assert not silent, "\n".join(silent)


def test_every_declared_range_holds_its_pinned_version() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    project = read_project()["project"]
    declared = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    wrong = [
        line
        for line in declared
        if not (
            (found := versions.get(canonicalize_name(Requirement(line).name)))
            and Requirement(line).specifier.contains(found, prereleases=True)
        )
    ]
    assert not wrong, f"{wrong}; run: poe lock"


MARK = re.compile(r"# (?:noqa|type: ignore|pyright: ignore)(?:: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|\[[\w, -]+\])?")


def test_every_exception_in_the_code_gives_its_reason() -> None:
    """`# noqa: S311 - no secret` and the like; tests are free to be wrong on purpose."""
    silent = [
        f"{path}:{number}: {line.strip()}"
        for path in list_files(".py")
        if path.parts[0] != "tests"
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if MARK.search(line) and not re.search(r"\w", MARK.sub("", line[line.index("# ") :]))
    ]
    assert not silent, "\n".join(silent)


def test_no_file_speaks_of_somebodys_machine() -> None:
    # The classes keep this line from finding itself.
    machine = re.compile(r"/wor[k]/|/roo[t]/|/hom[e]/\w|/User[s]/\w|C:\\User[s]|/opt/pyp[i]|/opt/wheel[s]")
    found = [f"{path}:{hit}" for path in list_files() for hit in search(path, machine)]
    assert not found, "\n".join(found)


def search(path: Path, pattern: re.Pattern[str]) -> list[str]:
    """Line number and text of each hit in a text file; binary files have none."""
    try:
        text = (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    return [
        f"{number}: {line.strip()[:120]}"
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
