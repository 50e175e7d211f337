"""Every attack of the list is refused or found, as `docs/audit.md` says; its tables are made from this run.

With `PLANTWIDE_DOCS=write` (`poe attacks-write`) the tables are written, not compared.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from hub.store.database import Database
from hub.store.seal.verification import verify
from tests.conftest import _copied
from tests.databases import ENGINES
from tests.store.seal.attacks import ATTACKS, Attack
from tests.store.seal.scenes import (
    Doors,
    Outcome,
    Store,
    attack_postgresql,
    attack_sqlite,
    made_roles,
    open_doors,
    seal_twice,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "audit.md"
WRITES = os.environ.get("PLANTWIDE_DOCS") == "write"
HEADING = "| who | what is tried | the store by itself | with heads from outside |\n|---|---|---|---|"
LEAST = 14


def marks(engine: str) -> tuple[str, str]:
    """What stands before and after the table of an engine."""
    return f"<!-- attacks on {engine} -->\n", f"<!-- end of attacks on {engine} -->"


def read_table(engine: str) -> list[str]:
    """Give the lines of the page's table, without its heading."""
    before, after = marks(engine)
    text = PAGE.read_text(encoding="utf-8").partition(before)[2].partition(after)[0]
    return text.strip().splitlines()[2:]


def write_line(attack: Attack, outcome: Outcome) -> str:
    """Give the line of the table for what became of an attack."""
    return "| " + " | ".join((attack.who, attack.what, *outcome.cells)).replace("  ", " ").rstrip() + " |"


@pytest.fixture(scope="module")
def lines() -> Iterator[dict[str, list[str]]]:
    """Gather the lines of this run; they are the page's when it is to be written."""
    gathered: dict[str, list[str]] = {engine: [] for engine in ENGINES}
    yield gathered
    if not WRITES:
        return
    page = PAGE.read_text(encoding="utf-8")
    for engine, table in gathered.items():
        before, after = marks(engine)
        start, rest = page.split(before)
        if len(table) == len(ATTACKS[engine]):
            page = start + before + "\n".join([HEADING, *table, after]) + rest.split(after)[1]
    PAGE.write_text(page, encoding="utf-8")


@pytest.fixture(scope="module")
def sqlite_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("attacked")
    with _copied(request, "sqlite", folder) as url:
        yield seal_twice(url, folder)


@pytest.fixture(scope="module")
def doors(
    request: pytest.FixtureRequest, postgres_server: URL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("attacked")
    with made_roles(postgres_server) as roles, _copied(request, "postgresql", folder) as url:
        yield open_doors(seal_twice(url, folder), roles)


def hold(lines: dict[str, list[str]], engine: str, attack: Attack, outcome: Outcome) -> None:
    """Hold an outcome to the rule that nothing goes unseen, and to the page."""
    assert outcome.refusal or (outcome.outside and not outcome.outside.is_good), "nobody would notice"
    line = write_line(attack, outcome)
    lines[engine].append(line)
    assert WRITES or line in read_table(engine), "docs/audit.md says otherwise; run `poe attacks-write`"


@pytest.mark.parametrize("attack", ATTACKS["sqlite"], ids=lambda a: f"{a.who}: {a.what}")
def test_an_attack_on_sqlite_is_refused_or_found(
    sqlite_store: Store, attack: Attack, tmp_path: Path, lines: dict[str, list[str]]
) -> None:
    hold(lines, "sqlite", attack, attack_sqlite(sqlite_store, attack, tmp_path))


@pytest.mark.parametrize("attack", ATTACKS["postgresql"], ids=lambda a: f"{a.who}: {a.what}")
def test_an_attack_on_postgresql_is_refused_or_found(
    doors: Doors, attack: Attack, tmp_path: Path, lines: dict[str, list[str]]
) -> None:
    hold(lines, "postgresql", attack, attack_postgresql(doors, attack, tmp_path))


def test_after_all_attacks_on_postgresql_the_store_is_as_it_was(doors: Doors) -> None:
    database = Database(doors.store.url)
    assert verify(database, heads=[doors.store.heads]).findings == []
    database.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_page_lists_every_attack_and_no_other(engine: str) -> None:
    assert len(ATTACKS[engine]) >= LEAST
    wanted = [f"| {attack.who} | {attack.what} |" for attack in ATTACKS[engine]]
    assert [line[: len(start)] for line, start in zip(read_table(engine), wanted, strict=True)] == wanted
