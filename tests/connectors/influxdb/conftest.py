"""A private InfluxDB 1.x with a login, one for all tests of a run; skips by name where the program is absent."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx2 as httpx
import pytest

USER, PASSWORD = "hub", "let-me-in"
START = 1_772_323_200
"""2026-03-01T00:00:00Z in seconds."""
COUNT = 300


def lines() -> list[str]:
    """Write points of two units: numbers, texts, truth values, and one series with awkward names."""
    made: list[str] = []
    for n in range(COUNT):
        at = START + n
        made.append(f"bioreactor,unit=BR-1,site=Co\\ rk temp={36.5 + n / 100} {at * 10**9 + 1234}")
        if n % 10 == 0:
            made.append(
                f'bioreactor,unit=BR-2 temp={n},state="RUN, \\"{n}\\"",on={"true" if n % 20 else "false"},count={n}i {at * 10**9}'
            )
        if n % 30 == 0:
            made.append(f"clean\\ room,room=a\\,b\\=c pressure={n / 10} {at * 10**9}")
    return made


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a database `plant` with a few hundred points."""
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("InfluxDB: the program `influxd` is not installed (Debian: apt-get install influxdb)")
    folder = tmp_path_factory.mktemp("influx")
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    (folder / "influx.conf").write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{ports[0]}"\n'
        f'[meta]\n  dir = "{folder}/meta"\n[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n'
        f'[http]\n  bind-address = "127.0.0.1:{ports[1]}"\n  auth-enabled = true\n[monitor]\n  store-enabled = false\n'
    )
    base = f"http://127.0.0.1:{ports[1]}"
    with (folder / "influx.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "run", "-config", str(folder / "influx.conf")], stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=base) as client:
            for _ in range(300):
                try:
                    if client.get("/ping").status_code == 204:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            made = client.post(
                "/query", params={"q": f"CREATE USER {USER} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"}
            )
            assert made.is_success, made.text
            client.auth = (USER, PASSWORD)
            assert client.post("/query", params={"q": "CREATE DATABASE plant"}).is_success
            stored = client.post("/write", params={"db": "plant"}, content="\n".join(lines()).encode())
            assert stored.status_code == 204, stored.text
        yield base
    finally:
        process.terminate()
        process.wait(20)
