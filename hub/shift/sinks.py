"""Where heads go when they leave the store: a file, a syslog, a webhook. What is handed over stays there."""

import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from hub.sdk import ConnectorError
from hub.sdk.http import post_json
from hub.shift.settings import Settings

_NOTICE = 13 * 8 + 5  # facility "log audit", severity "notice" (RFC 5424)
_TAIL_BYTES = 4096
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
Record = Mapping[str, Any]


class HandoverFailed(Exception):
    """A head could not be handed over; the next one covers it, so mend what is named and wait."""


class Sink(Protocol):
    """Takes heads and keys, one JSON object each."""

    name: str

    @property
    def is_empty(self) -> bool:
        """Whether it has taken nothing yet that we could know of, so that it needs the keys first."""
        ...

    def send(self, record: Record) -> None:
        """Hand over; raises `HandoverFailed`."""
        ...


class FileSink:
    """A file of JSON lines that only grows; each line is on the disk before `send` ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.name = str(file)

    @property
    def is_empty(self) -> bool:
        """Whether the file is not there yet, or empty."""
        return not self.file.exists() or self.file.stat().st_size == 0

    def send(self, record: Record) -> None:
        """Append a line, unless it is the last one already."""
        line = orjson.dumps(record)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                self._append(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise HandoverFailed(f"{self.file}: {error.strerror}") from error

    def _append(self, descriptor: int, line: bytes) -> None:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        if tail.endswith(line + b"\n") and tail[-len(line) - 2 : -len(line) - 1] in {b"", b"\n"}:
            return
        torn = b"\n" if tail and not tail.endswith(b"\n") else b""  # a stop amid a line ends that line
        os.write(descriptor, torn + line + b"\n")
        os.fsync(descriptor)
        if size == 0:
            folder = os.open(self.file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


class SyslogSink:
    """A syslog (RFC 5424): a local socket, UDP, or TCP with counted messages."""

    is_empty = True

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        is_local = address.startswith("/")
        if not is_local and (parts.scheme not in {"udp", "tcp"} or not parts.hostname):
            msg = f"heads_syslog {address!r}: write /dev/log, udp://host:514 or tcp://host:601"
            raise ValueError(msg)
        self.name = f"syslog {address}"
        self._path = address if is_local else None
        self._is_counted = parts.scheme == "tcp"
        self._host, self._port = parts.hostname or "", parts.port or (601 if self._is_counted else 514)

    def send(self, record: Record) -> None:
        """Send one message."""
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        head = f"<{_NOTICE}>1 {when} {socket.gethostname()[:255]} plantwide {os.getpid()} {record['kind']} - "
        message = head.encode() + orjson.dumps(record)
        try:
            if self._path is not None:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
                    local.sendto(message, self._path)
            elif self._is_counted:
                with socket.create_connection((self._host, self._port), timeout=10) as remote:
                    remote.sendall(b"%d %s" % (len(message), message))
            else:
                self._send_datagram(message)
        except OSError as error:
            raise HandoverFailed(f"{self.name}: {error.strerror or error}") from error

    def _send_datagram(self, message: bytes) -> None:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], found[1]) as remote:
            remote.sendto(message, found[4])


class WebhookSink:
    """An address that takes each record as the body of a POST; its name leaves out what may be secret."""

    is_empty = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            msg = "heads_webhook: write an https address; heads must not be changed on their way"
            raise ValueError(msg)
        self.name = f"webhook on {parts.hostname}"
        self._url = url

    def send(self, record: Record) -> None:
        """Post one record."""
        try:
            post_json(self._url, orjson.dumps(record))
        except ConnectorError as error:
            raise HandoverFailed(f"{self.name}: {error}") from error


def open_sinks(settings: Settings) -> list[Sink]:
    """Give the sinks of the settings; a file always. Raises `ValueError` for an address that is none."""
    sinks: list[Sink] = [FileSink(settings.heads_file or settings.data / "heads" / "heads.jsonl")]
    if settings.heads_syslog:
        sinks.append(SyslogSink(settings.heads_syslog))
    if settings.heads_webhook:
        sinks.append(WebhookSink(settings.heads_webhook.get_secret_value()))
    return sinks
