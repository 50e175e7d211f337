"""The star: one row a thing or event, each counted once, equal on both engines; a reader sees its sites only."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from hub.store.database import Database
from hub.store.mart.installation import SCHEMA, VIEWS, is_mart_current
from hub.store.mart.readers import NoSuchSite, set_sites, write_reader
from hub.store.upgrade import ensure_current, install_derived, remove_derived
from tests.api.factories import add_assertion, add_record, add_system, add_thing
from tests.databases import ENGINES
from tests.insight.plant import BATCHES, fill
from tests.resolve.worlds import World

Rows = list[dict[str, Any]]
KEYS = ("_key", "_at", "_start", "_end", "uid", "path")
"""Columns whose values are the store's own, or that the engines spell each in their way."""


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    fill(one)
    yield one
    one.database.close()


def read(database: Database, view: str) -> Rows:
    schema = "" if database.dialect == "sqlite" else f"{SCHEMA}."
    with database.read() as connection:
        rows = connection.exec_driver_sql(f"SELECT * FROM {schema}{view}")
        return [dict(row) for row in rows.mappings()]


def plain(rows: Rows) -> list[tuple[tuple[str, Any], ...]]:
    """Give rows by what both engines must agree on, in an order of their own."""
    return sorted(
        (
            tuple(
                (k, round(float(v), 6) if isinstance(v, int | float) else v)
                for k, v in row.items()
                if not k.endswith(KEYS)
            )
            for row in rows
        ),
        key=repr,
    )


def test_a_batch_is_a_row_with_its_times_sizes_and_verdicts(world: World) -> None:
    rows = {row["cycle_s"]: row for row in read(world.database, "fact_batch")}
    assert sorted(rows) == sorted(float(b[3]) * 3600 for b in BATCHES)
    first, second = rows[48 * 3600.0], rows[50 * 3600.0]
    assert (first["start_day"], first["end_day"], first["release_day"]) == (20260302, 20260304, 20260314)
    assert (first["yield_ratio"], first["right_first_time"], first["otif"]) == (0.95, 1, 0)
    assert (second["deviations"], second["oos_results"], second["right_first_time"]) == (2, 1, None)


def test_every_day_between_the_first_and_the_last_is_a_row_with_its_iso_week(world: World) -> None:
    days = {row["day_key"]: row for row in read(world.database, "dim_time")}
    assert {20260228, 20260301, 20260327} <= set(days)
    last = days[20260301]
    assert (last["iso_year"], last["iso_week"], last["iso_weekday"], last["quarter"]) == (2026, 9, 7, 1)
    assert last["year_month"] == "2026-03"


def test_equipment_knows_its_site(world: World) -> None:
    rows = {row["code"]: row["site"] for row in read(world.database, "dim_equipment")}
    assert rows == {"LEE": None, "CRK": "CRK", "BR-1": "CRK", "BSL": "BSL", "BR-2": "BSL"}


def test_both_engines_give_the_same_numbers_in_every_view(
    world: World, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if world.database.dialect == "sqlite":
        pytest.skip("compared in the other half")
    other = World(f"sqlite:///{_copy(request, tmp_path_factory)}", keeps=True)
    fill(other)
    for view in VIEWS:
        assert plain(read(other.database, view)) == plain(read(world.database, view)), view
    other.database.close()


def _copy(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> str:
    import shutil

    source = request.getfixturevalue("migrated_sqlite")
    target = folders.mktemp("other") / "hub.db"
    shutil.copyfile(source, target)
    return str(target)


@pytest.mark.parametrize("engine", ENGINES)
def test_views_that_are_not_the_code_s_are_made_anew_at_a_start(
    request: pytest.FixtureRequest, engine: str
) -> None:
    url = request.getfixturevalue(f"{engine}_url" if engine == "sqlite" else "migrated_postgres_url")
    database = Database(url)
    ensure_current(database)
    schema = "" if engine == "sqlite" else f"{SCHEMA}."
    with database.rebuild() as connection:
        connection.exec_driver_sql(f"DROP VIEW {schema}fact_batch")
        connection.exec_driver_sql(f"CREATE VIEW {schema}fact_batch AS SELECT 1 AS batch_key")
        if engine == "postgresql":
            connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS 'of an older version'")
    with database.read() as connection:
        assert not is_mart_current(connection)
    ensure_current(database)
    with database.read() as connection:
        assert is_mart_current(connection)
    database.close()


# ------------------------------------------------------------------------------------------ readers
@pytest.fixture
def reader(world: World) -> Iterator[str]:
    """A role that may read the mart, and is gone afterwards."""
    if world.database.dialect == "sqlite":
        pytest.skip("SQLite has no roles")
    role = f"mart_test_reader_{os.getpid()}"  # roles are of the whole server
    with world.database.begin("test") as connection:
        for statement in write_reader(connection, role):
            connection.exec_driver_sql(statement)
    yield role
    with psycopg.connect(_plain(world.database.url), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def see(world: World, role: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(_plain(world.database.url)) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        return connection.execute(query.encode()).fetchall()


def let_see(world: World, role: str, sites: list[str] | None) -> None:
    with world.database.begin("test") as connection:
        set_sites(connection, role, sites)


def test_a_reader_sees_the_rows_of_its_sites_and_nothing_before_it_has_any(world: World, reader: str) -> None:
    query = f"SELECT count(*) FROM {SCHEMA}.fact_batch"
    assert see(world, reader, query) == [(0,)]
    let_see(world, reader, ["CRK"])
    assert see(world, reader, query) == [(2,)]
    assert see(world, reader, f"SELECT code FROM {SCHEMA}.dim_site") == [("CRK",)]
    assert see(world, reader, f"SELECT count(*) FROM {SCHEMA}.fact_test_result") == [(2,)]
    let_see(world, reader, None)
    assert see(world, reader, query) == [(4,)]
    shared = len(read(world.database, "dim_material"))
    let_see(world, reader, ["BSL"])
    assert see(world, reader, f"SELECT count(*) FROM {SCHEMA}.dim_material") == [(shared,)]


def test_a_reader_can_neither_widen_its_sites_nor_look_behind_the_views(world: World, reader: str) -> None:
    let_see(world, reader, ["CRK"])
    for attempt in (
        "SELECT count(*) FROM batch",
        "SELECT count(*) FROM public.mart_reader",
        f"UPDATE {SCHEMA}.dim_site SET code = 'X'",
        f"CREATE VIEW {SCHEMA}.mine AS SELECT 1",
    ):
        with pytest.raises(psycopg.Error):
            see(world, reader, attempt)


def test_a_reader_reads_on_after_an_upgrade_has_made_the_views_anew(world: World, reader: str) -> None:
    let_see(world, reader, None)
    views = (*VIEWS, "v_conflict")
    before = [see(world, reader, f"SELECT count(*) FROM {SCHEMA}.{view}") for view in views]
    with world.database.rebuild() as connection:
        remove_derived(connection)
        install_derived(connection)
    assert [see(world, reader, f"SELECT count(*) FROM {SCHEMA}.{view}") for view in views] == before
    with world.database.begin("test") as connection:
        connection.exec_driver_sql(f"REVOKE USAGE ON SCHEMA {SCHEMA} FROM {reader}")
        connection.exec_driver_sql(f"REVOKE SELECT ON ALL TABLES IN SCHEMA {SCHEMA} FROM {reader}")
    with world.database.rebuild() as connection:
        install_derived(connection)
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {reader}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        see(world, reader, f"SELECT count(*) FROM {SCHEMA}.dim_site")


def test_what_sources_disagree_about_is_shown_to_readers_of_all_sites(world: World, reader: str) -> None:
    with world.database.begin("test") as connection:
        person = add_thing(connection, "person", "DISPUTED")
        for code in ("disputing-1", "disputing-2"):
            system = add_system(connection, code)
            record = add_record(connection, system)
            add_assertion(
                connection,
                "person",
                person,
                "name",
                system=system,
                record=record,
                value=code,
                in_conflict=True,
            )
    query = f"SELECT code, attribute, sources FROM {SCHEMA}.v_conflict WHERE code = 'DISPUTED'"
    for sites, shown in ((["CRK"], []), (None, [("DISPUTED", "name", 2)])):
        let_see(world, reader, sites)
        assert see(world, reader, query) == shown


def test_a_function_of_the_reader_s_own_is_shown_no_row_of_another_site(world: World, reader: str) -> None:
    let_see(world, reader, ["CRK"])
    with psycopg.connect(_plain(world.database.url)) as connection:
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(reader)))
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(reader)))
        connection.execute(
            "CREATE FUNCTION public.peep(bigint) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS"
            " 'BEGIN RAISE NOTICE ''seen %', $1; RETURN true; END'".replace(
                "''seen %'", "''seen %''"
            ).encode()
        )
        told: list[str] = []
        connection.add_notice_handler(lambda said: told.append(said.message_primary or ""))
        rows = connection.execute(f"SELECT * FROM {SCHEMA}.fact_batch WHERE public.peep(batch_key)".encode())
        assert len(rows.fetchall()) == 2
        assert len(told) == 2
        connection.rollback()


def test_a_site_that_nobody_knows_is_refused(world: World, reader: str) -> None:
    with pytest.raises(NoSuchSite, match="there is no site XXX"):
        let_see(world, reader, ["CRK", "XXX"])
