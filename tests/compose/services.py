"""The compose file as this machine can run it: no Docker, the same command lines on loopback."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
PATIENCE_S = 240
GIVEN = {"PLANTWIDE_DB_PASSWORD": "a password"}


def read_services() -> dict[str, dict[str, Any]]:
    """Services by name, with `${NAME…}` filled from GIVEN or its default as Docker Compose does."""
    text = re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", _fill, FILE.read_text(encoding="utf-8"))
    return yaml.safe_load(text)["services"]


def _fill(found: re.Match[str]) -> str:
    name, sign, rest = found.groups()
    if name in GIVEN:
        return GIVEN[name]
    assert sign == "-", f"{name} has no default and is not given"
    return rest


def list_our_services() -> list[str]:
    """Names of the services that run our image."""
    return sorted(name for name, service in read_services().items() if "build" in service)


def find_free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Here:
    """What stands for the containers' world on this machine."""

    folder: Path
    database_url: str
    port: int

    @property
    def log(self) -> Path:
        """What the service printed."""
        return self.folder / "output.txt"

    def translate(self, text: str) -> str:
        """Loopback for every interface, a free port for 8000, folders of the test for volumes."""
        if text.startswith("postgresql://"):
            return self.database_url
        if re.fullmatch(r"/\w+", text):
            return str(self.folder / text.removeprefix("/"))
        local = text.replace("0.0.0.0", "127.0.0.1")
        return (
            local.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
            if ":" in local
            else (str(self.port) if local == "8000" else local)
        )

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        """The service's environment, and nothing of ours but what a process needs to run."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given = {name: self.translate(str(value)) for name, value in service["environment"].items()}
        return {**kept, **given}

    def start(self, service: dict[str, Any]) -> subprocess.Popen[str]:
        """Run the image's entry point with the service's command, as the container would."""
        for name in ("data", "project"):
            (self.folder / name).mkdir(exist_ok=True)
        command = [self.translate(word) for word in service["command"]]
        with self.log.open("w") as log:
            return subprocess.Popen(
                [Path(sys.executable).with_name("plantwide"), *command],
                cwd=self.folder,
                env=self.environment(service),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    @contextmanager
    def healthy(self, service: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
        """Run a service: the block begins when its health check is content, and at its end it is asked to end."""
        process = self.start(service)
        try:
            self._wait_until_healthy(process, service)
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        finally:
            process.kill()
            process.wait()
        output = self.log.read_text(encoding="utf-8")
        assert "Traceback" not in output, output
        assert process.returncode in {0, 128 + signal.SIGTERM, -signal.SIGTERM}, output

    def _wait_until_healthy(self, process: subprocess.Popen[str], service: dict[str, Any]) -> None:
        """Ask the health check until it is content; an early end of the process is the failure it is."""
        for _ in range(PATIENCE_S):
            if self.is_healthy(service):
                return
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
            output = self.log.read_text(encoding="utf-8")
            pytest.fail(f"ended with {process.returncode} before it was healthy:\n{output}", pytrace=False)
        pytest.fail("did not become healthy", pytrace=False)

    def is_healthy(self, service: dict[str, Any]) -> bool:
        """Whether the service's own health check is content."""
        _, program, *arguments = service["healthcheck"]["test"]
        assert program == "python"
        done = subprocess.run(
            [sys.executable, *[self.translate(word) for word in arguments]],
            env=self.environment(service),
            capture_output=True,
            check=False,
        )
        return done.returncode == 0
