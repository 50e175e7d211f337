"""On PostgreSQL the hub works under a role that cannot touch its audit trail."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from hub.store.database import Database
from hub.store.reads.notebook import Read
from hub.store.reads.writing import forget_reads, write_reads
from hub.store.roles import NotTheOwner, write_roles
from hub.store.seal.verification import verify
from hub.store.upgrade import ensure_current
from tests.journeys.command import run_plantwide
from tests.journeys.projects import files_of, write_project
from tests.journeys.projects import serving as serving_files
from tests.journeys.serving import serving

REFUSED = {
    "insert": "INSERT INTO audit_event SELECT * FROM audit_event WHERE false",
    "update": "UPDATE audit_event SET actor = 'x'",
    "delete": "DELETE FROM audit_event",
    "truncate": "TRUNCATE audit_event",
    "source record": "UPDATE source_record SET payload = ''",
    "leaf": "DELETE FROM audit_leaf",
    "head": "UPDATE tree_head SET root = ''",
    "disabled trigger": "ALTER TABLE source_record DISABLE TRIGGER ALL",
    "replica role": "SET session_replication_role = replica",
    "drop": "DROP TABLE audit_event",
    "function": "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "table": "CREATE TABLE stranger (n integer)",
    "units": "UPDATE unit SET factor = 1",
    "migration": "UPDATE alembic_version SET version_num = '0001'",
    "read": "UPDATE read_event SET actor = 'x'",
    "sequence": "SELECT nextval('audit_event_id_seq')",
}


@pytest.fixture
def application_url(migrated_postgres_url: str, postgres_server: URL) -> Iterator[str]:
    """URL of a migrated database for a role with the application's rights and no other."""
    role = f"plantwide_app_{uuid.uuid4().hex[:8]}"
    owner = Database(migrated_postgres_url)
    with owner.begin() as connection:
        for statement in list(write_roles(connection, application=role)):
            connection.exec_driver_sql(statement)
    owner.close()
    yield make_url(migrated_postgres_url).set(username=role).render_as_string(hide_password=False)
    plain = postgres_server.set(drivername="postgresql")
    for database in (make_url(migrated_postgres_url).database, postgres_server.database):
        url = plain.set(database=database).render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
    with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_hub_reads_resolves_seals_and_serves_under_the_applications_role(
    application_url: str, tmp_path: Path
) -> None:
    project, key_file = tmp_path / "project", str(tmp_path / "audit.pem")
    write_project(project, batches=2)

    def run(*words: str | Path) -> str:
        return run_plantwide(
            *words, folder=tmp_path, PLANTWIDE_DATABASE=application_url, PLANTWIDE_AUDIT_KEY=key_file
        )

    with serving_files(files_of(project)) as port:
        sync = ("source", "sync", "--all", "--config", project, "--set", f"port={port}")
        assert "batch" in run(*sync)
        assert "nothing new" in run(*sync)
    run("db", "rebuild")
    key = run("key", "create", "reader").strip()
    with serving("serve", folder=tmp_path, PLANTWIDE_DATABASE=application_url) as hub:
        answer = httpx2.get(f"{hub.await_line('serving on ')}/v1/batches", headers={"X-API-Key": key})
        assert answer.status_code == 200
        assert len(answer.json()["items"]) >= 2
    assert "all is well" in run("audit", "verify")


def test_the_applications_role_can_touch_neither_the_trail_nor_its_guards(application_url: str) -> None:
    database = Database(application_url)
    refused = []
    for name, statement in REFUSED.items():
        with (
            pytest.raises(DBAPIError, match=r"(?i)denied|must be owner|append-only"),
            database.begin("x") as one,
        ):
            one.exec_driver_sql(statement)
        refused.append(name)
    assert refused == list(REFUSED)
    assert verify(database).findings == []
    database.close()


def test_the_applications_role_notes_reads_and_lets_go_of_those_whose_time_is_over(
    application_url: str,
) -> None:
    database = Database(application_url)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    write_reads(database, [Read("read", long_ago, long_ago)], node="x", keep=timedelta(days=1))
    write_reads(database, [Read("read", long_ago, long_ago)], node="x", keep=None)
    assert forget_reads(database, now=datetime.now(UTC)) == 1
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM read_event")
    database.close()


def test_the_applications_role_is_told_when_the_owner_must_upgrade(
    application_url: str, migrated_postgres_url: str
) -> None:
    owner, application = Database(migrated_postgres_url), Database(application_url)
    assert ensure_current(application) == []
    with owner.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER guard_source_record ON source_record")
    told = "trigger guard_source_record is missing: the store lacks .* with the owner's --database"
    with pytest.raises(NotTheOwner, match=told):
        ensure_current(application)
    assert ensure_current(owner) == ["trigger guard_source_record is missing"]
    assert ensure_current(application) == []
    owner.close()
    application.close()
