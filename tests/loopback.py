"""Sockets of a test process reach this machine and no other.

The methods that name an address are replaced, not watched by an audit hook: a hook is called for each event of the
interpreter (every `id()`, every file, every frame looked at), which took a thirtieth of all tests' time.
"""

import ipaddress
import socket
from collections.abc import Callable
from functools import wraps
from typing import Any

REACHED_OUT: list[str] = []
"""What the running test tried to reach outside; to be emptied before each."""


class ReachedOutError(OSError):
    """A test tried to leave the machine; give it a server on 127.0.0.1 instead."""


def guard_sockets() -> None:
    """Let every socket from here to the end of the process refuse, and remember, addresses outside loopback."""
    for name in ("connect", "connect_ex", "bind", "sendto", "sendmsg"):
        setattr(socket.socket, name, _guard_method(name, getattr(socket.socket, name)))
    socket.getaddrinfo = _guard_lookup(socket.getaddrinfo)


def _guard_method(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        # The address comes last in each of them; only that of an internet socket begins with a text.
        address = arguments[-1] if arguments else None
        if isinstance(address, tuple) and isinstance(address[0], str):
            _refuse(name, address[0])
        return method(self, *arguments)

    return guarded


def _guard_lookup(lookup: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(lookup)
    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        _refuse("getaddrinfo", host)
        return lookup(host, *arguments, **options)

    return guarded


def _refuse(event: str, host: object) -> None:
    if not _is_here(host):
        REACHED_OUT.append(f"{event} {host!r}")
        raise ReachedOutError(f"{event} to {host!r}: tests use loopback only")


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False
