"""What `docs/open-it.md` says holds: its Python and R run as they stand, its SQL and addresses are asked as the tools ask."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import psycopg
import pyarrow.csv
import pytest
from sqlalchemy import make_url
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from hub.api.app import create_app
from hub.cli import app as plantwide
from hub.odata.door import make_door
from hub.odata.settings import OdataSettings
from hub.store.database import Database
from hub.store.keys import create_key
from tests.api.factories import add_samples, add_thing
from tests.api.test_streaming import running
from tests.insight.mart_role import find_block, made_reader, odbc_source, read_page, require_driver
from tests.insight.plant import BATCHES, MARCH, fill
from tests.resolve.worlds import World

PAGE = read_page("open-it.md")
ELSEWHERE = {"TZ": "America/New_York", "PGTZ": "Asia/Kolkata"}
"""The zones of a tool's machine and of its session at the server: times must not depend on them."""
FIGURES = ("batch_key", "actual_end", "cycle_s", "yield_ratio")
YIELDS = [0.95, 0.90, 1.0, None]
ENDS = [MARCH + timedelta(days=day - 1, hours=hours) for _, _, day, hours, *_ in BATCHES]


@dataclass(frozen=True)
class Hub:
    """A hub on a port of loopback, and its store."""

    url: str
    key: str
    database: Database

    def ask(self, address: str, **headers: str) -> httpx2.Response:
        """Give the answer to an address that stands for `http://host:8000`."""
        with httpx2.Client(headers={"X-API-Key": self.key, **headers}) as client:
            answer = client.get(address.replace("http://host:8000", self.url))
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def hub(module_url: str) -> Iterator[Hub]:
    world = World(module_url, keeps=True)
    fill(world)
    database = Database(module_url)
    with database.begin("test") as connection:
        key = create_key(connection, name="tool", scopes=["read"])
        tag = add_thing(connection, "tag", "BR2000-01.TEMP", unit="Cel")
        add_samples(connection, tag, [36.0, 37.0, 38.0, 40.0], start=MARCH, step_s=1800)
    with running(create_app(database, doors=[make_door(OdataSettings(page_rows=3))])) as port:
        yield Hub(f"http://127.0.0.1:{port}", key, database)
    database.close()
    world.database.close()


@pytest.fixture
def facts(hub: Hub) -> list[dict[str, Any]]:
    """What the hub itself says of the batches: JSON of the collection, times as seconds since 1970."""
    items = hub.ask("http://host:8000/v1/collections/fact_batch?order=batch_key").json()["items"]
    rows = [{name: one[name] for name in FIGURES} for one in items]
    assert [(row["actual_end"], row["yield_ratio"]) for row in rows] == [
        (f"{end:%Y-%m-%dT%H:%M:%SZ}", value) for end, value in zip(ENDS, YIELDS, strict=True)
    ]
    return [{**row, "actual_end": datetime.fromisoformat(row["actual_end"]).timestamp()} for row in rows]


@pytest.fixture
def reader(hub: Hub) -> Iterator[URL]:
    if hub.database.dialect == "sqlite":
        pytest.skip("SQLite has no roles")
    with made_reader(hub.database.url) as url:
        yield url


# ------------------------------------------------------------------------------------------ Python
def test_the_python_of_the_page_reads_what_the_hub_says(
    hub: Hub, facts: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, Any] = {"URL": hub.url, "KEY": hub.key}
    exec(compile(find_block(PAGE, "python"), "open-it.md", "exec"), told)
    frame, yields, model = told["frame"], told["yields"], told["model"]
    assert [
        None if value is None else float(value) for value in told["batches"]["yield_ratio"].to_pylist()
    ] == YIELDS
    assert [at.timestamp() for at in frame["actual_end"]] == [row["actual_end"] for row in facts]
    assert frame["batch_key"].tolist() == [row["batch_key"] for row in facts]
    assert str(frame["right_first_time"].dtype).startswith("int"), "gaps make no floats of it"
    assert yields.rows() == [("P", 4, pytest.approx(0.95))]
    assert told["units"] == {"cqa:HCP": "ng/mg"}
    assert model["cqa:HCP"].dropna().to_dict() == {"B1": 20.0, "B3": 30.0, "B2": 120.0}
    assert "cqa:HCP" in capsys.readouterr().out


def test_the_files_of_the_star_open_as_the_page_says(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    if hub.database.dialect != "sqlite":
        pytest.skip("it speaks of a data folder")
    folder = Path(str(make_url(hub.database.url).database)).parent
    done = CliRunner().invoke(plantwide, ["star", "refresh", "--data", str(folder)])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = {"DATA": folder}
    exec(compile(find_block(PAGE, "python star"), "open-it.md", "exec"), told)
    assert told["batches"].sort("batch_key")["yield_ratio"].to_list() == YIELDS
    whole = pd.read_parquet(folder / "star" / "current" / "fact_batch").sort_values("batch_key")
    assert whole["yield_ratio"].dropna().tolist() == YIELDS[:3]
    assert "0.95" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------ Grafana
_MACRO = re.compile(r"\$__(\w+)\(([^)]*)\)")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def expand(question: str, since: datetime, until: datetime) -> str:
    """Put what Grafana's PostgreSQL data source puts for its macros; intervals are a number and a letter."""

    def put(found: re.Match[str]) -> str:
        column, *more = (part.strip() for part in found[2].split(","))
        match found[1]:
            case "timeFilter":
                return f"{column} BETWEEN '{since:%Y-%m-%dT%H:%M:%SZ}' AND '{until:%Y-%m-%dT%H:%M:%SZ}'"
            case "timeGroup" | "timeGroupAlias":
                number, letter = re.fullmatch(r"'(\d+)([mhdw])'", more[0]).groups()  # type: ignore[union-attr]
                seconds = int(number) * _SECONDS[letter]
                group = f"floor(extract(epoch from {column})/{seconds})*{seconds}"
                return group + (' AS "time"' if found[1] == "timeGroupAlias" else "")
            case other:
                raise AssertionError(other)

    return _MACRO.sub(put, question)


def ask_as(reader: URL, question: str) -> list[tuple[Any, ...]]:
    """Give the rows that the role gets."""
    with psycopg.connect(reader.render_as_string(hide_password=False)) as connection:
        return connection.execute(question.encode()).fetchall()


def midnight(at: datetime) -> float:
    return at.replace(hour=0, minute=0).timestamp()


def test_the_sql_that_grafana_sends_draws_a_series_a_product(reader: URL) -> None:
    question = expand(find_block(PAGE, "sql grafana"), MARCH, MARCH + timedelta(days=9))
    assert "$" not in question
    rows = [(float(at), metric, float(value)) for at, metric, value in ask_as(reader, question)]
    assert rows == sorted((midnight(ENDS[at]), "P", YIELDS[at]) for at in range(3))
    later = expand(find_block(PAGE, "sql grafana"), MARCH + timedelta(days=9), MARCH + timedelta(days=30))
    assert [row[1:] for row in ask_as(reader, later)] == [("P", None)]


def test_months_of_the_plant_s_calendar_are_points_of_a_series(reader: URL) -> None:
    question = expand(find_block(PAGE, "sql grafana months"), MARCH, MARCH + timedelta(days=30))
    assert ask_as(reader, question) == [(MARCH, 4)]


def test_weeks_of_the_macro_begin_on_thursdays(reader: URL) -> None:
    week = expand("SELECT $__timeGroup(b.actual_end, '1w') FROM fact_batch AS b", MARCH, MARCH)
    assert {datetime.fromtimestamp(float(at), UTC).isoweekday() for (at,) in ask_as(reader, week)} == {4}


def test_the_role_makes_no_temporary_table_either(reader: URL) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask_as(reader, "CREATE TEMPORARY TABLE mine AS SELECT 1 AS n")


def chosen(address: str, since: datetime, until: datetime) -> str:
    """Put the time range of a dashboard into an address, as Grafana writes it."""
    for name, at in (("from", since), ("to", until)):
        address = address.replace(f"${{__{name}:date:iso}}", f"{at:%Y-%m-%dT%H:%M:%S}.000Z")
    assert "$" not in address
    return address.strip()


def test_the_addresses_for_infinity_answer_as_it_asks(hub: Hub) -> None:
    until = MARCH + timedelta(hours=2)
    trend = hub.ask(chosen(find_block(PAGE, "text infinity csv"), MARCH, until), Accept="text/csv")
    rows = read_csv(trend.content)
    assert [(row["mean"], row["max"]) for row in rows] == [(36.5, 37.0), (39.0, 40.0)]
    asked = chosen(find_block(PAGE, "text infinity json"), MARCH, MARCH + timedelta(days=4))
    headers = {"Accept": "application/json;q=0.9,text/plain", "Content-Type": "application/json"}
    assert [one["code"] for one in hub.ask(asked, **headers).json()["items"]] == ["B1", "B3"]
    whole = hub.ask(asked.replace("&limit=1000", "&format=csv"), **headers)
    assert [one["code"] for one in read_csv(whole.content)] == ["B1", "B3"]


# ------------------------------------------------------------------------------------------ Excel
def read_csv(body: bytes) -> list[dict[str, Any]]:
    csv: Any = pyarrow.csv
    return csv.read_csv(pyarrow.BufferReader(body)).to_pylist()


def test_the_query_for_excel_asks_for_a_table_with_the_columns_that_it_types(hub: Hub) -> None:
    query = find_block(PAGE, "powerquery")
    (base,), (path,) = (
        re.findall(r'Web.Contents\("(.*?)"', query),
        re.findall(r'RelativePath = "(.*?)"', query),
    )
    asked = dict(re.findall(r'(\w+) = "(.*?)"', re.findall(r"Query = \[(.*)\]", query)[0]))
    address = f"{base}/{path}".replace("http://host:8000", hub.url)
    with httpx2.Client() as client:
        nobody = client.get(address, params=asked)
        assert (nobody.status_code, "Basic" in nobody.headers["WWW-Authenticate"]) == (401, True)
        answer = client.get(address, params=asked, auth=("anybody", hub.key))
        empty = client.get(address, params={**asked, "filter": "batch_key lt 0"}, auth=("me", hub.key))
    assert answer.headers["content-type"].startswith("text/csv")
    typed = re.findall(r'\{"(\w+)", type \w+\}', query)
    rows = read_csv(answer.content)
    assert len(rows) == 4
    assert set(typed) <= set(rows[0])
    assert empty.text.strip() == answer.text.split("\n")[0]


# ------------------------------------------------------------------------------------------ R
NEEDED = {
    "r doors": ("httr", "jsonlite"),
    "r mart": ("DBI", "RPostgreSQL", "jsonlite"),
    "r odbc": ("RODBC", "jsonlite"),
}
_TELL = """
figures <- function(rows) {
  stopifnot(inherits(rows$actual_end, "POSIXct"))
  rows$actual_end <- as.numeric(rows$actual_end)
  rows[c("batch_key", "actual_end", "cycle_s", "yield_ratio")]
}
cat("\\n", as.character(jsonlite::toJSON(list(%s), digits = NA, na = "null")), sep = "")
"""


def require_r(kind: str) -> None:
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (R for the page of tools)")
    if shutil.which("Rscript") is None:
        pytest.skip("peers: no Rscript (docs/open-it.md says how on Debian)")
    for name in NEEDED[kind]:
        asked = f'quit(status = !requireNamespace("{name}", quietly = TRUE))'
        if subprocess.run(["Rscript", "--vanilla", "-e", asked], check=False, capture_output=True).returncode:
            pytest.skip(f"peers: R has no package {name} (docs/open-it.md says how on Debian)")


def run_r(kind: str, folder: Path, code: str, frames: str, **environment: str) -> tuple[str, Any]:
    """Run a block of the page, elsewhere in the world; give what it printed and its data frames as rows."""
    require_r(kind)
    (folder / "page.R").write_text(code + _TELL % frames, encoding="utf-8")
    done = subprocess.run(
        ["Rscript", "--vanilla", "page.R"],
        cwd=folder,
        env={**os.environ, **ELSEWHERE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed, _, told = done.stdout.rpartition("\n")
    return printed, json.loads(told)


@pytest.mark.peers
def test_the_r_of_the_page_reads_csv_and_the_feed(
    hub: Hub, facts: list[dict[str, Any]], tmp_path: Path
) -> None:
    printed, told = run_r(
        "r doors",
        tmp_path,
        find_block(PAGE, "r doors"),
        "csv = figures(batches), feed = figures(feed)",
        HUB_URL=hub.url,
        HUB_KEY=hub.key,
    )
    assert told["csv"] == facts
    assert told["feed"] == facts
    assert re.search(r"^1 +P +0.95$", printed, re.MULTILINE)


@pytest.mark.peers
def test_the_r_of_the_page_reads_the_mart(reader: URL, facts: list[dict[str, Any]], tmp_path: Path) -> None:
    code = find_block(PAGE, "r mart").replace(
        '"db.plant.example", port = 5432', f'"{reader.host}", port = {reader.port or 5432}'
    )
    code = code.replace('dbname = "plantwide"', f'dbname = "{reader.database}"')
    _, told = run_r("r mart", tmp_path, code, "mart = figures(facts)", PGPASSWORD=str(reader.password))
    assert told["mart"] == facts


@pytest.mark.peers
def test_the_r_of_the_page_reads_the_mart_by_odbc(
    reader: URL, facts: list[dict[str, Any]], tmp_path: Path
) -> None:
    require_driver()
    (tmp_path / "odbc.ini").write_text(odbc_source(reader), encoding="utf-8")
    _, told = run_r(
        "r odbc",
        tmp_path,
        find_block(PAGE, "r odbc"),
        "mart = figures(facts)",
        PGPASSWORD=str(reader.password),
        ODBCINI=str(tmp_path / "odbc.ini"),
    )
    assert told["mart"] == facts
