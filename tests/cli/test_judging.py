"""Rules and conflicts at the terminal: what is listed, what a decision does, what is refused and why."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.model import Batch, Identifier, Quantity
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Database
from hub.store.statements import Told, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system
from tests.journeys.projects import files_of, serving, write_project
from tests.resolve.worlds import NOW

Run = Callable[..., Result]
PLACE = ("batch", "B1", "actual_size")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite: Path) -> Run:
    """Run a command on a store in which MES and ERP disagree about one batch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plantwide-data").mkdir()
    shutil.copyfile(migrated_sqlite, tmp_path / "plantwide-data" / "hub.db")
    database = Database.embedded(tmp_path / "plantwide-data")
    prepare(database, now=NOW)
    for code, kind, size in (("mes", "MES", "117.3"), ("erp", "ERP", "118.2")):
        record = Batch(id=Identifier(scheme="erp:batch", value="B1"), actual_size=Quantity.of(size, "kg"))
        told = Told(
            object_type="doc",
            source_key="1",
            payload=size,
            media_type="text/plain",
            version=1,
            source_time=NOW,
            said=[state(code, record)],
        )
        with database.begin("test") as connection:
            system = ensure_system(connection, code, kind, now=NOW)
            store_documents(
                connection, system_id=system.id, stream="s", connector="t/1", documents=[told], now=NOW
            )
    resolve(database)
    database.close()

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    return invoke


def lines(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_a_conflict_is_listed_settled_shown_and_opened_again(run: Run) -> None:
    before = lines(run("db", "dump", "--canonical"))
    listed = lines(run("conflict", "list"))
    assert listed == [
        "batch B1 actual_size: open (rule batch/actual_size v1)",
        "    erp            118.2 kg  counts",
        "    mes            117.3 kg (-0.9 kg)  differs",
        "1 open",
    ]
    settled = lines(run("conflict", "resolve", *PLACE, "--counts", "mes", "--reason", "the scale was read"))
    assert settled[:3] == [
        "batch B1 actual_size: resolved (rule batch/actual_size v1)",
        "    erp            118.2 kg (+0.9 kg)  settled",
        "    mes            117.3 kg  counts",
    ]
    assert settled[3].startswith("    mes counts, by cli:")
    assert settled[3].endswith(": the scale was read")
    assert lines(run("conflict", "list")) == ["0 open"]
    (found,) = json.loads(run("conflict", "list", "--state", "resolved", "--batch", "B1", "--json").output)
    assert found["decision"]["judged"] == [
        {"source": "erp", "value": {"value": 118.2, "unit": "kg"}},
        {"source": "mes", "value": {"value": 117.3, "unit": "kg"}},
    ]
    assert lines(run("conflict", "reopen", *PLACE, "--reason", "it was another scale"))[0].endswith(
        "open (rule batch/actual_size v1)"
    )
    assert lines(run("db", "dump", "--canonical")) == before
    assert "decision 1 (reversed): mes counts" in run("conflict", "show", *PLACE).output


def test_a_rule_is_set_listed_and_has_a_history(run: Run) -> None:
    done = run(
        "rule", "set", "batch", "actual_size", "--order", "mes,ERP", "--absolute", "1", "--unit", "kg",
        "--reason", "the scale is calibrated",
    )  # fmt: skip
    assert lines(done) == ["batch/actual_size version 2: in force"]
    assert lines(run("conflict", "list")) == ["0 open"]
    assert '"actual_size":117.3' in run("db", "dump").output
    history = lines(run("rule", "history", "batch", "actual_size"))
    assert history[0].split("[")[0].split() == [
        *("batch/actual_size", "v2", "system", "mes", ">", "ERP", "±", "1", "kg")
    ]
    assert "[in force, cli:" in history[0]
    assert history[1] == "    the scale is calibrated"
    assert "v1" in history[2]
    (rule,) = [r for r in json.loads(run("rule", "list", "--json").output) if r["attribute"] == "actual_size"]
    assert (rule["version"], rule["tolerance"]) == (2, {"relative": 0.0, "absolute": 1.0, "unit": "kg"})
    later = run(
        "rule", "set", "batch", "status", "--order", "ERP", "--from", "2099-01-01T00:00:00Z",
        "--reason", "from then on",
    )  # fmt: skip
    assert lines(later) == ["batch/status version 2: in force from 2099-01-01T00:00:00Z"]
    assert "[from 2099-01-01T00:00:00Z" in run("rule", "list").output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("conflict", "resolve", *PLACE, "--counts", "lims", "--reason", "why not"), "only erp, mes say"),
        (("conflict", "resolve", *PLACE, "--counts", "mes", "--reason", " "), "say in a line of text why"),
        (("conflict", "resolve", *PLACE, "--counts", "mes"), "--reason"),
        (("conflict", "reopen", *PLACE, "--reason", "why not"), "no decision about actual_size"),
        (("conflict", "show", "batch", "B2", "actual_size"), "nothing has this uid, code or name"),
        (("conflict", "show", "bach", "B1", "actual_size"), "things are of the types"),
        (("conflict", "show", "batch", "B1", "status"), "no source says anything of status"),
        (("conflict", "list", "--state", "closed"), "--state is open, resolved or all"),
        (("rule", "history", "batch", "colour"), "no rule batch/colour"),
        (("rule", "set", "batch", "status", "--order", "SAP", "--reason", "why not"), "order, entry 1"),
        (("rule", "set", "batch", "status", "--reason", "why not"), "name at least one"),
        (
            ("rule", "set", "batch", "status", "--order", "ERP", "--reason", "why", "--from", "2026-01-01"),
            "--from:",
        ),
    ],
    ids=lambda given: " ".join(given[:3]) if isinstance(given, tuple) else given,
)
def test_what_cannot_be_done_is_said_in_one_line(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run(*words)
    assert done.exit_code != 0
    assert says in " ".join(done.output.replace("│", " ").split())


# --------------------------------------------------------------------------------- a project's rules
@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("ruled")
    write_project(folder, batches=1)
    with serving(files_of(folder)) as port:
        yield ("--config", str(folder), "--set", f"port={port}")


RULES = """
rules:
  - entity_type: batch
    attribute: actual_end
    order: [press.frames, MES]
    tolerance: {absolute: 5, unit: min}
    approved_by: J. Murphy, QA
    reason: the press stops when the batch ends
"""


def test_the_rules_of_a_project_are_taken_up_and_a_wrong_one_names_file_and_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path(project[1]) / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    runner = CliRunner()
    assert runner.invoke(app, ["source", "sync", "mes", *project]).exit_code == 0
    history = runner.invoke(app, ["rule", "history", "batch", "actual_end"]).output
    assert "v2   system    press.frames > MES  ± 5 min  [in force, J. Murphy, QA]" in history
    for wrong, says in (
        (RULES.replace("min}", "kg}"), "rules.yaml: tolerance.unit: times differ by"),
        (RULES.replace("press.frames", "pres"), "rules.yaml: order, entry 1"),
        (RULES.replace("    reason", "    raison"), "rules.yaml: rules.0.reason: Field required"),
    ):
        file.write_text(wrong, encoding="utf-8")
        done = runner.invoke(app, ["source", "sync", "mes", *project])
        assert (done.exit_code, says in done.output) == (1, True), done.output
