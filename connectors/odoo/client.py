"""The external API of Odoo: JSON-RPC, or JSON-2 from version 19 on; only its reading methods are called."""

from contextlib import suppress
from typing import Any, TypeAlias, cast

from connectors.odoo.config import OdooConfig
from hub.sdk import ConnectorError, HttpClient, Misconfigured, Unauthorized, Unavailable

Row: TypeAlias = dict[str, Any]
Domain: TypeAlias = list[Any]

_REFUSED = ("AccessDenied", "AccessError")
_PASSING = ("OperationalError", "SerializationFailure", "LockNotAvailable", "PoolError", "TimeoutError")
_NO_DATABASE = "does not exist"


class NoSuchModelError(Misconfigured):
    """The database has no such model: its app is not installed, or another version calls it otherwise."""


class OdooClient(HttpClient):
    """Reads the models of one database with one user's rights."""

    def __init__(self, config: OdooConfig) -> None:
        super().__init__(
            config.url.rstrip("/") + "/",
            # plain HTTP has no certificates to check: loading the authorities would only take time
            verify=str(config.ca_file) if config.ca_file else config.url.startswith("https"),
            limits=config.limits(),
        )
        self._config = config
        self._user_id: int | None = None
        self._context = {"active_test": False}  # archived products still have lots and moves

    def version(self) -> str:
        """Give the server's version; nobody needs to be logged in for that."""
        if self._config.api == "json2":
            found: Any = self.get_json("web/version")
            return str(_mapping(found).get("version") or "")
        return str(_mapping(self._rpc("common", "version", [])).get("server_version") or "")

    def fields(self, model: str) -> dict[str, Row]:
        """Give the fields of a model that the user may see. Raises `NoSuchModelError`."""
        told = self._call(model, "fields_get", attributes=["type"])
        return cast("dict[str, Row]", _mapping(told))

    def first_of(self, models: tuple[str, ...]) -> tuple[str, dict[str, Row]]:
        """Give the first of a model's names that there is, with its fields. Raises `NoSuchModelError`."""
        for model in models[:-1]:
            with suppress(NoSuchModelError):
                return model, self.fields(model)
        return models[-1], self.fields(models[-1])

    def rows(
        self,
        model: str,
        domain: Domain,
        fields: list[str],
        *,
        order: str = "id asc",
        limit: int | None = None,
    ) -> list[Row]:
        """Give the rows that a domain lets through."""
        asked: Row = {"domain": domain, "fields": fields, "order": order, "context": self._context}
        told = self._call(model, "search_read", **asked, **({"limit": limit} if limit else {}))
        if not isinstance(told, list):
            raise Unavailable(f"search_read of {model} answered no list of rows")
        return [cast("Row", row) for row in cast("list[Any]", told) if isinstance(row, dict)]

    def _call(self, model: str, method: str, **named: Any) -> Any:
        if self._config.api == "json2":
            return self._call_json2(model, method, named)
        place = [named.pop("domain")] if "domain" in named else []
        secret = self._config.password.get_secret_value()
        args = [self._config.database, self._user(), secret, model, method, place, named]
        return self._rpc("object", "execute_kw", args, doing=f"{method} of {model}")

    def _call_json2(self, model: str, method: str, named: Row) -> Any:
        headers = {
            "authorization": f"bearer {self._config.password.get_secret_value()}",
            "x-odoo-database": self._config.database,
        }
        try:
            return self.ask(f"json/2/{model}/{method}", named, headers=headers)
        except Misconfigured as error:
            if " 404" in error.what:
                raise NoSuchModelError(
                    f"there is no model {model}", remedy="install its app in Odoo, or leave out the stream"
                ) from error
            raise

    def _user(self) -> int:
        """Give the user's number; Odoo answers a wrong password with 200 and `false`."""
        if self._user_id is None:
            secret = self._config.password.get_secret_value()
            args: list[Any] = [self._config.database, self._config.user, secret, {}]
            told = self._rpc("common", "authenticate", args, doing="logging in")
            if not isinstance(told, int) or isinstance(told, bool):
                raise Unauthorized(
                    f"Odoo does not let {self._config.user!r} in",
                    remedy="check `user` and `password` (an API key where two factors are asked for)",
                )
            self._user_id = told
        return self._user_id

    def _rpc(self, service: str, method: str, args: list[Any], *, doing: str = "") -> Any:
        question = {"service": service, "method": method, "args": args}
        told = self.ask("jsonrpc", {"jsonrpc": "2.0", "method": "call", "id": 1, "params": question})
        answer = _mapping(told)
        if answer.get("error"):
            raise _fault(_mapping(answer["error"]), doing or method)
        if "result" not in answer:
            raise Misconfigured(
                "POST jsonrpc answered no JSON-RPC", remedy="`url` must lead to Odoo itself, without a path"
            )
        return answer["result"]


def _fault(error: Row, doing: str) -> ConnectorError:
    """Turn the error of a 200 answer into ours; its traceback tells of the server's inside and stays out."""
    data = _mapping(error.get("data"))
    kind = str(data.get("name") or "").rpartition(".")[2]
    message = str(data.get("message") or error.get("message") or "no message").strip().splitlines()[0][:300]
    what = f"{doing}: Odoo says {kind or 'error'}: {message}"
    if "doesn't exist" in message and kind in {"UserError", "KeyError"}:
        return NoSuchModelError(what, remedy="install its app in Odoo, or leave out the stream")
    if kind in _REFUSED:
        return Unauthorized(what, remedy="give the user read access (see the connector's README)")
    if kind in _PASSING and _NO_DATABASE not in message:
        return Unavailable(what)
    return Misconfigured(what, remedy="check `database`, and that this version of Odoo has what is asked for")


def _mapping(value: Any) -> Row:
    return cast("Row", value) if isinstance(value, dict) else {}
