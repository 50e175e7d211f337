"""A private MQTT broker (Mosquitto) on a free port of loopback; skips by name where the program is absent."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

USER, PASSWORD = "hub", "let-me-in"
PROGRAMS = "/usr/sbin:/usr/local/sbin"


@dataclass
class Mosquitto:
    """A running broker. `down` and `up` in between; what it holds for sessions outlives that."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    speakers: list[Any] = field(default_factory=list)

    def up(self) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path=PROGRAMS) or ""
        command = [program, "-c", str(self.folder / "mosquitto.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail("mosquitto did not start")

    def down(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def say(self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False) -> None:
        """Publish and wait until the broker has it."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(USER, PASSWORD)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def settings(self, client_id: str, **other: Any) -> dict[str, Any]:
        """Give the `broker` part of a configuration."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "tls": False,
            "user": USER,
            "password": PASSWORD,
            "client_id": client_id,
            "keepalive_s": 1,
            "timeout_s": 5,
            **other,
        }


@contextmanager
def run_broker(folder: Path, *lines: str) -> Iterator[Mosquitto]:
    """Give a broker that lets one user in; `lines` are more of its configuration."""
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path=PROGRAMS)):
        pytest.skip("Mosquitto: the program `mosquitto` is not installed (Debian: apt-get install mosquitto)")
    tool = shutil.which("mosquitto_passwd") or "mosquitto_passwd"
    (folder / "passwords").touch(mode=0o600)
    subprocess.run([tool, "-b", str(folder / "passwords"), USER, PASSWORD], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    written = [
        f"listener {port} 127.0.0.1",
        f"password_file {folder / 'passwords'}",
        "user root",
        "persistence true",
        f"persistence_location {folder}/",
        "max_queued_messages 0",
        *lines,
    ]
    (folder / "mosquitto.conf").write_text("\n".join(written) + "\n")
    broker = Mosquitto(folder, port)
    broker.up()
    try:
        yield broker
    finally:
        for speaker in broker.speakers:
            speaker.disconnect()
            speaker.loop_stop()
        broker.down()
