"""An object store for tests: moto's server, which answers as Amazon S3 does and is not of this project."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import stamina

from tests.environments import install_peer

PACKAGES = ("moto[s3,server]==5.2.5",)
"""Apache-2.0; objects are kept in the server's memory, and conditional puts are honoured."""


@dataclass(frozen=True)
class ObjectStore:
    """A bucket `plant-a` on loopback."""

    address: str

    def options(self) -> dict[str, str]:
        """Give the options under which `deltalake` reaches it."""
        return {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "plantwide",
            "AWS_SECRET_ACCESS_KEY": "not a secret",
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_CONDITIONAL_PUT": "etag",
        }

    def names(self, prefix: str) -> list[str]:
        """Give the keys of objects below a prefix."""
        import xml.etree.ElementTree as ET

        asked = httpx2.get(f"{self.address}/plant-a", params={"list-type": 2, "prefix": prefix})
        listed = ET.fromstring(asked.raise_for_status().content)
        return [str(key.text) for key in listed.iter() if key.tag.endswith("}Key")]


def install(folder: Path) -> Path:
    """Give the server's program; pip needs a minute, unless `PLANTWIDE_MOTO` names an environment that has it."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (moto, an object store)")
    return install_peer(folder, PACKAGES, kept=os.environ.get("PLANTWIDE_MOTO")) / "moto_server"


@contextmanager
def running(program: Path, folder: Path) -> Iterator[ObjectStore]:
    """Serve an empty bucket on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    log = (folder / "moto.log").open("wb")
    server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        for attempt in stamina.retry_context(on=httpx2.TransportError, attempts=None, timeout=60):
            with attempt:
                httpx2.put(f"{address}/plant-a").raise_for_status()
        yield ObjectStore(address)
    finally:
        server.terminate()
        server.wait(30)
        log.close()
