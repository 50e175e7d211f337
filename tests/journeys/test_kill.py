"""A sync that is killed at any moment loses nothing and doubles nothing: run again, the state is byte for byte the same."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.projects import Project, files_of, serving, write_project

SYNC = ("source", "sync", "--all")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, batches=12)
    with serving(files_of(folder)) as port:
        yield Project(folder, port)


@pytest.fixture(scope="module")
def undisturbed(project: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float]:
    """The dump of a run that nobody disturbs, and its seconds."""
    data = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    done = project.run(*SYNC, data=data)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    return project.dump(data), seconds


def kill_and_run_again(project: Project, data: Path, *, after_s: float) -> bool:
    """Start a sync, kill it after some seconds, run it again; tell whether it was killed before its end."""
    process = project.start(*SYNC, data=data)
    try:
        process.communicate(timeout=after_s)
        killed = False
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        killed = True
    again = project.run(*SYNC, data=data)
    assert again.returncode == 0, again.stdout + again.stderr
    return killed


def hold(project: Project, undisturbed: tuple[str, float], folder: Path, *, times: int) -> str:
    """Kill so many runs at a random moment each; a run that ended before its moment counts for nothing."""
    expected, seconds = undisturbed
    lines = Counter(expected.splitlines())
    moments = random.Random(7)
    killed = lost = doubled = runs = 0
    began = time.monotonic()
    while killed < times:
        assert runs < 4 * times, f"only {killed} of {runs} runs could be killed before their end"
        data = folder / str(runs)
        runs += 1
        killed += kill_and_run_again(project, data, after_s=moments.uniform(0.15, 0.9) * seconds)
        dump = project.dump(data)
        found = Counter(dump.splitlines())
        lost += (lines - found).total()
        doubled += (found - lines).total()
        assert dump == expected, f"run {runs}: {lost} lines lost, {doubled} doubled or different"
    return (
        f"{runs} runs, {killed} killed: {lost} lines lost, {doubled} doubled, "
        f"{time.monotonic() - began:.0f} s (undisturbed run {seconds:.1f} s)"
    )


def test_a_killed_sync_run_again_gives_the_undisturbed_state(
    project: Project, undisturbed: tuple[str, float], tmp_path: Path
) -> None:
    print(hold(project, undisturbed, tmp_path, times=5))


@pytest.mark.nightly
def test_fifty_kills_lose_and_double_nothing(
    project: Project, undisturbed: tuple[str, float], tmp_path: Path
) -> None:
    print(hold(project, undisturbed, tmp_path, times=50))


def test_a_store_killed_again_and_again_ends_as_the_undisturbed_one(
    project: Project, undisturbed: tuple[str, float], tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    for part in (0.4, 0.6, 0.8):
        process = project.start(*SYNC, data=tmp_path)
        try:
            process.communicate(timeout=part * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    assert project.run(*SYNC, data=tmp_path).returncode == 0
    assert project.dump(tmp_path) == expected
