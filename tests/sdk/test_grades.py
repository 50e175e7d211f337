"""Grades follow from findings: what is broken, what nobody tried, and what was proven against others' work."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.sdk.testing.grades import Finding, Proof, Verdict, grade, write_table

pytest_plugins = ["pytester"]


def find(promise: str, verdict: Verdict, suite: str = "TestIt") -> Finding:
    return Finding("acme", suite, promise, verdict)


PROOF = Proof("acme", "Acme 3", "live", "passed")


@pytest.mark.parametrize(
    ("findings", "proofs", "expected"),
    [
        ([], [], "none"),
        ([find("a", "kept"), find("b", "broken")], [PROOF], "none"),
        ([find("a", "kept"), find("b", "not tried")], [PROOF], "bronze"),
        ([find("a", "kept"), find("b", "not offered")], [], "silver"),
        ([find("a", "kept")], [Proof("acme", "Acme 3", "live", "skipped")], "silver"),
        ([find("a", "kept")], [Proof("other", "Acme 3", "live", "passed")], "silver"),
        ([find("a", "kept")], [PROOF], "gold"),
        ([find("a", "kept")], [PROOF, Proof("acme", "Acme 3", "live", "skipped")], "silver"),
        ([find("a", "kept")], [PROOF, Proof("acme", "Acme 4", "live", "skipped")], "gold"),
        ([find("a", "kept")], [PROOF, Proof("acme", "Acme 4", "live", "failed")], "none"),
        ([find("a", "not tried"), find("a", "kept", "TestAnother")], [PROOF], "gold"),
        ([find("a", "kept"), find("a", "broken", "TestAnother")], [PROOF], "none"),
    ],
)
def test_a_grade_is_computed_from_what_was_found(
    findings: list[Finding], proofs: list[Proof], expected: str
) -> None:
    assert grade("acme", findings, proofs).grade == expected


def test_the_table_names_what_was_not_tried_and_what_it_was_proven_against() -> None:
    row = write_table([grade("acme", [find("a", "kept"), find("test_b_c", "not tried")], [PROOF])])
    assert "| `acme` | bronze | 1 of 1 | b c | Acme 3 (running) |" in row


def test_the_plugin_writes_down_promises_and_proofs_and_runs_nothing_else(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from tests.sdk.seeded.notes import NotesSuite

        class TestNotes(NotesSuite):
            pass

        @pytest.mark.against("notes", "a notebook", how="published")
        def test_proof(): pass

        def test_of_my_own(): assert False
        """
    )
    target = tmp_path / "g.json"
    pytester.makeconftest(f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})")
    done = pytester.runpytest_subprocess("--grades", str(target), "-q")
    assert done.ret == 0
    told = json.loads(target.read_text(encoding="utf-8"))
    proofs = [one for one in told if "software" in one]
    assert [(p["connector"], p["software"], p["how"], p["outcome"]) for p in proofs] == [
        ("notes", "a notebook", "published", "passed")
    ]
    verdicts = {one["promise"]: one["verdict"] for one in told if "promise" in one}
    assert verdicts["test_cursors_are_json"] == "kept"
    assert verdicts["test_a_source_that_fails_never_looks_empty"] == "not offered"
    assert verdicts["test_what_comes_later_is_found_from_the_last_cursor"] == "not tried"


def run_suites(pytester: pytest.Pytester, target: Path, body: str) -> list[dict[str, Any]]:
    pytester.makepyfile(**{f"{target.stem}/test_it": body})
    pytester.makeconftest(f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})")
    pytester.runpytest_subprocess("--grades", str(target), "-q")
    return json.loads(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("raise OSError('no server')", "broken"), ("pytest.skip('no server')", "not tried")],
)
@pytest.mark.parametrize(("says", "name"), [("Notes", "notes"), ("object", "acme")])
def test_a_suite_whose_world_does_not_come_up_is_not_left_out(
    pytester: pytest.Pytester, tmp_path: Path, fault: str, expected: Verdict, says: str, name: str
) -> None:
    body = f"""
        import pytest
        from tests.sdk.seeded.notes import Notes, NotesConfig, NotesSuite

        class TestNotes(NotesSuite):
            @pytest.fixture(autouse=True)
            def world(self):
                {fault}
                self.config_of_world = NotesConfig()

            def make(self) -> {says}:
                return Notes(self.config_of_world)
        """
    told = run_suites(pytester, tmp_path / "acme.json", body)
    promises = {one["promise"]: one["verdict"] for one in told if one["connector"] == name}
    assert len(promises) > 20
    assert set(promises.values()) == {expected}
    assert grade(name, [Finding(**one) for one in told], []).grade == "none"


def test_a_case_of_a_proof_that_is_skipped_proves_nothing_about_its_software(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    body = """
        import pytest

        def of(software): return pytest.mark.against("notes", software)

        @pytest.mark.parametrize("server", ["sqlite", pytest.param("one", marks=of("One")),
            pytest.param("two", marks=of("Two"))])
        def test_proof(server):
            if server == "two":
                pytest.skip("no Two here")
        """
    told = run_suites(pytester, tmp_path / "notes.json", body)
    done = grade("notes", [Finding("notes", "TestIt", "a", "kept")], [Proof(**one) for one in told])
    assert (done.proofs, done.not_run) == (("One (running)",), ("Two (running)",))


def test_a_real_source_is_tried_by_its_settings_file(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.path.joinpath("out").mkdir()
    lines = "\n".join(f"L{n};{n}" for n in range(9))
    pytester.path.joinpath("out", "a.csv").write_text(f"code;n\n{lines}\n".replace("\\\n", "\n"))
    pytester.path.joinpath("files.yaml").write_text(
        "code: files\nkind: FILE\nconnector: files\nsettings:\n  root: ${env:ROOT_OF_FILES}\n  streams:\n"
        "    rows: {files: '*.csv', delimiter: ';', key: '{code}', page_rows: 3, records: [{record: equipment, "
        "fields: {id: code}}]}\n".replace("\\\n", "\n")
    )
    monkeypatch.setenv("ROOT_OF_FILES", str(pytester.path / "out"))
    done = pytester.runpytest_subprocess("--live", "files.yaml", "-q", "-rs")
    done.stdout.fnmatch_lines(["*it may lock the account*"])
    assert done.ret == 0, done.stdout.str()
    assert done.parseoutcomes()["passed"] > 15
