"""A simulated PI System for every test, on loopback; what it was asked and answered is held against the specification."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.pi_web_api.simulator import PiSystem, serve
from tests.connectors.pi_web_api.specification import Specification
from tests.connectors.pi_web_api.world import make_system
from tests.house.tree import ROOT

SPECIFICATION = (
    Path(os.environ.get("PLANTWIDE_SHARED") or ROOT.parent / "shared") / "data" / "piwebapi" / "swagger.json"
)


@pytest.fixture(scope="session")
def specification() -> Specification | None:
    """Give the vendor's own specification, or None where it is not at hand."""
    return Specification(json.loads(SPECIFICATION.read_bytes())) if SPECIFICATION.is_file() else None


@pytest.fixture
def system(specification: Specification | None) -> Iterator[PiSystem]:
    """Give a simulated PI System whose every request and answer is valid by the vendor's specification."""
    made = make_system()
    with serve(made):
        yield made
    if specification is not None:
        faults = [fault for asked in made.asked for fault in specification.judge_request(*asked)]
        faults += [fault for answered in made.answered for fault in specification.judge_answer(*answered)]
        assert not faults, faults[:5]
