"""The log: who cannot write it goes on working."""

from pathlib import Path

import pytest
import structlog

from hub.cli.opening import read_settings


def test_a_line_that_cannot_be_written_is_lost_and_the_next_one_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_settings(data=tmp_path)
    log = structlog.get_logger("hub.cli")
    full = Path("/dev/full").open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - it cannot be closed in peace
    with monkeypatch.context() as around:
        around.setattr("sys.stderr", full)
        log.warning("nobody reads this")
    with pytest.raises(OSError, match="No space left"):
        full.close()
    log.warning("but this")
    assert "but this" in capsys.readouterr().err
