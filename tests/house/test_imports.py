"""Who may know whom, beyond what the import contracts in pyproject.toml say."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from tests.house.tree import PACKAGES


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def test_no_module_imports_itself_by_a_detour(graph: grimp.ImportGraph) -> None:
    order = TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})
    try:
        order.prepare()
    except CycleError as cycle:
        pytest.fail(" imported by ".join(cycle.args[1]))


@pytest.mark.parametrize(
    ("library", "only"),
    [
        # One place to set time-outs, limits, the user agent and identity encoding, and to swap the client.
        ("httpx2", {"hub.sdk.http"}),
        # An LGPL library stays an optional extra of two rooms that speak its protocol.
        ("asyncua", {"hub.sdk.opcua", "hub.demo"}),
        # The old name of the HTTP client has had no release since 2024.
        ("httpx", set[str]()),
    ],
)
def test_a_library_is_known_in_its_rooms_only(graph: grimp.ImportGraph, library: str, only: set[str]) -> None:
    if library not in graph.modules:
        return
    knowing = graph.find_modules_that_directly_import(library)
    assert {name for name in knowing if not any(f"{name}.".startswith(f"{room}.") for room in only)} == set()


def test_the_opcua_connectors_can_be_described_without_their_extra() -> None:
    program = "import sys, connectors.opcua, connectors.opcua_job; sys.exit('asyncua' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
