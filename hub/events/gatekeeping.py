"""Where webhooks may go: to the public internet by https, and to networks that the plant has named.

Whoever may make a webhook could else have the hub ask addresses that only the hub can reach (server-side
request forgery; OWASP API Security Top 10 2023, API7). A name is looked up here, and the connection goes to
the address that was judged, so that no second answer of a name server leads elsewhere.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LookUp = Callable[[str, int], list[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
LONGEST = 2_000


class Forbidden(ValueError):
    """A webhook may not go there; the message says why and what may be done."""


class Unresolved(Exception):
    """No address has the name of the receiver's host; check the name."""


@dataclass(frozen=True)
class Target:
    """An address that was judged: the URL, its host and port, and the IP addresses to connect to."""

    url: str
    host: str
    port: int
    addresses: tuple[str, ...]


def look_up(host: str, port: int) -> list[str]:
    """Give the IP addresses of a name. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Gatekeeper:
    """Judges addresses; `networks` are those beside the public internet, and http is for them alone."""

    networks: tuple[Network, ...] = ()
    resolve: LookUp = look_up

    @classmethod
    def of(cls, networks: Sequence[str]) -> "Gatekeeper":
        """Give the gatekeeper of a setting. Raises `ValueError` for what is no network."""
        return cls(tuple(ipaddress.ip_network(one) for one in networks))

    def check(self, url: str) -> None:
        """Judge what can be judged without looking up a name. Raises `Forbidden`."""
        host, _, is_plain = _split(url)
        if is_plain and not self.networks:
            raise Forbidden("write an https address: http only goes to networks named in webhook_networks")
        address = _as_address(host)
        if address is not None:
            self._judge(address, is_plain=is_plain)

    def find(self, url: str) -> Target:
        """Judge an address and give where to connect. Raises `Forbidden`, `Unresolved`."""
        host, port, is_plain = _split(url)
        literal = _as_address(host)
        try:
            found = [str(literal)] if literal is not None else self.resolve(host, port)
            addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        except (OSError, ValueError) as error:
            raise Unresolved(f"the name of the host cannot be looked up ({type(error).__name__})") from error
        if not addresses:
            raise Unresolved("the name of the host has no address")
        for address in addresses:  # all of them: which one is taken is nobody's choice here
            self._judge(address, is_plain=is_plain)
        return Target(url, host, port, tuple(str(address) for address in addresses))

    def _judge(self, address: Address, *, is_plain: bool) -> None:
        inner = _unwrap(address)
        if any(inner.version == network.version and inner in network for network in self.networks):
            return
        if is_plain:
            raise Forbidden("http only goes to networks named in webhook_networks; write an https address")
        if not inner.is_global or inner.is_multicast or inner.is_reserved:
            raise Forbidden(
                "the host is not on the public internet; whoever runs the hub may name its network in "
                "webhook_networks"
            )


def _split(url: str) -> tuple[str, int, bool]:
    """Give host, port and whether it is http. Raises `Forbidden` for what is no address to post to."""
    if len(url) > LONGEST or any(sign <= " " or sign in {"\x7f", "\\"} for sign in url):
        raise Forbidden(f"write an address of at most {LONGEST} characters without blanks")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("https", "http") or not host:
            raise Forbidden("write an address such as https://receiver.example/plantwide")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise Forbidden("write the address without user, password and fragment: messages are signed")
        host = host.encode("idna").decode() if not host.isascii() else host
    except Forbidden:
        raise
    except ValueError as error:
        raise Forbidden("write an address such as https://receiver.example/plantwide") from error
    is_plain = parts.scheme == "http"
    return host, port or (80 if is_plain else 443), is_plain


def _as_address(host: str) -> Address | None:
    """Give the address that a host is, however it is written (`127.1`, `2130706433`); None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host)) if host[:1].isdigit() else None
    except OSError:
        return None


def _unwrap(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 address stands for (RFC 4291, 2.5.5.2; RFC 6052; RFC 3056)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
