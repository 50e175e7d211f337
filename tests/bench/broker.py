"""A broker on loopback that says prepared MQTT 5 messages to whoever subscribes, as fast as they are acknowledged."""

import multiprocessing
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

_CONNECT, _PUBACK, _SUBSCRIBE, _PING, _DISCONNECT = 1, 4, 8, 12, 14
_AT_ONCE = 200
"""Messages on their way unacknowledged; less than any client here says that it takes."""
LIST = "-list"
"""How the connectors' sessions end that only listen for tags."""


def write_message(topic: str, payload: bytes, number: int) -> bytes:
    """Write a PUBLISH with QoS 1 (MQTT 5, 3.3); `number` makes its packet identifier."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">HB", number % 65_535 + 1, 0) + payload
    return b"\x32" + _write_length(len(body)) + body


@contextmanager
def speak(messages: Sequence[bytes], *, listed: int = 0) -> Generator[int]:
    """Serve on a free port of loopback and give it, from a process of its own: its work is not the client's.

    A client whose identifier ends in `-list` hears the first `listed` messages, as if they were retained.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, messages, listed), daemon=True)
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        process.join(10)


def _serve(ready: Connection, messages: Sequence[bytes], listed: int) -> None:
    """Serve until the other end of the pipe is closed."""

    class Session(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            line: socket.socket = self.request
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError), line.makefile("rb", 65_536) as told:
                _talk(
                    told.read, line, lambda client: messages[:listed] if client.endswith(LIST) else messages
                )

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        ready.send(server.server_address[1])
        with suppress(EOFError):
            ready.recv()
        server.shutdown()


def _talk(read: Callable[[int], bytes], line: socket.socket, told: Callable[[str], Sequence[bytes]]) -> None:
    """Answer one client; more is said whenever half of what was said last is acknowledged."""
    client, owed = "", 0
    waiting: Iterator[bytes] = iter(())
    for kind, body in _frames(read):
        if kind == _CONNECT:
            client = _read_client(body)
            line.sendall(b"\x20\x03\x00\x00\x00")
        elif kind == _SUBSCRIBE:
            line.sendall(_grant(body))
            waiting = _bundles(told(client))
            owed += _say(line, waiting) + _say(line, waiting)
        elif kind == _PUBACK:
            owed -= 1
            if owed <= _AT_ONCE // 2:
                owed += _say(line, waiting)
        elif kind == _PING:
            line.sendall(b"\xd0\x00")
        elif kind == _DISCONNECT:
            return


def _say(line: socket.socket, waiting: Iterator[bytes]) -> int:
    bundle = next(waiting, b"")
    line.sendall(bundle)
    return _AT_ONCE // 2 if bundle else 0


def _bundles(messages: Sequence[bytes]) -> Iterator[bytes]:
    half = _AT_ONCE // 2
    return (b"".join(messages[start : start + half]) for start in range(0, len(messages), half))


def _frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """Give kind and body of each packet until the line ends."""
    while head := read(1):
        size = shift = 0
        while True:
            (byte,) = read(1)
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield head[0] >> 4, read(size)


def _read_client(body: bytes) -> str:
    """Give the client identifier of a CONNECT (MQTT 5, 3.1): behind ten fixed bytes and the properties."""
    start = 11 + body[10]
    (size,) = struct.unpack_from(">H", body, start)
    return body[start + 2 : start + 2 + size].decode()


def _grant(body: bytes) -> bytes:
    """Give the SUBACK of a SUBSCRIBE: QoS 1 for each of its topics."""
    at, topics = 3 + body[2], 0
    while at < len(body):
        at += 3 + struct.unpack_from(">H", body, at)[0]
        topics += 1
    return b"\x90" + _write_length(3 + topics) + body[:2] + b"\x00" + b"\x01" * topics


def _write_length(size: int) -> bytes:
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*out, size])
