"""A reviewer goes back day by day: each report of the demo plant's months can be had again exactly as it was.

The plant's clock goes through its months; at each instant the hub reads the plant and is asked. Afterwards every
report is asked for once more, as known at the instant it stood for and as known at a moment after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count, cycle, islice, pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import settings

from hub.api.app import create_app
from hub.api.moment import PRESENT_ONLY
from hub.demo.plan import NOW
from hub.demo.plant import Plant, running_plant
from hub.demo.run import DEMO_CONFIG
from hub.ingest.runner import Desk
from hub.ingest.sources import load_project
from hub.model import format_instant
from hub.shift.cycle import run_cycle
from hub.store.database import Database
from hub.store.keys import create_key
from tests.api.routes import OPERATIONS, address
from tests.conftest import _copied
from tests.resolve.demo_documents import Paper, alter
from tests.resolve.demo_documents import Plant as Documents
from tests.resolve.stage import Stage

IS_NIGHT = settings.get_current_profile_name() == "nightly"
BEGIN = NOW - timedelta(days=80)
NAMES = {"/v1/batches": ("B26-0117", "b26 0122"), "/v1/lots": ("B260117",), "/v1/equipment": ("BR2000-01",)}
QUERIES = {
    "/v1/samples": "?tag=BR2000-01.PH&start=2026-01-01T00:00:00Z&end=2026-05-01T00:00:00Z&points=50",
    # before anything was known: what is asked between two readings is refused or answered as at the first
    "/v1/batches/{name}/changes": "?since=2026-01-01T00:00:00Z",
    "/v1/batches/{name}/samples": "?points=20",
}


@dataclass(frozen=True)
class Report:
    """What an address answered, and as known at which instant."""

    address: str
    status: int
    body: bytes
    known_at: str


@dataclass(frozen=True)
class Days:
    """The reports of each instant, and the API over the store at the end."""

    client: TestClient
    reports: list[list[Report]]


def addresses() -> list[str]:
    """Give an address of every read that knows a past, of some for two things."""
    found: list[str] = []
    for method, path in OPERATIONS:
        if method != "GET" or path in PRESENT_ONLY:
            continue
        place = path.partition("/{")[0]
        for name in NAMES.get(place, ("",)):
            asked = path.replace("{name}", name) + QUERIES.get(path, "")
            found.append(address(path) if "{" in asked else asked)
    return found


def ask(client: TestClient, where: str, then: str = "") -> Report:
    """Give a report."""
    asked = f"{'&' if '?' in where else '?'}as_known_at={then}" if then else ""
    response = client.get(where + asked)
    return Report(where, response.status_code, response.content, response.headers.get("Known-At", ""))


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.nightly)])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a migrated database; on PostgreSQL by night only, since each read is asked again there elsewhere."""
    with _copied(request, request.param, tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture(scope="module")
def days(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    database = Database(url)
    with database.begin("test", at=BEGIN) as connection:
        key = create_key(connection, name="reviewer", scopes=["read"])
    number = 200 if IS_NIGHT else 3
    reports: list[list[Report]] = []
    with (
        running_plant(tmp_path_factory.mktemp("demo") / "plant", at=BEGIN) as plant,
        TestClient(create_app(database), headers={"X-API-Key": key}) as client,
    ):
        asked = addresses()
        for at in range(number):
            read_plant(database, plant, BEGIN + (NOW - BEGIN) * at / (number - 1))
            some = asked if IS_NIGHT else [*islice(asked, at % 2, None, 2)]
            reports.append([ask(client, where) for where in some])
        yield Days(client, reports)
    database.close()


def read_plant(database: Database, plant: Plant, instant: datetime) -> None:
    """Let the plant come to an instant, and the hub read it by the plant's clock."""
    plant.set_clock(instant)
    cycle = run_cycle(Desk(database, clock=lambda: instant), load_project(DEMO_CONFIG, plant.environment))
    assert cycle.failed == []


def test_each_report_is_had_again_as_it_was(days: Days) -> None:
    for report in (one for some in days.reports for one in some):
        assert ask(days.client, report.address, report.known_at) == report


def test_a_moment_between_two_readings_gives_the_report_of_the_first(days: Days) -> None:
    for some, later in pairwise(days.reports):
        one, other = (datetime.fromisoformat(day[0].known_at) for day in (some, later))
        between = format_instant(one + (other - one) / 2)
        for report in some[:: 1 if IS_NIGHT else 4]:
            assert ask(days.client, report.address, between) == report


def test_the_reports_tell_of_months_in_which_much_happened(days: Days) -> None:
    versions: dict[str, set[bytes]] = {}
    for report in (one for some in days.reports for one in some):
        versions.setdefault(report.address, set()).add(report.body)
    moved = [address for address, bodies in versions.items() if len(bodies) > 1]
    statuses = [report.status for report in days.reports[-1]]
    assert statuses.count(200) > 0.8 * len(statuses)
    assert len(moved) > len(versions) / 3


# ------------------------------------------------------------------------------------- two hundred instants
@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.nightly)])
def test_a_report_of_each_of_two_hundred_instants_is_had_again_byte_for_byte(
    request: pytest.FixtureRequest, engine: str, plant_documents: Documents, tmp_path: Path
) -> None:
    """The plant's documents come one by one, each also corrected and put right: at each instant somebody asks."""
    with _copied(request, engine, tmp_path) as url:
        stage = Stage(url)
        stage.open(plant_documents)
        with stage.database.begin("test") as connection:
            key = create_key(connection, name="reviewer", scopes=["read"])
        with TestClient(create_app(stage.database), headers={"X-API-Key": key}) as client:
            reports: dict[str, Report] = {}
            for paper, where in zip(days_of(plant_documents), cycle(addresses()), strict=False):
                stage.hear([paper])
                stage.resolve()
                report = ask(client, where)
                reports.setdefault(report.known_at, report)  # what changes nothing is no new instant
                if len(reports) == 200:
                    break
            for known_at, report in reports.items():
                assert ask(client, report.address, known_at) == report
        stage.close()


def days_of(plant: Documents) -> Iterator[Paper]:
    """Give every version of every document in the order of its time, then corrections of them without end."""
    papers = sorted(
        chain.from_iterable(plant.papers.values()),
        key=lambda p: (p.told.source_time or BEGIN, p.place, p.told.version),
    )
    yield from papers
    for number in count(1):
        for paper in papers:
            yield alter(plant, paper, (number, number, number), number=paper.told.version + number)
