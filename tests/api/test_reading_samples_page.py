"""The snippets of `docs/reading-samples.md` run as they stand, against a hub that serves the small plant."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.conftest import Counter
from tests.api.test_streaming import running

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reading-samples.md"
SNIPPETS = re.findall(
    r"^```(python|sh)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


def test_the_python_of_the_page_runs_and_prints_what_it_says(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "\n".join(body for kind, body in SNIPPETS if kind == "python")
    with running(counter.app) as port:
        keys = {"KEY": counter.reader, "STEWARD": counter.operator}
        names = {"URL": f"http://127.0.0.1:{port}", **keys}
        exec(compile(code, str(PAGE), "exec"), names)
        names["hub"].close()  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    assert printed.count("'BR2000-01.TEMP'") == 3
    assert "B26-0117 Growth BR2000-01.TEMP 3" in printed
    assert "cqa:" in printed or "ipc:" in printed
    assert "'text': 'probe calibrated'" in printed
    assert printed.endswith("\n1\n")  # of a sample each ten minutes


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_lines_of_the_page_answer(looked_at: Counter) -> None:
    with running(looked_at.app) as port:
        environment = {"URL": f"http://127.0.0.1:{port}", "KEY": looked_at.reader, "PATH": "/usr/bin:/bin"}
        told = [
            subprocess.run(
                ["sh", "-c", body], env=environment, capture_output=True, text=True, check=True
            ).stdout
            for kind, body in SNIPPETS
            if kind == "sh"
        ]
    assert len(told) == 2
    assert '"value":3' in told[0]
    assert "event: ready" in told[1]
    assert "event: span" in told[1]
