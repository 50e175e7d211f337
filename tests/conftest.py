"""What every test may ask for, and what no test may do.

Comes in: `PLANTWIDE_TEST_POSTGRES` (SQLAlchemy URL of a PostgreSQL server's administrative database),
`PLANTWIDE_SHARED` (a folder of real data), `PLANTWIDE_REQUIRE` (comma-separated groups that must not be
skipped: `postgres`, `shared`, `peers`). Goes out: databases made for one test, and a closing summary that names
each group that did not run and why.
"""

import gc
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy.engine import URL, make_url

from tests.databases import ENGINES, Pool, fresh_postgres
from tests.loopback import REACHED_OUT, guard_sockets
from tests.once import make_once

gc.disable()  # until all tests are collected: what is made by then stays, and looking at it took half of the time

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, and none fails because a machine was busy; `poe nightly` draws new ones.
settings.register_profile("house", deadline=None, max_examples=25, derandomize=True, database=None)
settings.register_profile("nightly", deadline=None, max_examples=250)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

LACKING = {
    "postgres": "PostgreSQL: PLANTWIDE_TEST_POSTGRES is not set, for example"
    " postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "shared": "real data: no folder {folder}; set PLANTWIDE_SHARED to a folder that has data/",
}


def pytest_configure() -> None:
    """Refuse sockets that leave the machine, from here to the end of the process."""
    guard_sockets()


LONGEST = (
    "test_any_interleaving.py",
    "test_tabletting.py",
    "test_demo_command.py",
    "test_worked_example.py",
    "test_demo.py",
    "test_timeline.py",
    "test_migrations.py",
    "test_bad_input.py",
    "test_historian_agent.py",
    "test_kill.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: where several workers take a file each, none ends long after the others."""
    places = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_collection_finish() -> None:
    """What is there now stays to the end: looking for rubbish need not look at it."""
    gc.freeze()
    gc.set_threshold(1_000_000, 10, 10)
    gc.enable()


# ------------------------------------------------------------------ groups that may be absent


def _lack(group: str, reason: str) -> None:
    """Skip by name, or fail where the group was required."""
    required = {name.strip() for name in os.environ.get("PLANTWIDE_REQUIRE", "").split(",")}
    if group in required:
        pytest.fail(f"{reason} (and PLANTWIDE_REQUIRE says that {group} must run)", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip for want of what was required is a failure that names it, whoever skipped.

    So is a skip for want of peers of a test that the nightly run would leave out.
    """
    report = yield
    if report.skipped and call.excinfo:
        reason = str(call.excinfo.value)
        if told := _say_required(item, reason):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} skipped, but {told}: {reason}"
    return report


def _say_required(item: pytest.Item, reason: str) -> str:
    """Say which required group a skip speaks of; empty where it may be skipped."""
    required = {name.strip() for name in os.environ.get("PLANTWIDE_REQUIRE", "").split(",")}
    if "postgres" in required and "postgres" in reason.lower():
        return "PostgreSQL is required"
    is_proof = item.get_closest_marker("against") is not None
    if "peers" in required and (is_proof or "peer" in reason.lower()):
        return "software of others is required (PLANTWIDE_REQUIRE says peers)"
    if "PLANTWIDE_TEST_PEERS" in reason and not any(map(item.get_closest_marker, ("peers", "nightly"))):
        return "it bears no mark `peers`, so the nightly run would leave it out"
    return ""


_DESELECTED = pytest.StashKey[Counter[str]]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what the marker expression left out, by folder."""
    for item in items:
        counted = item.config.stash.setdefault(_DESELECTED, Counter())
        counted[str(Path(item.nodeid.split("::")[0]).parent)] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process tells the controller what it left out."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["deselected"] = dict(session.config.stash.get(_DESELECTED, Counter[str]()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker sees the whole collection, so the last one to end speaks for all."""
    told = getattr(node, "workeroutput", {}).get("deselected")
    if told:
        node.config.stash[_DESELECTED] = Counter(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each group that did not run, and why; nothing is left out silently."""
    groups: Counter[tuple[str, str]] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        longrepr = report.longrepr
        reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        folder = str(Path(report.nodeid.split("::")[0]).parent)
        groups[folder, reason.removeprefix("Skipped: ")] += 1
    for folder, count in terminalreporter.config.stash.get(_DESELECTED, Counter[str]()).items():
        told = [terminalreporter.config.getoption(name) for name in ("markexpr", "keyword")]
        expression = " and ".join(filter(None, told)) or "a filter on the command line"
        hint = "; `poe nightly` runs them" if expression == "not nightly" else ""
        groups[folder, f"left out by '{expression}'{hint}"] += count
    if not groups:
        return
    terminalreporter.section("did not run")
    for (folder, reason), count in sorted(groups.items()):
        terminalreporter.write_line(f"{count:4d} in {folder}: {reason}")


# ------------------------------------------------------------------ databases


@pytest.fixture(scope="session")
def postgres_server() -> URL:
    """Administrative database of a PostgreSQL server for tests; skips by name when there is none."""
    given = os.environ.get("PLANTWIDE_TEST_POSTGRES")
    if not given:
        _lack("postgres", LACKING["postgres"])
    return make_url(given or "")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of an empty SQLite file of this test's own."""
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test's own."""
    with fresh_postgres(postgres_server) as url:
        yield url


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    return request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file migrated once, to be copied."""
    path = tmp_path_factory.mktemp("template") / "hub.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: URL) -> Iterator[str]:
    """Name of a PostgreSQL database migrated once, to be copied."""
    with fresh_postgres(postgres_server) as url:
        _migrate(url)
        yield make_url(url).database or ""


@pytest.fixture(scope="session")
def postgres_pool(postgres_server: URL, migrated_postgres: str) -> Iterator[Pool]:
    """Migrated PostgreSQL databases, emptied between tests."""
    pool = Pool(postgres_server, migrated_postgres)
    yield pool
    pool.close()


def _migrate(url: str) -> None:
    from hub.store.database import Database
    from hub.store.upgrade import upgrade

    database = Database(url)
    upgrade(database)
    database.close()


@contextmanager
def _copied(request: pytest.FixtureRequest, engine: str, folder: Path) -> Iterator[str]:
    """URL of a migrated database, copied in milliseconds; on PostgreSQL it is lent out of a pool."""
    if engine == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), folder / "hub.db")
        yield f"sqlite:///{folder / 'hub.db'}"
    else:
        pool: Pool = request.getfixturevalue("postgres_pool")
        with pool.lend() as url:
            yield url


@pytest.fixture
def migrated_postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated PostgreSQL database of this test's own."""
    with _copied(request, "postgresql", tmp_path) as url:
        yield url


@pytest.fixture(params=ENGINES)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated database of this test's own: the test runs once on SQLite, once on PostgreSQL."""
    with _copied(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="module", params=ENGINES)
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a migrated database that the tests of a module share; all run on SQLite, then on PostgreSQL."""
    with _copied(request, request.param, tmp_path_factory.mktemp("store")) as url:
        yield url


# ------------------------------------------------------------------ the demo plant


@pytest.fixture(scope="session")
def plant_documents(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the demo plant's systems say (`tests.resolve.demo_documents.Plant`), heard once in a test run."""
    from tests.resolve.demo_documents import keep_documents, read_documents

    def keep(folder: Path) -> None:
        shutil.copyfile(migrated_sqlite, folder / "hub.db")
        keep_documents(folder)

    return read_documents(make_once(tmp_path_factory, "documents", keep))


# ------------------------------------------------------------------ real data


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Folder of real plants' data (`data/tabletting`, `data/b2mml`, …); skips by name when absent."""
    folder = Path(os.environ.get("PLANTWIDE_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        _lack("shared", LACKING["shared"].format(folder=folder.name))
    return folder


# ------------------------------------------------------------------ loopback only


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail the test that reached out, even when the code under test swallowed the refusal."""
    REACHED_OUT.clear()
    yield
    if REACHED_OUT:
        reached = ", ".join(REACHED_OUT)
        REACHED_OUT.clear()
        pytest.fail(f"left the machine: {reached}; tests use loopback only", pytrace=False)
