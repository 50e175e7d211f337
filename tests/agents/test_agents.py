"""Tools for agents, asked by the official SDK's own client over HTTP and over standard streams."""

import shutil
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx2
import orjson
import pytest
import uvicorn

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from hub.agents.asking import Refused
from hub.agents.bounding import MOST, bound
from hub.agents.door import make_door
from hub.api.app import create_app
from hub.store.database import Database
from hub.store.keys import create_key
from tests.api.conftest import Filled, fill
from tests.api.factories import START, add_fact, add_name, add_record, add_system, add_thing

T = TypeVar("T")
NAMES = {
    "find_batch",
    "summarise_batch",
    "compare_batches",
    "trend",
    "genealogy",
    "lineage",
    "open_conflicts",
    "run_filter",
}


@pytest.fixture(scope="module")
def plant(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path_factory.mktemp('agents'))}")


@contextmanager
def running(app: Any) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def served(plant: Filled) -> Iterator[str]:
    """The address of a hub whose agents' door is open."""
    database = Database(plant.url)
    with running(create_app(database, doors=[make_door()])) as url:
        yield url
    database.close()


def talk(url: str, key: str | None, act: Callable[[Client], Awaitable[T]]) -> T:
    """Let the SDK's client do something, with a key as bearer token."""

    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=120) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            return await act(client)

    return anyio.run(run)


@pytest.fixture(scope="module")
def call(served: str, plant: Filled) -> Callable[..., Any]:
    """Call a tool that must answer; its answer as JSON."""

    def call(tool: str, **arguments: Any) -> Any:
        result = talk(served, plant.reader, lambda client: client.call_tool(tool, arguments))
        text = result.content[0].text  # type: ignore[union-attr]
        assert not result.is_error, text
        assert result.structured_content == orjson.loads(text)
        assert len(text) < MOST * 2
        return result.structured_content

    return call


@pytest.fixture(scope="module")
def refused(served: str, plant: Filled) -> Callable[..., str]:
    """Call a tool that must refuse; what it says."""

    def refuse(tool: str, **arguments: Any) -> str:
        result = talk(served, plant.reader, lambda client: client.call_tool(tool, arguments))
        assert result.is_error
        return result.content[0].text  # type: ignore[union-attr]

    return refuse


def test_the_tools_are_listed_with_arguments_and_only_read(served: str, plant: Filled) -> None:
    listed = talk(served, plant.reader, lambda client: client.list_tools())
    assert {one.name for one in listed.tools} == NAMES
    for one in listed.tools:
        assert one.annotations is not None
        assert one.annotations.read_only_hint is True
        assert one.description
        assert one.input_schema["type"] == "object"


def test_without_a_key_that_may_read_nothing_is_said(served: str) -> None:
    for key in (None, "pw_0_0"):
        with httpx2.Client(base_url=served) as http:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            answer = http.post(
                "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers
            )
            assert answer.status_code == 401
            assert answer.json()["type"].endswith("key-needed")


def test_an_agent_with_a_narrow_key_is_answered_within_it(served: str, plant: Filled) -> None:
    database = Database(plant.url)
    with database.begin("test") as connection:
        keys = [
            create_key(connection, name=name, scopes=["read", f"product:{name}"])
            for name in ("300214", "elsewhere")
        ]
    database.close()

    def ask(key: str, tool: str, **arguments: Any) -> Any:
        return talk(served, key, lambda client: client.call_tool(tool, arguments))

    own, other = keys
    whole = ask(plant.reader, "summarise_batch", batch="B26-0117").structured_content
    assert ask(own, "summarise_batch", batch="B26-0117").structured_content == whole
    assert ask(other, "find_batch", name="B26-0117").structured_content == {"more": False}
    refusal = ask(other, "summarise_batch", batch="B26-0117")
    assert refusal.is_error
    assert "There is no such thing" in refusal.content[0].text
    assert ask(own, "genealogy", lot="B26-0117-DS").is_error  # its lots may be of other sites: closed


def test_only_posts_are_answered(served: str, plant: Filled) -> None:
    with httpx2.Client(base_url=served, headers={"X-API-Key": plant.reader}) as http:
        assert http.get("/mcp").status_code == 405


def test_a_batch_is_found_by_any_name_product_status_and_time(call: Any) -> None:
    (found,) = call("find_batch", name="b26 0117")["batches"]
    assert (found["code"], found["product"], found["output_lot"], found["size"]) == (
        "B26-0117",
        "300214",
        "B26-0117-DS",
        "118.2 kg",
    )
    assert [b["code"] for b in call("find_batch", status="Running")["batches"]] == ["B26-0118"]
    since = call("find_batch", product="300214", since="2026-03-11T00:00:00Z")["batches"]
    assert [b["code"] for b in since] == ["B26-0119", "B26-0118"]
    assert call("find_batch", product="it's none") == {"more": False}
    assert call("find_batch", limit=1)["more"] is True


def test_a_batch_is_summarised(call: Any) -> None:
    told = call("summarise_batch", batch="B26-0117")
    assert told["batch"]["code"] == "B26-0117"
    assert {"B26-0117", "b26 0117", "B260117"} <= set(told["names"])
    assert {"Elute", "Load"} <= {one["name"] for one in told["phases"]}
    assert len(told["phases"]) == 9
    assert told["results_outside_limits"] == sum(1 for one in told["results"] if one.get("is_outside"))
    assert told["results_outside_limits"] >= 1
    assert told["events"][0]["comment"].startswith("Dissolved oxygen")
    assert {"attribute": "actual_size", "state": "open"} in told["conflicts"]
    assert told["completeness"]


def test_batches_are_compared_side_by_side(call: Any) -> None:
    told = call("compare_batches", batches=["B26-0117", "B26-0118"])
    assert told["batches"] == ["B26-0117", "B26-0118"]
    rows = {one["what"]: one for one in told["rows"]}
    assert rows["size"]["B26-0117"] == "118.2 kg"
    assert "B26-0118" in rows["start"]
    assert rows["hours of operation Fed-batch 2000 L (1) / Growth (1)"]["B26-0117"] > 100
    assert "hours of unit_procedure Fed-batch 2000 L (1)" in rows


def test_a_comparison_tells_every_result_of_a_test_and_where_it_stands(call: Any, plant: Filled) -> None:
    database = Database(plant.url)
    with database.begin("test") as connection:
        system = add_system(connection, "compared", "LIMS")
        told: Any = {"system": system, "record": add_record(connection, system)}
        batch = add_thing(connection, "batch", "COMPARED")
        add_name(connection, "batch", batch, "COMPARED", scheme="compared:batch")
        for code, stage, results in (
            ("S-1", None, [(1, 7.0, None), (2, 7.1, None), (1, 6.9, "R-0")]),
            ("S-2", None, [(1, 7.2, None)]),
            ("S-3", "harvest", [(1, 6.5, None)]),
        ):
            sample = add_fact(connection, "sample", **told, batch_id=batch, code=code, stage=stage)
            for replicate, value, again in results:
                add_fact(
                    connection, "test_result", **told, sample_id=sample, test_code="pH", replicate=replicate,
                    kind="measured", value_num=value, value_text=str(value), retest_of_key=again,
                )  # fmt: skip
        for number in (1, 2):
            unit = add_fact(
                connection, "segment_response", **told, batch_id=batch, name="Wash", level="operation",
                occurrence=number,
            )  # fmt: skip
            add_fact(
                connection, "segment_response", **told, batch_id=batch, name="Rinse", level="phase", occurrence=1,
                parent_id=unit, parent_key="-", actual_start=START, actual_end=START + timedelta(hours=number),
            )  # fmt: skip
    database.close()
    answer = call("compare_batches", batches=["COMPARED", "compared", "B26-0118"])
    assert answer["batches"] == ["COMPARED", "B26-0118"]
    rows = {one["what"]: one.get("COMPARED") for one in answer["rows"]}
    assert rows["result pH"] == ["7 (sample S-1)", "6.9 (sample S-1, retest)", "7.2 (sample S-2)"]
    assert rows["result pH replicate 2"] == "7.1"
    assert rows["result pH at harvest"] == "6.5"
    assert [rows[f"hours of phase Wash ({n}) / Rinse (1)"] for n in (1, 2)] == [1.0, 2.0]


def test_a_trend_keeps_its_shape_in_few_points(call: Any, refused: Any) -> None:
    told = call("trend", tag="BR2000-01.TEMP", batch="B26-0117", points=60)
    assert 10 <= len(told["points"]["ts"]) <= 60
    assert len(told["points"]["ts"]) == len(told["points"]["value"])
    assert 34 < told["min"] < told["max"] < 39
    hour = call("trend", tag="BR2000-01.TEMP", start="2026-03-10T08:00:00Z", end="2026-03-10T09:00:00Z")
    assert len(hour["points"]["ts"]) == 6
    assert "start and end" in refused("trend", tag="BR2000-01.TEMP")
    assert "zone" in refused(
        "trend", tag="BR2000-01.TEMP", start="2026-03-10T08:00:00", end="2026-03-10T09:00:00"
    )


def test_a_lot_is_traced_back(call: Any) -> None:
    told = call("genealogy", lot="B26-0117-DS")
    assert {one["code"] for one in told["lots"]} == {"B26-0117-DS", "MP-26-0012", "WCB-214-07"}
    assert {(one["input"], one["output"], one["batch"]) for one in told["edges"]} == {
        ("MP-26-0012", "B26-0117-DS", "B26-0117"),
        ("WCB-214-07", "MP-26-0012", "B26-0117"),
    }


def test_a_value_is_led_back_to_what_was_stated(call: Any) -> None:
    told = orjson.dumps(call("lineage", kind="batch", name="B26-0117", attribute="actual_size")).decode()
    assert "118.2" in told
    assert "117.3" in told
    assert "sap.prd" in told


def test_open_conflicts_are_listed(call: Any) -> None:
    told = call("open_conflicts", batch="B26-0117")
    assert [one["attribute"] for one in told["conflicts"]] == ["actual_size"]


def test_a_filter_is_run_and_a_wrong_one_is_explained(call: Any, refused: Any) -> None:
    found = call("run_filter", collection="tags", filter="contains(code, 'TEMP')")
    assert [one["code"] for one in found["tags"]] == ["BR2000-01.TEMP"]
    assert "colour" in refused(
        "run_filter", collection="lots", filter="colour eq 'red'"
    ) or "known" in refused("run_filter", collection="lots", filter="colour eq 'red'")


def test_what_there_is_not_and_arguments_that_are_none_are_refused(call: Any, refused: Any) -> None:
    assert "no such thing" in refused("summarise_batch", batch="B99-0000")
    assert "limit" in refused("find_batch", limit=5000)
    assert refused("genealogy", lot="B26-0117-DS", direction="sideways")
    assert refused("summarise_batch", batch="../sources")


def test_long_answers_are_cut_and_say_so() -> None:
    items = [{"text": "x" * 300, "nothing": None} for _ in range(400)]
    cut = bound({"items": items})
    assert len(orjson.dumps(cut)) <= MOST
    assert len(cut["items"]) + cut["items_left_off"] == 400
    assert "nothing" not in cut["items"][0]
    with pytest.raises(Refused, match="too long"):
        bound({str(number): "x" * 900 for number in range(100)})


def test_one_client_is_served_over_standard_streams(plant: Filled) -> None:
    program = str(Path(sys.executable).parent / "plantwide")
    folder = str(Path(plant.url.removeprefix("sqlite:///")).parent)

    async def run() -> Any:
        server = StdioServerParameters(
            command=program, args=["mcp", "--data", folder], env={"PLANTWIDE_KEY": plant.reader}
        )
        async with Client(stdio_client(server)) as client:
            return await client.call_tool("find_batch", {"name": "B26-0117"})

    result = anyio.run(run)
    assert result.structured_content["batches"][0]["code"] == "B26-0117"
