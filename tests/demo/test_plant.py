"""The four processes: they start together, follow one clock, and leave nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx2 as httpx
import pytest

from hub.demo.clock import ClockError, read_clock, write_clock
from hub.demo.plan import FIRST, NOW
from hub.demo.plant import Plant, PlantError, running_plant
from hub.demo.source import KINDS

STARTER = """
import sys
from pathlib import Path
from hub.demo.plant import running_plant
with running_plant(Path(sys.argv[1])) as plant:
    print(*plant.pids.values(), flush=True)
    sys.stdin.read()
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _start(kind: str, directory: Path, port: int = 0) -> subprocess.Popen[str]:
    secrets = {
        "PLANTWIDE_DEMO_ERP_USER": "u",
        "PLANTWIDE_DEMO_ERP_PASSWORD": "p",
        "PLANTWIDE_DEMO_LIMS_TOKEN": "t",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "hub.demo.source", kind, "--dir", str(directory), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **secrets},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_ends_cleanly_on_sigterm(tmp_path: Path, kind: str) -> None:
    write_clock(tmp_path, NOW)
    with _start(kind, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready ")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output) == (0, "")
        assert "Traceback" not in errors


@dataclass
class Visit:
    """What was seen of one run of the plant, and what was left of it."""

    clock: datetime
    documents: list[str]
    secrets: list[str]
    were_alive: bool
    pids: list[int]
    exits: list[int | None]


def _visit(directory: Path, *, then: datetime) -> Visit:
    with running_plant(directory) as plant:
        assert set(plant.urls) == set(KINDS)
        secrets = [plant.environment[f"PLANTWIDE_DEMO_{name}"] for name in ("ERP_PASSWORD", "LIMS_TOKEN")]
        assert not any(secret in repr(plant) for secret in secrets)
        seen = Visit(
            clock=read_clock(directory),
            documents=[path.name for path in plant.mes_folder.glob("*.xml")],
            secrets=secrets,
            were_alive=all(_is_alive(pid) for pid in plant.pids.values()),
            pids=list(plant.pids.values()),
            exits=[],
        )
        plant.set_clock(then)
        processes = [source.process for source in plant.sources.values()]
    seen.exits = [process.returncode for process in processes]
    return seen


@pytest.fixture(scope="module")
def two_visits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Visit, Visit]:
    directory = tmp_path_factory.mktemp("twice")
    return directory, _visit(directory, then=NOW), _visit(directory, then=NOW)


def test_leaving_the_block_ends_all_four(two_visits: tuple[Path, Visit, Visit]) -> None:
    for visit in two_visits[1:]:
        assert visit.were_alive
        assert visit.exits == [0, 0, 0, 0]
        assert not any(_is_alive(pid) for pid in visit.pids)


def test_a_new_plant_begins_at_first_and_a_second_run_goes_on_where_it_was(
    two_visits: tuple[Path, Visit, Visit],
) -> None:
    _, first, second = two_visits
    assert (first.clock, second.clock) == (FIRST, NOW)
    assert not [name for name in first.documents if "B26-0122" in name]
    assert [name for name in second.documents if "B26-0122" in name]


def test_credentials_differ_from_run_to_run_and_stay_out_of_the_folder(
    two_visits: tuple[Path, Visit, Visit],
) -> None:
    directory, first, second = two_visits
    secrets = first.secrets + second.secrets
    assert len(set(secrets)) == 4
    for file in directory.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret.encode() in content for secret in secrets)


def test_sources_end_when_their_starter_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        assert len(pids) == len(KINDS)
        watched = [os.pidfd_open(pid) for pid in pids]
        starter.kill()
    for pid, handle in zip(pids, watched, strict=True):
        _await_end(handle)
        os.close(handle)
        assert not _is_alive(pid) or _is_zombie(pid)


def _await_end(handle: int) -> None:
    import select

    ended, _, _ = select.select([handle], [], [], 30)
    assert ended, "a source outlived its starter by 30 s"


def _is_zombie(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_clock_written_by_hand_is_followed_at_the_next_request(plant: Plant) -> None:
    plant.set_clock(FIRST)
    write_clock(plant.directory, NOW)
    listed = httpx.get(plant.urls["mes"] + "/").json()["documents"]
    assert any("B26-0122" in d["name"] for d in listed)


def test_a_source_that_cannot_start_says_why(tmp_path: Path) -> None:
    write_clock(tmp_path, NOW)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with _start("lims", tmp_path, port) as process:
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 2
        assert f"127.0.0.1:{port}" in errors
        assert "--port" in errors


def test_a_source_without_its_login_says_which_variable_is_missing(tmp_path: Path) -> None:
    write_clock(tmp_path, NOW)
    command = [sys.executable, "-m", "hub.demo.source", "erp", "--dir", str(tmp_path)]
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PLANTWIDE_DEMO_")}
    done = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "PLANTWIDE_DEMO_ERP_USER" in done.stderr


def test_a_broken_clock_is_named(tmp_path: Path) -> None:
    (tmp_path / "plant-clock").write_text("soon")
    with pytest.raises(ClockError, match="plant-clock"), running_plant(tmp_path):
        pass


def test_a_source_that_died_is_named(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        erp = plant.sources["erp"].process
        erp.kill()
        erp.wait()
        with pytest.raises(PlantError, match="erp"):
            plant.set_clock(NOW)
