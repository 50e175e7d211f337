"""`docs/one-truth.md`: a mistaken merge, a conflict and a correction of the demo plant, as the page has them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.command import ROOT
from tests.journeys.demo import Demo
from tests.journeys.transcript import Terminal, is_shown, read_steps

PAGE = (ROOT / "docs" / "one-truth.md").read_text(encoding="utf-8")


@pytest.fixture
def terminal(demo: Demo, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal over a copy of what the page's first two lines make."""
    shutil.copytree(demo.data, tmp_path / "one-truth")
    one = Terminal(tmp_path / "one-truth")
    yield one
    one.close()


def test_every_command_of_the_page_prints_what_the_page_shows(terminal: Terminal) -> None:
    steps = read_steps(PAGE)
    assert len(steps) > 15
    for step in steps:
        printed = terminal.run(step.command)
        assert is_shown(step.shown, printed), f"line {step.line}: {step.command}\n{printed}"


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("a … c\n", "a b c\n", True),
        ("a\n…\nc\n", "a\nb\nb\nc\n", True),
        ("a\n…\nc\n", "a\nc\n", True),
        ("a …\n", "a b\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "a\n", False),
    ],
)
def test_a_gap_stands_for_part_of_a_line_or_for_lines_and_nothing_else_may_differ(
    shown: str, printed: str, fits: bool
) -> None:
    assert is_shown(shown, printed) is fits
