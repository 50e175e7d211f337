"""Tryton's JSON-RPC: logging in, a session that may end at any time, and rows with their links' fields."""

import base64
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

from connectors.tryton.config import TrytonConfig
from hub.sdk import ConnectorError, HttpClient, Misconfigured, Unauthorized, Unavailable

Row: TypeAlias = dict[str, Any]
Domain: TypeAlias = list[Any]

_PASSING = ("ConcurrencyException", "TimeoutException", "OperationalError")


class NoSuchModelError(Misconfigured):
    """The database has no such model: the module that brings it is not activated."""


class TrytonClient(HttpClient):
    """Reads the models of one database with one user's rights."""

    def __init__(self, config: TrytonConfig) -> None:
        super().__init__(
            config.url.rstrip("/") + "/",
            # plain HTTP has no certificates to check: loading the authorities would only take time
            verify=str(config.ca_file) if config.ca_file else config.url.startswith("https"),
            limits=config.limits(),
        )
        self._config = config
        self._path = ""
        self._session: dict[str, str] = {}
        self._context: Row = {}

    def version(self) -> str:
        """Give the server's version where it tells strangers (it does from 8 on), else nothing."""
        with suppress(ConnectorError):
            return str(self._post("rpc/", "common.server.version", [], headers={}) or "")
        return ""

    def fields(self, model: str) -> dict[str, Row]:
        """Give the fields of a model. Raises `NoSuchModelError`."""
        return cast("dict[str, Row]", _mapping(self._call(model, "fields_get", [[]])))

    def rows(
        self, model: str, domain: Domain, fields: list[str], *, order: Domain, limit: int | None = None
    ) -> list[Row]:
        """Give the rows that a domain lets through; `lot.number` comes as `lot.` with `number` in it."""
        told = self._call(model, "search_read", [domain, 0, limit, order, fields])
        if not isinstance(told, list):
            raise Unavailable(f"search_read of {model} answered no list of rows")
        return [cast("Row", row) for row in cast("list[Any]", told) if isinstance(row, dict)]

    def log_out(self) -> None:
        """End the session, if there is one; what goes wrong then is of no matter."""
        if self._session:
            with suppress(ConnectorError):
                self._post(self._path, "common.db.logout", [], headers=self._session)
            self._session = {}

    def _call(self, model: str, method: str, parameters: list[Any]) -> Any:
        """Call a method, and once more with a new session when the old one has ended."""
        called = f"model.{model}.{method}"
        is_new = not self._session
        self._begin()
        try:
            return self._post(self._path, called, [*parameters, self._context], headers=self._session)
        except Unauthorized:
            if is_new:
                raise
            self._session = {}
            self._begin()
            return self._post(self._path, called, [*parameters, self._context], headers=self._session)

    def _begin(self) -> None:
        """Log in where that is needed; find out by the way where this version takes calls."""
        if self._session:
            return
        user, secret = self._config.user, self._config.password.get_secret_value()
        asked = [user, {"password": secret, "device_cookie": None}, "en"]
        told = self._log_in_at(f"{self._config.database}/rpc/", asked)  # from 8 on
        if told is None:
            told = self._log_in_at(f"{self._config.database}/", asked)  # to 7
        if told is None:
            raise Misconfigured(
                f"there is no database {self._config.database!r} at {self._config.url}",
                remedy="check `url` and `database`",
            )
        number, key = told
        pair = base64.b64encode(f"{user}:{number}:{key}".encode()).decode()
        self._session = {"authorization": f"Session {pair}"}
        preferences = self._post(
            self._path, "model.res.user.get_preferences", [True, {}], headers=self._session
        )
        self._context = {**_mapping(preferences), "active_test": False}

    def _log_in_at(self, path: str, asked: list[Any]) -> tuple[int, str] | None:
        """Give number and key of a new session; None when nobody takes calls at this path."""
        try:
            told = self._post(path, "common.db.login", asked, headers={})
        except Misconfigured as error:
            if " 404" in error.what or " 405" in error.what:
                return None
            raise
        except Unauthorized as error:
            raise Unauthorized(
                f"Tryton does not let {self._config.user!r} in", remedy="check `user` and `password`"
            ) from error
        parts = cast("list[Any]", told) if isinstance(told, list) else []
        if len(parts) < 2:
            raise Unauthorized(
                f"Tryton does not let {self._config.user!r} in by a password alone",
                remedy="give the user `password` as its only authentication method",
            )
        self._path = path
        return int(parts[0]), str(parts[1])

    def _post(self, path: str, method: str, parameters: list[Any], *, headers: dict[str, str]) -> Any:
        told = self.ask(path, {"id": 1, "method": method, "params": parameters}, headers=headers)
        answer = _mapping(told)
        if answer.get("error"):
            raise _fault(answer["error"], method)
        if "result" not in answer:
            raise Misconfigured(f"POST {path} answered no JSON-RPC", remedy="`url` must lead to Tryton")
        return answer["result"]


def _fault(error: Any, method: str) -> ConnectorError:
    """Turn the error of a 200 answer, a list of kind and message, into ours."""
    parts = [str(part) for part in cast("list[Any]", error)] if isinstance(error, list) else [str(error)]
    kind, message = [*parts, "", ""][:2]
    what = f"{method}: Tryton says {kind}{': ' + message if message else ''}"[:400]
    model = method.removeprefix("model.").rpartition(".")[0]
    if kind == f"'{model}'":
        return NoSuchModelError(
            f"there is no model {model}", remedy="activate its module in Tryton, or leave out the stream"
        )
    if "AccessError" in kind or "not allowed" in message:
        return Unauthorized(what, remedy="give the user read access (see the connector's README)")
    if kind in _PASSING:
        return Unavailable(what)
    return Misconfigured(what, remedy="check that this version of Tryton has what is asked for")


def _mapping(value: Any) -> Row:
    return cast("Row", value) if isinstance(value, dict) else {}


def write_time(moment: datetime) -> Row:
    """Give an instant as Tryton's JSON has it: without a zone, in UTC."""
    utc = moment.astimezone(UTC)
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{name: getattr(utc, name) for name in names}}
