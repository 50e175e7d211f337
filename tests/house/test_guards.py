"""The guards of tests/conftest.py do guard."""

import os
import socket
import textwrap

import pytest
from sqlalchemy import create_engine, text

from tests.house.tree import ROOT, read_project

pytest_plugins = ["pytester"]


def run_inner(pytester: pytest.Pytester, body: str, *arguments: str) -> pytest.RunResult:
    """Run a test file under our conftest in a process of its own."""
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(textwrap.dedent(body))
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}", *arguments)


def test_a_test_that_leaves_the_machine_fails_even_when_the_refusal_is_swallowed(
    pytester: pytest.Pytester,
) -> None:
    result = run_inner(
        pytester,
        """
        import contextlib, socket

        def test_reaches_out():
            with contextlib.suppress(OSError):
                socket.create_connection(("192.0.2.1", 80), timeout=0.1)
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*left the machine: getaddrinfo '192.0.2.1'*"])


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_a_missing_postgresql_is_named_in_the_closing_summary(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANTWIDE_TEST_POSTGRES", raising=False)
    monkeypatch.delenv("PLANTWIDE_REQUIRE", raising=False)
    result = run_inner(pytester, "def test_stored(database_url): assert database_url")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*did not run*", "*1 in *: PostgreSQL: PLANTWIDE_TEST_POSTGRES is not set*"])


def test_a_skip_of_a_required_postgresql_test_is_a_failure_whoever_skips(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANTWIDE_TEST_POSTGRES", raising=False)
    monkeypatch.setenv("PLANTWIDE_REQUIRE", "postgres")
    result = run_inner(
        pytester,
        """
        import pytest

        def test_stored(postgres_url): assert postgres_url

        def test_skips_by_itself(): pytest.skip("no PostgreSQL here")

        def test_skips_for_another_reason(): pytest.skip("no pump here")
        """,
    )
    result.assert_outcomes(errors=1, failed=1, skipped=1)


def test_a_proof_or_peer_that_is_skipped_fails_by_name_where_peers_are_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTWIDE_REQUIRE", "postgres,peers")
    pytester.makeini("[pytest]\nmarkers = peers: of others\n")
    body = """
        import pytest

        @pytest.mark.against("acme", "Acme 3", how="live")
        def test_proof(): pytest.skip("no acme on this machine")

        @pytest.mark.peers
        def test_peer(): pytest.skip("peers: no npm")

        @pytest.mark.peers
        def test_not_offered(): pytest.skip("it keeps no history")

        def test_another(): pytest.skip("no pump here")
        """
    result = run_inner(pytester, body)
    result.assert_outcomes(failed=2, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "*test_proof skipped, but software of others is required*: no acme on this machine*",
            "*test_peer skipped, but software of others is required*: peers: no npm*",
        ]
    )
    monkeypatch.delenv("PLANTWIDE_REQUIRE")
    run_inner(pytester, body).assert_outcomes(skipped=4)


def test_a_test_that_wants_peers_must_be_one_of_those_that_the_nightly_run_takes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANTWIDE_REQUIRE", raising=False)
    pytester.makeini("[pytest]\nmarkers = peers: of others\n")
    result = run_inner(
        pytester,
        """
        import pytest

        @pytest.mark.peers
        def test_marked(): pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set")

        def test_left_out(): pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set")
        """,
    )
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*test_left_out skipped, but it bears no mark `peers`*"])


def test_the_nightly_run_wants_peers() -> None:
    assert "PLANTWIDE_TEST_PEERS=1 PLANTWIDE_REQUIRE=postgres,peers" in (ROOT / ".ci" / "run").read_text()
    task = read_project()["tool"]["poe"]["tasks"]["nightly"]
    assert task["env"]["PLANTWIDE_TEST_PEERS"] == "1"
    assert task["env"]["PLANTWIDE_REQUIRE"] == {"default": "peers"}
    assert any("-m 'peers or against'" in step["cmd"] for step in task["sequence"])


def test_tests_left_out_by_a_marker_are_counted_in_the_closing_summary(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = nightly: long\n")
    result = run_inner(
        pytester,
        """
        import pytest

        @pytest.mark.nightly
        def test_long(): pass

        def test_short(): pass
        """,
        "-m",
        "not nightly",
    )
    result.stdout.fnmatch_lines(["*did not run*", "*1 in *: left out by 'not nightly'*"])


def test_a_database_url_opens_an_empty_database(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_folder_of_real_data_is_skipped_by_name(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTWIDE_SHARED", os.fspath(pytester.path / "nothing"))
    monkeypatch.delenv("PLANTWIDE_REQUIRE", raising=False)
    result = run_inner(pytester, "def test_real(shared_folder): assert shared_folder")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*real data: no folder nothing; set PLANTWIDE_SHARED*"])
