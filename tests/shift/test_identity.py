"""What a site approves about names: each whitelist is a version with who, when and why; numbers may change."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.ingest.runner import Desk
from hub.ingest.sources import IdentityFile, Project, load_project
from hub.sdk import Misconfigured
from hub.shift.cycle import run_cycle
from hub.store.answers.links import list_scheme_versions
from hub.store.answers.things import find_thing, list_names
from tests.ingest.ledgers import START, Ledger, LedgerSource, source_of
from tests.swift import swift

MES, ERP = "mes:batch", "erp:batch"
PAIRED = {"batch": [[MES, ERP]]}


@pytest.fixture
def moment() -> list[timedelta]:
    return [timedelta()]


@pytest.fixture
def desk(migrated_url: str, moment: list[timedelta]) -> Iterator[Desk]:
    database = swift(migrated_url)
    yield Desk(database, operator="cli:alice", clock=lambda: START + moment[0], sleep=lambda _: None)
    database.close()


@pytest.fixture
def sources() -> tuple[LedgerSource, ...]:
    return (
        source_of(Ledger([(0, "A-1", {}), (0, "X", {})]), "mes"),
        source_of(Ledger([(0, "A1", {}), (0, "Y", {})]), "erp"),
    )


def project(sources: tuple[LedgerSource, ...], **identity: object) -> Project:
    return Project(Path(), sources, IdentityFile.model_validate(identity))


def versions(desk: Desk) -> list[dict[str, Any]]:
    with desk.database.read() as connection:
        return list_scheme_versions(connection)


def names(desk: Desk, name: str) -> dict[str, Any]:
    with desk.database.read() as connection:
        found = find_thing(connection, "batch", name)
        return {f"{n['scheme']}|{n['value']}": n for n in list_names(connection, "batch", found.id)}


def test_a_whitelist_without_an_approval_is_put_down_to_who_runs_and_is_taken_up_once(
    desk: Desk, sources: tuple[LedgerSource, ...]
) -> None:
    assert run_cycle(desk, project(sources, normalised=PAIRED)).whitelist == 1
    assert run_cycle(desk, project(sources, normalised=PAIRED)).whitelist == 0
    (only,) = versions(desk)
    assert (only["approved_by"], only["is_in_force"], only["effective_from"]) == ("cli:alice", True, START)
    assert only["groups"] == [{"entity_type": "batch", "schemes": sorted((MES, ERP))}]


def test_an_approval_says_who_and_why_and_earlier_versions_stay(
    desk: Desk, sources: tuple[LedgerSource, ...]
) -> None:
    run_cycle(desk, project(sources, normalised=PAIRED))
    signed = {"by": "J. Murphy, QA", "reason": "both number by campaign"}
    assert run_cycle(desk, project(sources, normalised=PAIRED, approved=signed)).whitelist == 0
    newest, first = versions(desk)
    assert (newest["version"], newest["approved_by"], newest["reason"]) == (2, *signed.values())
    assert (first["is_in_force"], newest["is_in_force"]) == (False, True)
    assert first["groups"] == newest["groups"]


def test_a_version_counts_from_its_time_on(
    desk: Desk, sources: tuple[LedgerSource, ...], moment: list[timedelta]
) -> None:
    tomorrow = {"by": "QA", "reason": "from the first", "effective_from": START + timedelta(days=1)}
    later = project(sources, normalised=PAIRED, approved=tomorrow)
    assert run_cycle(desk, later).whitelist == 0
    assert set(names(desk, "A-1")) == {f"{MES}|A-1"}
    assert [v["applied_at"] for v in versions(desk)] == [None]
    moment[0] = timedelta(days=1)
    assert run_cycle(desk, later).whitelist == 1
    assert set(names(desk, "A-1")) == {f"{MES}|A-1", f"{ERP}|A1"}
    assert len(versions(desk)) == 1


def test_a_site_says_what_was_renumbered_and_takes_it_back(
    desk: Desk, sources: tuple[LedgerSource, ...]
) -> None:
    change = {"name": f"{ERP}|Y", "replaces": [f"{MES}|X"], "at": "2026-04-01T00:00:00Z"}
    run_cycle(desk, project(sources, renumbered={"batch": [change]}))
    found = names(desk, "X")
    assert (found[f"{MES}|X"]["is_active"], found[f"{MES}|X"]["replaced_by"]) == (False, f"{ERP}|Y")
    assert found[f"{ERP}|Y"]["valid_from"] == found[f"{MES}|X"]["valid_to"]
    run_cycle(desk, project(sources))
    assert set(names(desk, "X")) == {f"{MES}|X"}
    assert names(desk, "X")[f"{MES}|X"]["is_active"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("approved: {by: QA}", "approved.reason: Field required"),
        ("renumbered: {batch: [{name: 'erp:batch|1', replaces: []}]}", "renumbered.batch.0.replaces"),
        (
            "renumbered: {batch: [{name: nothing, replaces: ['erp:batch|1']}]}",
            "write <source>:<scheme>|<value>",
        ),
        (
            "renumbered: {batch: [{name: 'erp:batch|2', replaces: ['erp:batch|1'], at: '2026-04-01T00:00'}]}",
            "renumbered.batch.0.at",
        ),
    ],
    ids=["no reason", "nothing replaced", "no scheme", "no zone"],
)
def test_a_wrong_identity_file_names_the_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "sources").mkdir()
    source = "code: mes\nkind: MES\nconnector: b2mml\nsettings: {folder: .}\n"
    (tmp_path / "sources" / "mes.yaml").write_text(source, encoding="utf-8")
    (tmp_path / "identity.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"identity\.yaml") as refused:
        load_project(tmp_path)
    assert says in str(refused.value)
