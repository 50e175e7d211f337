"""bootstrap.py says what it does, what is missing and what to do, without touching what it needs not."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.tree import ROOT


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A bootstrap of a checkout that holds nothing but what decides its environment."""
    for name in ("bootstrap.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("bootstrap", None)
    import bootstrap

    return bootstrap


def hide(folder: Path, *modules: str) -> dict[str, str]:
    """Environment in which the given modules do not exist for a Python outside virtual environments."""
    lines = [f"    sys.modules[{name!r}] = None" for name in modules]
    text = "\n".join(["import sys", "if sys.prefix == sys.base_prefix:", *lines])
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(text)
    return {"PYTHONPATH": str(folder), "PATH": "/nowhere", "HOME": str(folder)}


def call(folder: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    python = Path(sys.base_prefix) / "bin" / "python3"
    return subprocess.run(
        [python, "bootstrap.py", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_without_venv_and_pip_the_remedy_is_named(bootstrap: ModuleType, tmp_path: Path) -> None:
    done = call(bootstrap.ROOT, "demo", env=hide(tmp_path / "hidden", "ensurepip", "pip"))
    assert done.returncode == 1
    assert "sudo apt-get install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_network_the_remedy_is_named(bootstrap: ModuleType) -> None:
    said = (
        "WARNING: Retrying ... NameResolutionError(...)\nERROR: No matching distribution found for hatchling"
    )
    assert "No package index could be reached" in bootstrap.remedy(said)


def test_an_unknown_failure_still_says_what_to_do(bootstrap: ModuleType) -> None:
    assert "Delete .venv" in bootstrap.remedy("something new")


def test_an_old_python_is_told_which_one_is_needed(bootstrap: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or later and this is 3\.9\.18"):
        bootstrap.refuse_old_python((3, 9, 18))
    bootstrap.refuse_old_python((3, 11, 0))


def test_an_old_python_can_read_the_file_that_refuses_it() -> None:
    ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    assert "from __future__" not in (ROOT / "bootstrap.py").read_text(encoding="utf-8")


def test_what_one_process_has_compiled_serves_the_others(bootstrap: ModuleType) -> None:
    program = bootstrap.SCRIPTS / "plantwide"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import sys; print(sys.dont_write_bytecode)'\n")
    program.chmod(0o755)
    (bootstrap.VENV / "bin" / "python").symlink_to(sys.executable)
    bootstrap.STAMP.write_text(
        json.dumps({"fingerprint": bootstrap.fingerprint(), "extras": bootstrap.RUN_EXTRAS})
    )
    done = call(bootstrap.ROOT, "demo", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.stdout == "False\n", done.stderr


def test_the_tests_use_all_processors_unless_somebody_says_how(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[str] = []
    monkeypatch.setattr(bootstrap, "prepare", lambda _extras: None)
    monkeypatch.setattr(bootstrap, "hand_over", lambda *_: handed.append(os.environ["PYTEST_ADDOPTS"]) or 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for given in (None, "-n 0 -x"):
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        if given:
            monkeypatch.setenv("PYTEST_ADDOPTS", given)
        assert bootstrap.main(["test"]) == 0
    assert handed == ["-n 5 --dist loadfile --no-loadscope-reorder", "-n 0 -x"]


def test_each_word_hands_over_to_its_task(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[str] = []
    monkeypatch.setattr(bootstrap, "prepare", lambda _extras: None)
    monkeypatch.setattr(bootstrap, "hand_over", lambda *words: handed.append(words[-1]) or 0)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-n 0")
    assert [bootstrap.main([word]) for word in ("demo", "test", "nightly")] == [0, 0, 0]
    assert handed == ["demo", "check", "nightly"]


def test_the_run_of_everything_knows_two_words() -> None:
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "run", "dance"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Write .ci/run, or .ci/run nightly" in done.stderr


def test_a_word_it_does_not_know_shows_how_to_call_it(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bootstrap.main(["dance"]) == 2
    assert "python3 bootstrap.py demo" in capsys.readouterr().out


def test_an_environment_is_prepared_once_and_again_when_what_decides_it_changes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = list[list[str]]()
    really_run = bootstrap.run

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        if "install" in command:
            installed.append(command)
            return subprocess.CompletedProcess(command, 0, "", "")
        return really_run(["true"] if command[-1] == "" else command)

    bootstrap.VENV.mkdir()
    monkeypatch.setattr(bootstrap, "run", run)
    bootstrap.prepare(bootstrap.RUN_EXTRAS)
    bootstrap.prepare(bootstrap.RUN_EXTRAS)
    assert len(installed) == 1
    bootstrap.prepare(bootstrap.DEV_EXTRAS)
    bootstrap.prepare(bootstrap.RUN_EXTRAS)
    assert len(installed) == 2
    with (bootstrap.ROOT / "constraints.txt").open("a") as constraints:
        constraints.write("another==1.0\n")
    bootstrap.prepare(bootstrap.RUN_EXTRAS)
    assert len(installed) == 3
    assert json.loads(bootstrap.STAMP.read_text())["extras"] == ["mqtt", "opcua", "postgres"]


def test_where_no_pip_of_today_is_to_be_had_the_environment_is_made_all_the_same(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_run = bootstrap.run

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        if "--upgrade" in command:
            return subprocess.CompletedProcess(command, 1, "No matching distribution found for pip", "")
        return really_run(command)

    monkeypatch.setattr(bootstrap, "run", run)
    bootstrap.create_venv()
    assert bootstrap.works([*bootstrap.choose_pip(), "--version"])


def test_a_failed_installation_leaves_no_stamp_and_shows_the_cause(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        full = "OSError: [Errno 28] No space left on device"
        return subprocess.CompletedProcess(command, int("install" in command), full, "")

    bootstrap.VENV.mkdir()
    monkeypatch.setattr(bootstrap, "run", run)
    assert bootstrap.main(["install"]) == 1
    assert "The disk is full" in capsys.readouterr().err
    assert not bootstrap.STAMP.exists()


@pytest.mark.skipif(os.name == "nt", reason="Debian's split of venv does not exist on Windows")
def test_without_ensurepip_the_systems_pip_serves_the_environment(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "can_seed", lambda: False)
    monkeypatch.setattr(bootstrap, "renew_pip", lambda: None)  # it would bring one from the index
    bootstrap.create_venv()
    assert bootstrap.choose_pip() == [sys.executable, "-m", "pip", "--python", str(bootstrap.PYTHON)]
    done = bootstrap.run([*bootstrap.choose_pip(), "list"])
    assert done.returncode == 0, done.stdout
