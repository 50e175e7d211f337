"""`plantwide demo` as a person runs it: once, again, on PostgreSQL until it is stopped, on a taken port, and ended by Ctrl-C."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy.engine import make_url

from hub.demo.plan import plan_batches
from tests.compose.services import Here, find_free_port, read_services
from tests.journeys.command import run_plantwide
from tests.journeys.demo import Demo
from tests.journeys.held import count_rows, dump, hold_alike
from tests.journeys.serving import has_ended, list_children, serving

SUMMARY = {
    "sources": 4,
    "lots": 170,
    "samples": 397_299,
    "tags": 58,
    "results": 968,
    "conflicts": 2,
    "stubs": 1,
    "names_to_decide": 1,
    "quarantined": 1,
    "unmapped_tags": 1,
    "errors": [],
}
MEDIA = 13
"""Medium preparations: batches of their own, as the MES tells of them."""


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_one_summary_tells_what_was_read_and_what_needs_a_person(demo: Demo) -> None:
    printed = demo.printed
    assert {name: printed[name] for name in SUMMARY} == SUMMARY
    assert printed["batches"] == len(plan_batches()) + MEDIA
    assert printed["rows_read"] > SUMMARY["samples"]
    assert printed["seconds"] > 0


def test_all_state_is_in_the_data_folder(demo: Demo) -> None:
    assert {path.name for path in demo.folder.iterdir()} == {"data"}
    assert {path.name for path in demo.data.iterdir()} >= {"hub.db", "keys", "samples", "plant"}


def test_a_second_start_reads_nothing_and_writes_nothing(demo: Demo) -> None:
    rows, before = count_rows(demo.url), dump(demo.url)
    again = json.loads(run_plantwide("demo", "--once", "--json", "--data", demo.data, folder=demo.folder))
    assert again["rows_read"] == 0
    held = set(demo.printed) - {"rows_read", "seconds"}
    assert {name: again[name] for name in held} == {name: demo.printed[name] for name in held}
    assert count_rows(demo.url) == rows
    hold_alike(dump(demo.url), before)


def test_the_demo_of_docker_compose_on_postgresql_holds_byte_for_byte_what_sqlite_holds(
    demo: Demo, postgres_url: str, tmp_path: Path
) -> None:
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    here = Here(tmp_path, plain, find_free_port())
    with here.healthy(read_services()["demo"]) as process:
        assert "one view of 33 batches" in here.log.read_text(encoding="utf-8")
        children = [os.pidfd_open(pid) for pid in list_children(process.pid)]
    assert (process.returncode, here.log.read_text(encoding="utf-8").splitlines()[-1]) == (0, "stopped")
    let_go(children, 4)
    hold_alike(dump(postgres_url), dump(demo.url))
    assert not (tmp_path / "data" / "hub.db").exists()


def refuse_a_second(demo: Demo) -> None:
    """Another demo says who holds the folder instead of writing into it."""
    with serving("demo", "--once", "--data", demo.data, folder=demo.folder) as second:
        assert second.process.wait(60) == 1
    told = "".join(second.errors)
    assert f"another plantwide process works in {demo.data}" in told
    assert "--data" in told


def let_go(children: list[int], number: int) -> None:
    """So many sources had been started, and all have ended with the demo."""
    assert len(children) == number
    assert [descriptor for descriptor in children if not has_ended(descriptor)] == []
    for descriptor in children:
        os.close(descriptor)


def test_a_serving_demo_steps_aside_for_a_taken_port_and_ctrl_c_ends_it_cleanly(
    demo: Demo, taken_port: int
) -> None:
    with serving("demo", "--data", demo.data, "--port", str(taken_port), folder=demo.folder) as server:
        for told in (
            "data folder",
            "starting the plant",
            "  historian  opc.tcp://127.0.0.1:",
            "one view of 33 batches",
        ):
            assert "\x1b" not in server.await_line(told)
        server.await_line("done in")
        login = server.await_line("open")
        key = server.await_line("key")
        server.await_line("Ctrl-C ends it")
        url = re.sub(r"/login.*", "", login)
        port = int(url.rpartition(":")[2])
        assert port > taken_port
        with httpx.Client(base_url=url) as client:
            assert client.get("/v1/batches/B26-0117").status_code == 401
            assert client.get("/v1/batches/B26-0117", headers={"X-API-Key": key}).status_code == 200
            page = client.get(login, follow_redirects=True)
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert client.get(login).status_code != 200  # the link opens once
        refuse_a_second(demo)
        children = [os.pidfd_open(pid) for pid in server.list_children()]
        status = server.end(signal.SIGINT, group=True)
    assert f"port {taken_port} is taken; serving on {port} instead\n" in server.errors
    assert (status, server.errors[-1]) == (0, "stopped\n"), "".join(server.errors)
    let_go(children, 4)
    assert "Traceback" not in "".join(server.errors)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
