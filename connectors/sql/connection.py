"""How a database is reached: by which certificate it is known, and how long a silent one is waited for."""

import math
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy.engine import URL

from connectors.sql.settings import SqlConfig
from hub.sdk import Misconfigured

_CONNECT_S = 10.0
"""A host that answers is there sooner."""
_GRACE_S = 10.0
"""So much later than the server would end a statement, nobody is taken to be there."""
Arguments: TypeAlias = dict[str, Any]
Trust: TypeAlias = bool | str
"""In the system's authorities, in those of a file, or in anybody."""


def arguments(config: SqlConfig, url: URL) -> Arguments:
    """Give what the driver is told beside the URL; empty for a driver that is not known here.

    What the URL itself says stands: of times word by word, of TLS as a whole. Raises `Misconfigured` for a
    file of authorities that is not there or that the driver cannot take.
    """
    known = _DRIVERS.get(f"{url.get_backend_name()}+{url.get_driver_name()}")
    if known is None:
        return {}
    wait, trust, words = known
    said = {name.lower() for name in url.query}
    given = wait(config.timeout_s)
    if not any(name.startswith(words) for name in said):
        given |= trust(_trusted(config, url))
    return {name: value for name, value in given.items() if name.lower() not in said}


def limit_calls(dialect: str, connection: Any, timeout_s: float) -> None:
    """Bound every statement of a new connection, in databases where no statement of SQL does so."""
    if dialect == "oracle":
        connection.call_timeout = math.ceil(timeout_s * 1000)
    elif dialect == "mssql":
        connection.timeout = math.ceil(timeout_s)


def _trusted(config: SqlConfig, url: URL) -> Trust:
    """Give True (the system's authorities), a file of them, or False: any certificate, or none."""
    if config.verify is None:
        return not _is_local(url)
    if isinstance(config.verify, str) and not Path(config.verify).is_file():
        raise Misconfigured(
            f"`verify` names {config.verify}, and there is no such file",
            remedy="give the PEM file of the authorities that sign the database's certificate",
        )
    return config.verify


def _is_local(url: URL) -> bool:
    """Tell whether nothing leaves the machine: a socket, or loopback."""
    named = url.query.get("host", ())
    hosts = [url.host or "", *((named,) if isinstance(named, str) else named)]
    return all(_is_here(host) for part in hosts for host in part.split(","))


def _is_here(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


# ------------------------------------------------------------------------------------------- by driver
def _wait_libpq(timeout_s: float) -> Arguments:
    return {
        "connect_timeout": math.ceil(min(_CONNECT_S, max(2.0, timeout_s))),  # it takes no less than two
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }


def _trust_libpq(trusted: Trust) -> Arguments:
    if trusted is False:
        return {}
    system = ssl.get_default_verify_paths().cafile or "system"
    return {"sslmode": "verify-full", "sslrootcert": system if trusted is True else trusted}


def _wait_mysql(timeout_s: float) -> Arguments:
    return {
        "connect_timeout": math.ceil(min(_CONNECT_S, timeout_s)),
        "read_timeout": math.ceil(timeout_s + _GRACE_S),
        "write_timeout": math.ceil(timeout_s + _GRACE_S),
    }


def _trust_pymysql(trusted: Trust) -> Arguments:
    return {"ssl": _context(trusted)} if trusted else {}


def _trust_mysqlclient(trusted: Trust) -> Arguments:
    if not trusted:
        return {}
    system = ssl.get_default_verify_paths().cafile
    return {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": system if trusted is True else trusted}}


def _wait_oracle(timeout_s: float) -> Arguments:
    return {"tcp_connect_timeout": min(_CONNECT_S, timeout_s), "expire_time": 1}


def _trust_oracle(trusted: Trust) -> Arguments:
    if not trusted:
        return {}
    return {"protocol": "tcps", "ssl_server_dn_match": True, "ssl_context": _context(trusted)}


def _wait_odbc(timeout_s: float) -> Arguments:
    return {"timeout": math.ceil(min(_CONNECT_S, timeout_s))}


def _trust_odbc(trusted: Trust) -> Arguments:
    if isinstance(trusted, str):
        raise Misconfigured(
            "`verify` names a file, and Microsoft's driver takes authorities from the machine alone",
            remedy="add the authority to those of the machine and say `verify: true`",
        )
    return {"Encrypt": "yes", "TrustServerCertificate": "no" if trusted else "yes"}


def _context(trusted: Trust) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=trusted if isinstance(trusted, str) else None)
    except ssl.SSLError as error:
        raise Misconfigured(
            f"`verify` names {trusted}, which holds no certificate that can be read",
            remedy="give a PEM file of the authorities that sign the database's certificate",
        ) from error


_LIBPQ = (_wait_libpq, _trust_libpq, ("ssl", "service"))
_DRIVERS: dict[str, tuple[Callable[[float], Arguments], Callable[[Trust], Arguments], tuple[str, ...]]] = {
    "postgresql+psycopg": _LIBPQ,
    "postgresql+psycopg2": _LIBPQ,
    "mysql+pymysql": (_wait_mysql, _trust_pymysql, ("ssl",)),
    "mariadb+pymysql": (_wait_mysql, _trust_pymysql, ("ssl",)),
    "mysql+mysqldb": (_wait_mysql, _trust_mysqlclient, ("ssl",)),
    "mariadb+mysqldb": (_wait_mysql, _trust_mysqlclient, ("ssl",)),
    "oracle+oracledb": (_wait_oracle, _trust_oracle, ("protocol", "ssl", "wallet")),
    "mssql+pyodbc": (_wait_odbc, _trust_odbc, ("encrypt", "trustservercertificate", "odbc_connect")),
}
"""By driver: how long it waits, whom it trusts, and how the words of a URL begin that say so themselves."""
