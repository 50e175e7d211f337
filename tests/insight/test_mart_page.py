"""What `docs/mart.md` says holds: the role, the question on both engines, ODBC, and the Python."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from hub.cli import app
from tests.insight import superset
from tests.insight.mart_role import ROLE, find_block, made_reader, odbc_source, read_page, require_driver
from tests.insight.plant import fill
from tests.resolve.worlds import World

PAGE = read_page("mart.md")


def block(kind: str) -> str:
    """Give the one block of a kind."""
    return find_block(PAGE, kind)


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    fill(one)
    yield one
    one.database.close()


def test_the_question_of_the_page_counts_what_the_plant_made(world: World) -> None:
    question = block("sql question")
    if world.database.dialect == "postgresql":
        question = re.sub(r"(?<=\s)(fact|dim)_", r"mart.\1_", question)
    with world.database.read() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(question)]
    (row,) = rows
    assert row[:3] == ("P", "2026-03", 4)
    assert float(row[3]) == pytest.approx((48 + 50 + 60 + 40) / 4)
    assert float(row[4]) == pytest.approx((0.95 + 0.90 + 1.0) / 3)


def test_the_python_of_the_page_prints_its_rows(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    if world.database.dialect != "sqlite":
        pytest.skip("it speaks of the embedded hub")
    folder = Path(str(make_url(world.database.url).database)).parent
    exec(compile(block("python"), "mart.md", "exec"), {"DATA": folder, "QUESTION": block("sql question")})
    assert "2026-03 4 49.5" in capsys.readouterr().out


def test_the_files_of_the_page_are_written_by_its_command_and_read_by_its_question(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    if world.database.dialect != "sqlite":
        pytest.skip("it speaks of the embedded hub")
    folder = Path(str(make_url(world.database.url).database)).parent
    missing = CliRunner().invoke(app, ["star", "stats", "--data", str(folder)])
    assert missing.exit_code == 1
    assert "plantwide star refresh" in missing.output
    for told in ("files written, 0 kept", "0 files written"):
        done = CliRunner().invoke(app, ["star", "refresh", "--data", str(folder)])
        assert done.exit_code == 0, done.output
        assert told in done.output
    shown = CliRunner().invoke(app, ["star", "stats", "--data", str(folder)])
    assert re.search(r"^fact_batch +4 rows in 1 files$", shown.output, re.MULTILINE)
    exec(compile(block("python files"), "mart.md", "exec"), {"DATA": folder})
    assert "P 2026-03 4" in capsys.readouterr().out


@pytest.fixture
def reader(world: World) -> Iterator[URL]:
    """The role, made as the page says."""
    if world.database.dialect == "sqlite":
        pytest.skip("SQLite has no roles")
    with made_reader(world.database.url) as url:
        yield url


def test_the_role_of_the_page_reads_the_question_as_it_stands(reader: URL) -> None:
    with psycopg.connect(reader.render_as_string(hide_password=False)) as connection:
        rows: list[Any] = connection.execute(block("sql question").encode()).fetchall()
        assert [row[:3] for row in rows] == [("P", "2026-03", 4)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE mine (n int)")


def test_a_tool_that_speaks_odbc_reads_it_and_writes_nothing(reader: URL, tmp_path: Path) -> None:
    require_driver()
    (tmp_path / "odbc.ini").write_text(odbc_source(reader), encoding="utf-8")

    def ask(question: str) -> str:
        done = subprocess.run(
            ["isql", "plantwide", ROLE, str(reader.password), "-b", "-d,", "-v"],
            input=" ".join(question.split()) + "\n",
            env={**os.environ, "ODBCINI": str(tmp_path / "odbc.ini")},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    assert "P,2026-03,4,49.5" in ask(block("sql question"))
    assert "only select statements are allowed" in ask("CREATE TABLE mine (n int)")


@pytest.mark.peers
def test_superset_draws_the_question_and_asks_it_in_sql_lab(reader: URL, tmp_path: Path) -> None:
    programs = superset.install(tmp_path)
    with superset.running(programs, tmp_path) as there:
        address = reader.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        database = there.add_database(address)
        table = there.add_dataset(database, "fact_batch")
        assert there.draw(table, by=["equipment_key"], column="batch_key", how="COUNT") != []
        named = there.add_dataset(database, "batches by month", question=block("sql question"))
        assert there.draw(named, by=["product", "month"], column="batches", how="SUM") == [
            {"product": "P", "month": "2026-03", "figure": 4}
        ]
        (row,) = there.ask(database, block("sql question"))
        assert (row["product"], row["month"], row["batches"], row["cycle_hours"]) == ("P", "2026-03", 4, 49.5)
        refused = there.client.post(
            "/api/v1/sqllab/execute/",
            json={"database_id": database, "sql": "CREATE TABLE mine (n int)", "runAsync": False},
        )
        assert not refused.is_success
