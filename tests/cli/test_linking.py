"""Names at the terminal: what is proposed and why, what a decision does, what is refused and why."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.model import Identifier, MaterialLot
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Database
from hub.store.schemes import save_scheme_groups
from hub.store.statements import Told, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system
from tests.resolve.worlds import NOW

Run = Callable[..., Result]
PAIR = ("erp:material_definition|300214", "mes:material_definition|MAB-DS")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite: Path) -> Run:
    """Run a command on a store in which MES and ERP say of one lot that it is of two materials."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plantwide-data").mkdir()
    shutil.copyfile(migrated_sqlite, tmp_path / "plantwide-data" / "hub.db")
    database = Database.embedded(tmp_path / "plantwide-data")
    prepare(database, now=NOW)
    with database.begin("test") as connection:
        groups = {"material_lot": [["mes:material_lot", "erp:material_lot"]]}
        save_scheme_groups(connection, groups, now=NOW, by="J. Murphy")
    for code, kind, value, material in (("mes", "MES", "L-1", "MAB-DS"), ("erp", "ERP", "L1", "300214")):
        record = MaterialLot(id=Identifier(value=value), material=Identifier(value=material))
        told = Told(
            object_type="lot",
            source_key=value,
            payload=value,
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
        return CliRunner().invoke(app, ["link", *words])

    return invoke


def lines(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return [line.strip() for line in done.output.splitlines()]


def ids(run: Run, *words: str) -> list[int]:
    return [link["id"] for link in json.loads(run("list", "--json", *words).output)]


def test_a_proposal_is_listed_with_both_names_and_what_speaks_for_it(run: Run) -> None:
    listed = lines(run("list"))
    assert "material_definition  proposed by rule 100%" in listed[0]
    assert f"{PAIR[0]}  means 300214 (stub)" in listed
    assert f"{PAIR[1]}  means MAB-DS (stub)" in listed
    assert "same produced lot:" in listed
    assert "erp says erp:material_definition|300214 (lot L1)" in listed
    assert listed[-1] == "1 proposed"


def test_a_confirmation_is_shown_with_who_and_why_and_undone_again(run: Run) -> None:
    told = lines(run("same", "material_definition", *PAIR, "--reason", "one label"))
    assert any(line.startswith("same: by cli:") and line.endswith(": one label") for line in told)
    assert ids(run) == []
    (made,) = ids(run, "--method", "human", "--state", "all")
    undone = lines(run("undo", str(made), "--reason", "two labels"))
    assert any(line.startswith("undone: by cli:") and line.endswith(": two labels") for line in undone)
    assert len(ids(run)) == 1


def test_a_rejection_takes_the_proposal_off_the_list(run: Run) -> None:
    lines(run("apart", "material_definition", *PAIR, "--reason", "another grade"))
    assert ids(run) == []
    assert len(ids(run, "--state", "rejected")) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("same", "material_definition", *PAIR, "--reason", "x"), "say in a line of text why"),
        (("same", "nothing", *PAIR, "--reason", "because"), "things are of the types"),
        (("same", "batch", *PAIR, "--reason", "because"), "no source has used"),
        (("apart", "material_definition", PAIR[0], PAIR[0], "--reason", "because"), "it is one name"),
        (("undo", "99", "--reason", "because"), "no decision 99 stands"),
        (("list", "--state", "maybe"), "--state is one of"),
    ],
    ids=["no reason", "no such type", "another type", "one name", "no decision", "no such state"],
)
def test_what_cannot_be_decided_is_refused_in_one_line(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run(*words)
    assert done.exit_code != 0
    assert says in done.output
    assert "Traceback" not in done.output


def test_the_approved_whitelists_are_listed(run: Run) -> None:
    listed = lines(run("rules"))
    assert listed[0].startswith("version 1 (in force) from 2026-")
    assert "by J. Murphy" in listed[0]
    assert "material_lot         erp:material_lot, mes:material_lot" in listed[1]
