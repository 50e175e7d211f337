"""A sync that is killed at any moment loses nothing and doubles nothing: run again, the state is byte for byte the same."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TypeAlias

import pytest

from tests.databases import ENGINES, fresh_postgres
from tests.journeys import held
from tests.journeys.projects import Project, Store, files_of, serving, url_of, write_project

SYNC = ("source", "sync", "--all")
NewStore: TypeAlias = Callable[[], AbstractContextManager[Store]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, batches=12)
    with serving(files_of(folder)) as port:
        yield Project(folder, port)


@pytest.fixture(scope="module", params=ENGINES)
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewStore:
    """Gives a store in which nothing is, not even a table, for the time of a block."""
    if request.param == "sqlite":
        return lambda: nullcontext(tmp_path_factory.mktemp("data"))
    return partial(fresh_postgres, request.getfixturevalue("postgres_server"))


@pytest.fixture(scope="module")
def undisturbed(project: Project, new_store: NewStore) -> tuple[str, float]:
    """The dump of a run that nobody disturbs, and its seconds."""
    with new_store() as store:
        began = time.monotonic()
        done = project.run_apart(*SYNC, store=store)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stdout + done.stderr
        return project.dump(store), seconds


def kill(project: Project, store: Store, *, after_s: float) -> bool:
    """Start a sync and kill it after some seconds; tell whether it was killed before its end."""
    process = project.start(*SYNC, store=store)
    try:
        process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    return False


def hold(project: Project, new_store: NewStore, undisturbed: tuple[str, float], *, times: int) -> str:
    """Kill so many runs at a random moment each; a run that ended before its moment counts for nothing."""
    expected, seconds = undisturbed
    lines = Counter(expected.splitlines())
    moments = random.Random(7)
    killed = lost = doubled = runs = 0
    began = time.monotonic()
    while killed < times:
        assert runs < 4 * times, f"only {killed} of {runs} runs could be killed before their end"
        runs += 1
        with new_store() as store:
            killed += kill(project, store, after_s=moments.uniform(0.15, 0.9) * seconds)
            again = project.run(*SYNC, store=store)
            assert again.returncode == 0, again.stdout + again.stderr
            dump = held.dump(url_of(store)).decode()
        found = Counter(dump.splitlines())
        lost += (lines - found).total()
        doubled += (found - lines).total()
        assert dump == expected, f"run {runs}: {lost} lines lost, {doubled} doubled or different"
    return (
        f"{runs} runs, {killed} killed: {lost} lines lost, {doubled} doubled, "
        f"{time.monotonic() - began:.0f} s (undisturbed run {seconds:.1f} s)"
    )


def test_a_killed_sync_run_again_gives_the_undisturbed_state(
    project: Project, new_store: NewStore, undisturbed: tuple[str, float]
) -> None:
    print(hold(project, new_store, undisturbed, times=2))


@pytest.mark.nightly
def test_fifty_kills_lose_and_double_nothing(
    project: Project, new_store: NewStore, undisturbed: tuple[str, float]
) -> None:
    print(hold(project, new_store, undisturbed, times=50))


def test_a_store_killed_again_and_again_ends_as_the_undisturbed_one(
    project: Project, new_store: NewStore, undisturbed: tuple[str, float]
) -> None:
    expected, seconds = undisturbed
    with new_store() as store:
        for part in (0.4, 0.6, 0.8):
            kill(project, store, after_s=part * seconds)
        again = project.run(*SYNC, store=store)
        assert again.returncode == 0, again.stdout + again.stderr
        held.hold_alike(held.dump(url_of(store)), expected.encode())
