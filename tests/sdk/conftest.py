"""The kit's closing line: how many of the seeded mistakes it caught."""

import pytest

_SEEDED = "test_a_seeded_mistake_is_named["


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many were caught, of those that were tried."""
    counts = {
        outcome: sum(_SEEDED in report.nodeid for report in terminalreporter.stats.get(outcome, []))
        for outcome in ("passed", "failed")
    }
    if total := sum(counts.values()):
        terminalreporter.write_line(f"seeded mistakes caught: {counts['passed']} of {total}")
