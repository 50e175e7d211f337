"""Statements arrive, are corrected, deleted, resolved, judged: each answer of each day can be had again, as bytes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from hub.api.app import create_app
from hub.api.moment import PRESENT_ONLY
from hub.model import SAMPLE_SCHEMA, Batch, Equipment, Identifier, Tag
from hub.store.keys import create_key
from hub.store.rules import Rule
from hub.store.samples import put_samples
from hub.store.tables import ENTITY_TABLES
from tests.api.routes import OPERATIONS
from tests.resolve.worlds import NOW, Version, World, versions

PATHS = sorted(path for method, path in OPERATIONS if method == "GET" and path not in PRESENT_ONLY)
NAMES = ("A-1", "a 1", "B-2", "L-1", "M7", "R1", "T-1", "nobody", "%3A%2F")
QUERIES = {
    "/v1/samples": "?tag=T-1&start=2026-02-28T00:00:00Z&end=2026-04-01T00:00:00Z",
    "/v1/batches/{name}": "?include=history&include=retracted&include=assertions",
    "/v1/batches/{name}/changes": "?since=2026-03-01T00:00:00.000009Z",
    "/v1/batches": "?order=code&limit=2",
    "/v1/quarantine": "?state=all",
}
Call = tuple[str, str]
"""An address and what it accepts."""
Answer = tuple[int, bytes]
NOTHING_YET = "2026-03-01T00:00:00Z"

PLANT = (
    Equipment(id=Identifier(value="R1"), level="Unit"),
    Tag(id=Identifier(scheme="mes:tag", value="T-1"), equipment=Identifier(value="R1"), unit="Cel"),
    Batch(id=Identifier(value="A-1"), equipment=Identifier(value="R1"), actual_start=NOW),
)


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    yield one
    one.database.close()


class Days(RuleBasedStateMachine):
    """What happens to a hub, and what somebody asks it in between."""

    world: World

    @initialize()
    def begin(self) -> None:
        """Start with a unit, a tag and a running batch."""
        self.world.begin()
        self.world.take([Version("mes", "plant", 1, PLANT)])
        self.world.resolve()
        with self.world.database.begin("test", at=NOW) as connection:
            key = create_key(connection, name="reader", scopes=["read"])
        self.client = TestClient(
            create_app(self.world.database), headers={"X-API-Key": key}, raise_server_exceptions=False
        )
        self.answers: dict[tuple[Call, str], Answer] = {}
        self.number = 1

    @rule(drawn=versions(), some=st.sets(st.integers(0, 30), min_size=1, max_size=4))
    def say(self, drawn: list[Version], some: set[int]) -> None:
        """Systems say something: new, corrected, old, again, or that it is gone."""
        self.world.take([version for at, version in enumerate(drawn) if at in some])

    @rule(chunk=st.sampled_from((1, 3, 4000)))
    def resolve(self, chunk: int) -> None:
        """The hub finds out what follows."""
        self.world.resolve(chunk)

    @rule(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=3))
    def measure(self, values: list[float]) -> None:
        """A historian says something."""
        self.number += 1
        tag = ENTITY_TABLES["tag"]
        with self.world.database.begin("test", at=NOW) as connection:
            ids = list(connection.scalars(select(tag.c.id).where(tag.c.code == "T-1")))
            times = [NOW + timedelta(hours=self.number, minutes=at) for at in range(len(values))]
            columns: dict[str, Any] = {
                "tag": ["T-1"] * len(values),
                "ts": times,
                "value": values,
                "text": [None] * len(values),
                "quality": [0] * len(values),
            }
            table = pa.table(columns, schema=SAMPLE_SCHEMA)
            for tag_id in ids:
                put_samples(connection, "s", self.number, table, {"T-1": tag_id}, now=NOW)

    @precondition(lambda self: self.world.conflicts("all"))
    @rule(data=st.data())
    def judge(self, data: st.DataObject) -> None:
        """A person decides a conflict, or takes a decision back."""
        found = data.draw(st.sampled_from(self.world.conflicts("all")))
        if found["state"] == "resolved" and found["decision"]["is_in_force"]:
            self.world.undo(found["place"])
        elif found["state"] == "open":
            said = data.draw(st.sampled_from(sorted(one["source"] for one in found["statements"])))
            self.world.settle(found["place"], said)

    @rule(order=st.permutations(("MES", "ERP", "LIMS")), attribute=st.sampled_from(("description", "status")))
    def reorder(self, order: tuple[str, ...], attribute: str) -> None:
        """A person changes a rule."""
        self.world.rule(Rule("batch", attribute, "system", tuple(order)))

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        """Somebody asks a few things."""
        for path in data.draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=6, unique=True)):
            address = path.replace("{name}", data.draw(st.sampled_from(NAMES)))
            for place in ("{record_id}", "{held_id}", "{entity_id}", "{id}", "{key}"):
                address = address.replace(place, "1")
            self.note((address + QUERIES.get(path, ""), "application/json"))

    def note(self, call: Call) -> None:
        """Ask, and note what was answered as known at which instant."""
        response = self.client.get(call[0], headers={"accept": call[1]})
        assert response.status_code < 500, (call, response.text)
        if "Known-At" in response.headers:
            said = (response.status_code, response.content)
            assert self.answers.setdefault((call, response.headers["Known-At"]), said) == said

    def teardown(self) -> None:
        """Each answer, asked for again, is what it was."""
        for (call, known), said in getattr(self, "answers", {}).items():
            address = f"{call[0]}{'&' if '?' in call[0] else '?'}as_known_at={known}"
            response = self.client.get(address, headers={"accept": call[1]})
            assert (response.status_code, response.content) == said, address
            assert response.headers["Known-At"] == known


def test_every_answer_can_be_had_again_byte_for_byte(world: World) -> None:
    profile = settings()
    run_state_machine_as_test(
        type("Days", (Days,), {"world": world}),
        settings=settings(
            max_examples=max(4, profile.max_examples // 20),
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
                HealthCheck.filter_too_much,
            ],
        ),
    )
