"""Questions to an InfluxDB: InfluxQL and Flux, answered as CSV, and what its errors mean."""

from typing import Any, cast

import orjson

from connectors.influxdb.settings import BasicAuth, InfluxDbConfig, TokenAuth
from hub.sdk import ConnectorError, HttpClient, HttpLimits, Misconfigured, Unavailable

_WITNESS = b"name,tags,name\ndatabases,,"
"""How the answer to the last question of each request begins."""


class InfluxClient(HttpClient):
    """The HTTP client of one database."""

    def __init__(self, config: InfluxDbConfig) -> None:
        basic, headers = _credentials(config)
        super().__init__(
            config.base_url.rstrip("/"),
            auth=basic,
            headers=headers,
            verify=config.verify if config.base_url.startswith("https") else False,  # nothing to verify
            limits=HttpLimits(
                max_bytes=config.max_mib * 1024 * 1024,
                timeout_s=config.timeout_s,
                per_second=config.per_second,
            ),
        )
        self._config = config
        self.version = ""

    def select(self, statement: str) -> bytes:
        """Give the answer to an InfluxQL statement as CSV, times in microseconds.

        An answer in CSV says nothing of a statement that failed; but after one that failed no other is
        carried out. So a second one is asked in the same request, and its answer is the witness of the first.
        """
        params = {"db": self._config.database, "epoch": "u", "q": f"{statement}; SHOW DATABASES"}
        body = self.query("/query", b"", params=params, accept="application/csv")
        at = body.rfind(_WITNESS)
        if at < 0 or (at and body[at - 1 : at] != b"\n"):
            self.show(statement)  # says what was wrong
            raise Unavailable(f"{self._config.base_url} broke off: {statement[:200]}")
        return body[: max(0, at - 1)]

    def show(self, statement: str) -> list[dict[str, Any]]:
        """Give the rows of an InfluxQL statement. Raises `Misconfigured` with the server's words."""
        params = {"db": self._config.database, "epoch": "u", "q": statement}
        said = self.query("/query", b"", params=params)
        try:
            answer: dict[str, Any] = orjson.loads(said)
        except orjson.JSONDecodeError as error:
            raise _foreign(said) from error
        rows: list[dict[str, Any]] = []
        results: list[dict[str, Any]] = answer.get("results") or []
        for result in results:
            if "error" in result:
                raise Misconfigured(
                    f"InfluxDB refused {statement[:120]!r}: {result['error']}",
                    remedy="check `database`, `retention_policy` and what the user may read",
                )
            told: list[dict[str, Any]] = result.get("series") or []
            for series in told:
                names = series["columns"]
                rows += [
                    {**dict(zip(names, row, strict=True)), "_name": series.get("name", "")}
                    for row in cast("list[list[Any]]", series.get("values") or [])
                ]
        return rows

    def flux(self, script: str) -> bytes:
        """Give the answer to a Flux script as annotated CSV."""
        dialect = {"annotations": ["datatype", "group", "default"], "header": True, "delimiter": ","}
        question = orjson.dumps({"query": script, "type": "flux", "dialect": dialect})
        said = self.query(
            "/api/v2/query", question, params={"org": self._config.org}, accept="application/csv"
        )
        if said.lstrip()[:1] == b"<":
            raise _foreign(said)
        return said

    def _check(self, answer: Any) -> None:
        self.version = str(answer.headers.get("x-influxdb-version") or "")
        if answer.status_code in (400, 404, 422):
            first: bytes = next(answer.iter_raw(4096), b"")
            told = first.decode(errors="replace").strip()
            raise Misconfigured(
                f"InfluxDB answered {answer.status_code}: {told[:300]}",
                remedy="check `language`, `database` and `org`",
            )
        super()._check(answer)


def _foreign(said: bytes) -> ConnectorError:
    """Give the error of an answer that InfluxDB does not give."""
    if said.lstrip()[:1] == b"<":
        return Misconfigured(
            "a page for people answered, no InfluxDB", remedy="check `base_url`; it may be a login page"
        )
    return Unavailable("InfluxDB answered broken JSON")


def _credentials(config: InfluxDbConfig) -> tuple[tuple[str, str] | None, dict[str, str]]:
    match config.auth:
        case BasicAuth(user=user, password=password):
            return (user, password.get_secret_value()), {}
        case TokenAuth(token=token):
            return None, {"authorization": f"Token {token.get_secret_value()}"}
        case None:
            return None, {}
