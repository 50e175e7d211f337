"""A server that others made, for benchmarks: started on a free port of loopback, ended by its process.

Its data lie in a folder of the benchmark's. What it spends is read from the clock that the system keeps of its
processor time, which has no ticks as `/proc` has, so that a question of a millisecond can be told.
"""

import atexit
import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PATIENCE = 30.0
"""Seconds in which a server must answer for the first time, and in which it must have ended."""


def free_ports(count: int) -> list[int]:
    """Give ports of loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def bytes_in(folders: Sequence[Path]) -> dict[Path, int]:
    """Give the bytes that each file under these folders takes on the disk; what goes away meanwhile is left out.

    Those that are only reserved and never written are none.
    """
    found: dict[Path, int] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    found[Path(place, name)] = Path(place, name).stat().st_blocks * 512
                except FileNotFoundError:
                    continue
    return found


class Server:
    """A program that answers HTTP; `ready` is a path that it answers without an error once it serves."""

    def __init__(self, command: Sequence[str], port: int, *, ready: str, log: Path) -> None:
        with log.open("ab") as told:
            self._process = subprocess.Popen(command, stdout=told, stderr=told)
        atexit.register(self.end)  # also where nobody came to hold it
        self._connection = HTTPConnection("127.0.0.1", port, timeout=3600)
        self._clock = ctypes.c_int()
        number = _LIBC.clock_getcpuclockid(self._process.pid, ctypes.byref(self._clock))
        if number:
            raise OSError(number, f"{command[0]} has no clock of its processor time")
        try:
            self._wait(ready, log)
        except BaseException:
            self.end()
            raise

    def processor(self) -> float:
        """Give the seconds of processor time that the process has used, in all its threads."""
        return time.clock_gettime(self._clock.value)

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        """Give the bytes of the answer to GET, or to POST of a body. Raises `RuntimeError` when it is an error."""
        self._connection.request("GET" if body is None else "POST", path, body)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{path[:200]} was answered {answer.status}: {said[:500]!r}")
        return said

    def rest(self, folders: Sequence[Path], *, seconds: float = 5.0, at_most: float = 1800.0) -> None:
        """Wait until nothing is written in these folders, and hardly any processor used, for some seconds.

        Raises `TimeoutError` when that does not come about.
        """
        end = time.monotonic() + at_most
        before, used = bytes_in(folders), self.processor()
        while time.monotonic() < end:
            time.sleep(seconds)
            now, spent = bytes_in(folders), self.processor()
            if now == before and spent - used < seconds / 20:
                return
            before, used = now, spent
        raise TimeoutError(f"{self._process.args} still works on its files after {at_most:g} s")

    def end(self) -> None:
        """End the process, so that what it holds in memory is written first."""
        atexit.unregister(self.end)
        self._connection.close()
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self, ready: str, log: Path) -> None:
        end = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                self.ask(ready)
            except (OSError, HTTPException, RuntimeError):
                self._connection.close()
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{self._process.args} does not serve: {log.read_text(errors='replace')[-1000:]}")
