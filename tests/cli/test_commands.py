"""What a person types: every command does what its help says, and a wrong word gets a clear answer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.cli import serving as serve_command
from tests.databases import ENGINES
from tests.journeys.projects import Project, files_of, serving, write_project

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder of this test's own."""
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return invoke


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the commands keep their state: in a data folder, or in a database that the settings name."""
    if request.param == "postgresql":
        monkeypatch.setenv("PLANTWIDE_DATABASE", request.getfixturevalue("postgres_url"))
    return request.param


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("cli")
    write_project(folder, batches=1)
    with serving(files_of(folder)) as port:
        yield Project(folder, port)


@pytest.fixture
def known(project: Project) -> tuple[str, ...]:
    """The options that name the project."""
    return ("--config", str(project.folder), "--set", f"port={project.port}")


# ---------------------------------------------------------------------------------------- the tree
@pytest.mark.parametrize(
    "words", [(), *[(w,) for w in ("source", "connector", "quarantine", "conflict", "rule", "key", "db")]]
)
def test_a_command_without_a_verb_shows_its_verbs(run: Run, words: tuple[str, ...]) -> None:
    shown = run(*words, "--help")
    assert shown.exit_code == 0
    assert "Commands" in shown.output


def test_the_version_is_the_installed_one(run: Run) -> None:
    assert run("--version").output.strip().count(".") >= 2


def test_init_writes_a_project_and_keeps_what_is_there(run: Run, tmp_path: Path) -> None:
    first = run("init", "plant")
    assert first.exit_code == 0
    written = sorted(p.relative_to(tmp_path / "plant") for p in (tmp_path / "plant").rglob("*.*"))
    names = ("identity.yaml", "plantwide.toml", "rules.yaml", "sources/mes.yaml.example")
    assert written == [Path(name) for name in names]
    (tmp_path / "plant" / "identity.yaml").write_text("normalised: {}\n")
    second = run("init", "plant")
    assert "wrote" not in second.output
    assert (tmp_path / "plant" / "identity.yaml").read_text() == "normalised: {}\n"


def test_init_where_nothing_can_be_written_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plant").write_text("a file")
    done = run("init", "plant")
    assert done.exit_code == 1
    assert "cannot write plant" in done.output


# ----------------------------------------------------------------------------------------- sources
def test_a_project_is_checked_discovered_read_and_listed(
    run: Run, engine: str, known: tuple[str, ...]
) -> None:
    checked = run("source", "check", "--all", *known)
    assert checked.exit_code == 0, checked.output
    assert [line.split()[:2] for line in checked.output.splitlines()] == [
        ["lims", "ok"],
        ["mes", "ok"],
        ["press", "ok"],
    ]
    assert "press.force" in run("source", "discover", "press", *known).output
    assert "documents" in run("source", "discover", "mes", *known).output
    read = run("source", "sync", "--all", *known)
    assert read.exit_code == 0, read.output
    assert "8,640 samples" in read.output
    again = run("source", "sync", "--all", *known)
    assert again.output.count("nothing new") == 5
    assert "resolved 0 statements" in again.output
    listed = json.loads(run("source", "list", "--json", *known).output)
    assert {s["code"]: [t["state"] for t in s["streams"]] for s in listed} == {
        "lims": ["idle", "idle"],
        "mes": ["idle"],
        "press": ["idle", "idle"],
    }
    newest = {t["name"]: t["newest_at"] is not None for s in listed for t in s["streams"]}
    assert {name for name, is_told in newest.items() if is_told} == {"samples"}
    told = run("source", "list", *known).output
    assert "last read 20" in told
    assert "8,640 samples, the newest " in told
    assert "8,640 samples" in told
    assert " s ago" in told or " min ago" in told
    assert "next in " in told or "due now" in told


def test_backfill_fetches_only_the_span_that_is_asked_for(
    run: Run, engine: str, known: tuple[str, ...]
) -> None:
    span = ("--since", "2026-03-01T00:00:00Z", "--until", "2026-03-01T01:00:00Z")
    done = run("source", "backfill", "press", *span, "--json", *known)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["holds"]["samples"] == 120
    again = run("source", "backfill", "press", *span, "--json", *known)
    assert json.loads(again.output)["holds"]["samples"] == 120


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("source", "sync"), "name a source or give --all; known: lims, mes, press"),
        (("source", "sync", "erp"), "no source 'erp'"),
        (("source", "discover", "erp"), "no source 'erp'"),
        (("source", "backfill", "erp", "--since", "2026-03-01T00:00:00Z"), "no source 'erp'"),
        (("source", "backfill", "press", "--since", "yesterday"), "yesterday"),
        (("source", "backfill", "press", "--since", "2026-03-01T00:00:00"), "has no zone"),
        (("quarantine", "replay", "erp"), "no source 'erp'"),
        (("source", "sync", "--all", "--set", "port"), "write name=value"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_wrong_word_gets_a_clear_answer(
    run: Run, known: tuple[str, ...], words: tuple[str, ...], says: str
) -> None:
    done = run(*words, *known)
    assert done.exit_code in {1, 2}
    assert says in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_folder_without_sources_and_a_placeholder_without_value_say_what_to_do(
    run: Run, project: Project
) -> None:
    empty = run("source", "check", "--config", "nowhere")
    assert "run `plantwide init` there, or give --config" in empty.output
    unset = run("source", "check", "--config", str(project.folder))
    assert "placeholder ${port} has no value" in unset.output
    assert "--set port=" in unset.output


def test_a_source_that_does_not_answer_fails_the_check(run: Run, project: Project) -> None:
    done = run("source", "check", "lims", "--config", str(project.folder), "--set", "port=9")
    assert done.exit_code == 1
    assert "lims         FAILED" in done.output


def test_wrong_settings_name_the_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTWIDE_PORT", "high")
    done = run("db", "upgrade")
    assert done.exit_code == 1
    assert "plantwide: settings:" in done.output
    assert "port" in done.output


# -------------------------------------------------------------------------------------- quarantine
def test_quarantine_is_listed_and_replayed(run: Run, engine: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    broken = tmp_path / "docs" / "broken.xml"
    broken.write_text("<BatchProductionRecord")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "mes.yaml").write_text(
        "code: mes\nkind: MES\nconnector: b2mml\nsettings: {folder: '${config}/docs'}\n"
    )
    assert run("source", "sync", "mes").exit_code == 0
    listed = run("quarantine", "list")
    assert "broken.xml" in listed.output
    assert "1 open" in listed.output
    (entry,) = json.loads(run("quarantine", "list", "--json").output)
    assert (entry["source"], entry["payload"]) == ("mes", "<BatchProductionRecord")
    assert "tried 1, released 0, still open 1" in run("quarantine", "replay").output
    assert "0 open" in run("quarantine", "list", "erp").output


# ---------------------------------------------------------------------------------------- keys, db
def test_a_key_is_shown_once_listed_and_revoked(run: Run, engine: str) -> None:
    made = run("key", "create", "analyst", "--scope", "read", "--scope", "operate")
    key = made.output.strip()
    assert made.exit_code == 0
    assert key.startswith("pw_")
    listed = run("key", "list").output
    assert "active" in listed
    assert "operate, read" in listed
    assert key.split("_", 2)[2] not in listed
    public = key.split("_")[1]
    assert "is revoked" in run("key", "revoke", public).output
    assert "revoked" in run("key", "list").output
    twice = run("key", "revoke", public)
    assert twice.exit_code == 1
    assert "see `plantwide key list`" in twice.output


def test_a_key_gets_roles_as_well_as_scopes(run: Run) -> None:
    made = run("key", "create", "ada", "--role", "steward", "--role", "reviewer", "--scope", "deliver:lab")
    assert made.exit_code == 0, made.output
    assert "deliver:lab, role:reviewer, role:steward" in run("key", "list").output
    refused = run("key", "create", "eve", "--role", "owner")
    assert refused.exit_code == 1
    assert "reader, analyst, steward, reviewer, author, admin, agent" in refused.output


@pytest.mark.parametrize(
    ("issuer", "roles", "word"),
    [
        ("http://login.example", '{"a": "reader"}', "oidc_issuer"),
        ("https://login.example", "{}", "oidc_roles"),
    ],
)
def test_a_hub_whose_issuer_cannot_be_meant_does_not_serve(
    run: Run, monkeypatch: pytest.MonkeyPatch, issuer: str, roles: str, word: str
) -> None:
    monkeypatch.setenv("PLANTWIDE_OIDC_ISSUER", issuer)
    monkeypatch.setenv("PLANTWIDE_OIDC_AUDIENCE", "plantwide")
    monkeypatch.setenv("PLANTWIDE_OIDC_ROLES", roles)
    done = run("serve", "--no-read")
    assert done.exit_code == 1
    assert f"plantwide: {word}: " in done.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--no-read",), "sources are not read (--no-read)"),
        (("--config", "nowhere"), "no sources in nowhere"),
    ],
)
def test_a_hub_that_reads_no_source_says_why(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], why: str
) -> None:
    monkeypatch.setenv("PLANTWIDE_CONFIG", str(project.folder))
    monkeypatch.setattr(serve_command, "serve_hub", lambda *_, **__: None)
    assert run("serve", *words).output == f"serving what the store holds; {why}\n"


def test_a_scope_that_does_not_exist_makes_no_key(run: Run, engine: str) -> None:
    done = run("key", "create", "analyst", "--scope", "everything")
    assert done.exit_code == 1
    assert "read, operate, admin" in done.output
    assert run("key", "list").output == ""


def test_the_store_is_upgraded_dumped_and_rebuilt_to_the_same_bytes(
    run: Run, engine: str, known: tuple[str, ...]
) -> None:
    assert f"{engine}: current" in run("db", "upgrade").output
    run("source", "sync", "--all", *known)
    before = run("db", "dump", "--canonical").output
    assert '"B26-0000"' in before
    done = run("db", "rebuild")
    assert done.exit_code == 0, done.output
    assert "statements again" in done.output
    assert run("db", "dump", "--canonical").output == before


def test_doctor_finds_a_healthy_hub_and_a_missing_trigger(run: Run, engine: str) -> None:
    run("db", "upgrade")
    healthy = run("doctor")
    assert healthy.exit_code == 0, healthy.output
    assert "append-only triggers are in place" in healthy.output
    name = {"sqlite": "guard_audit_event_update", "postgresql": "guard_audit_event"}[engine]
    drop = {"sqlite": f"DROP TRIGGER {name}", "postgresql": f"DROP TRIGGER {name} ON audit_event"}[engine]
    store = create_engine(os.environ.get("PLANTWIDE_DATABASE", "sqlite:///plantwide-data/hub.db"))
    with store.begin() as connection:
        connection.exec_driver_sql(drop)
    store.dispose()
    ill = run("doctor")
    assert ill.exit_code == 1
    assert f"{name} is missing; run `plantwide audit verify`, then `plantwide db upgrade`" in ill.output
    run("db", "upgrade")
    assert run("doctor").exit_code == 0


def test_doctor_finds_nothing_wrong_before_there_is_a_store(run: Run) -> None:
    done = run("doctor")
    assert done.exit_code == 0
    assert "no store yet in plantwide-data" in done.output


def test_a_database_that_does_not_answer_is_told_in_one_line(run: Run) -> None:
    done = run("db", "upgrade", "--database", "postgresql://nobody@127.0.0.1:9/nothing")
    assert done.exit_code == 1
    assert "plantwide: the database does not answer" in done.output
    assert "start it, or correct its address" in done.output


def test_a_data_folder_in_use_is_not_written_by_another_process(run: Run, tmp_path: Path) -> None:
    from hub.shift.folder import locked_folder

    with locked_folder(tmp_path / "plantwide-data"):
        done = run("db", "upgrade")
    assert done.exit_code == 1
    assert "another plantwide process works in plantwide-data" in done.output


# -------------------------------------------------------------------------------------- connectors
def test_installed_connectors_are_listed_with_what_they_read(run: Run) -> None:
    lines = {line.split()[0]: line for line in run("connector", "list").output.splitlines()}
    assert {"b2mml", "sap_odata", "rest", "files", "opcua"} <= lines.keys()
    assert "records, samples" in lines["files"]


@pytest.mark.parametrize("name", ["Acme", "1st", "a-b", ""])
def test_a_bad_connector_name_is_refused(run: Run, name: str) -> None:
    done = run("connector", "new", name)
    assert done.exit_code == 1
    assert "is no connector name" in done.output


def test_a_new_connector_passes_its_own_tests(run: Run, tmp_path: Path) -> None:
    assert run("connector", "new", "acme_lims").exit_code == 0
    package = tmp_path / "plantwide-acme-lims"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package / "tests")],
        cwd=package,
        env={"PYTHONPATH": f"{package}:{Path(__file__).parents[2]}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    again = run("connector", "new", "acme_lims")
    assert "exists already" in again.output
