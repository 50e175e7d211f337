"""Connectors that read records over HTTP against the bare client: the same questions, each answer decoded."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from connectors.benchling import Benchling, BenchlingConfig
from connectors.odoo import Odoo, OdooConfig
from connectors.rest import Rest, RestConfig
from connectors.sap_odata import SapConfig, SapOdata
from connectors.senaite import Senaite, SenaiteConfig
from connectors.tryton import Tryton, TrytonConfig
from hub.sdk import RecordSource
from hub.sdk.testing.loopback import Answered, Asked, serve
from tests.bench.reading import DOCUMENTS, race, read_documents, weigh
from tests.bench.replay import listen, tell
from tests.bench.ruler import Row
from tests.bench.shelf import Shelf
from tests.connectors.benchling.tenant import result
from tests.connectors.odoo.plant import production
from tests.connectors.sap_odata.rows import order
from tests.connectors.sap_odata.sap_server import as_v4
from tests.connectors.senaite.laboratory import analysis
from tests.connectors.tryton.plant import move
from tests.connectors.tryton.tryton_server import moment

ROWS, PAGE = 2_000, 200
Answer = Callable[[Asked], Answered]


@dataclass(frozen=True, kw_only=True)
class Web:
    """A kind of connector, one of its streams, and a server of so many objects."""

    name: str
    make: Callable[[str], RecordSource[Any]]
    stream: str
    serve: Callable[[int], Answer]

    def measure(self) -> Iterator[Row]:
        """Give its rate and its memory."""

        def read(url: str, *, parsed: bool = False) -> int:
            return read_documents(self.make(url), self.stream, parsed=parsed)

        with listen(self.serve(ROWS), reader=read) as talk, serve(self.serve(10 * ROWS)) as tenfold:
            yield from race(
                self.name,
                DOCUMENTS,
                ROWS,
                connector=partial(read, talk.url),
                bare=partial(talk.repeat, json.loads),
                stated=partial(read, talk.url, parsed=True),
            )
            yield weigh(self.name, partial(read, talk.url), partial(read, tenfold))


def _options(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}


# ------------------------------------------------------------------------------------------------ rest
def _item(n: int, changed: datetime) -> dict[str, Any]:
    at = changed.isoformat()
    return {"id": f"S-{n:06d}", "batch": f"B{n // 50}", "taken": at, "changed": at, "value": n / 7}


def _serve_items(rows: int) -> Answer:
    shelf = Shelf(rows, _item)
    return lambda asked: tell(shelf.cut((int(_options(asked).get("page", "1")) - 1) * PAGE, PAGE))


def _rest(url: str) -> Rest:
    fields = {"key": "id", "code": "id", "batch": "batch", "taken_at": "taken"}
    stream = {
        "path": "/samples",
        "key": "id",
        "changed_at": "changed",
        "paging": {"kind": "page", "size": PAGE, "stable": True},
        "records": [{"record": "sample", "fields": fields}],
    }
    return Rest(RestConfig.model_validate({"base_url": url, "streams": {"samples": stream}}))


def bench_rest(folder: Path) -> Iterator[Row]:
    """Items of a JSON API, by a written mapping."""
    yield from Web(name="rest", make=_rest, stream="samples", serve=_serve_items).measure()


# ------------------------------------------------------------------------------------------- benchling
def _serve_results(rows: int) -> Answer:
    shelf = Shelf(rows, lambda n, at: {**result(f"res_{n}"), "modifiedAt": at.isoformat()})

    def answer(asked: Asked) -> Answered:
        options = _options(asked)
        since = options.get("modifiedAt.gte")
        start, size = shelf.find(datetime.fromisoformat(since) if since else None), int(options["pageSize"])
        following = str(start + size) if start + size < rows else ""
        return tell(b'{"assayResults":%b,"nextToken":"%b"}' % (shelf.cut(start, size), following.encode()))

    return answer


def _benchling(url: str) -> Benchling:
    schema = {
        "schema_id": "assaysch_hplc",
        "subject": "sample",
        "tests": {"titer": "TITER", "ph": "PH"},
        "measured_at": "at",
    }
    return Benchling(BenchlingConfig.model_validate({"url": url, "api_key": "key", "tests": [schema]}))


def bench_benchling(folder: Path) -> Iterator[Row]:
    """Assay results of a Benchling tenant, 100 a page as its API allows."""
    yield from Web(name="benchling", make=_benchling, stream="assaysch_hplc", serve=_serve_results).measure()


# --------------------------------------------------------------------------------------------- senaite
def _serve_analyses(rows: int) -> Answer:
    shelf = Shelf(rows, lambda n, at: analysis(f"a{n}", modified=at.isoformat()))

    def answer(asked: Asked) -> Answered:
        if asked.target.partition("?")[0].endswith("users/current"):
            return tell(b'{"count":1,"items":[{"username":"hub","authenticated":true}]}')
        options = _options(asked)
        return tell(
            b'{"count":%d,"items":%b}' % (rows, shelf.cut(int(options["b_start"]), int(options["limit"])))
        )

    return answer


def _senaite(url: str) -> Senaite:
    told = {"url": url, "user": "hub", "password": "word", "page_size": PAGE}
    return Senaite(SenaiteConfig.model_validate(told))


def bench_senaite(folder: Path) -> Iterator[Row]:
    """Analyses of a SENAITE laboratory."""
    yield from Web(name="senaite", make=_senaite, stream="analyses", serve=_serve_analyses).measure()


# ------------------------------------------------------------------------------------------------ odoo
_WRITTEN = re.compile(rb'\["write_date",">=","([^"]+)"\]')


def _serve_productions(rows: int) -> Answer:
    def make(n: int, at: datetime) -> dict[str, Any]:
        return production([n, f"WH/MO/{n:05d}"], "done", write_date=at.strftime("%Y-%m-%d %H:%M:%S"))

    shelf = Shelf(rows, make)
    fields = orjson.dumps({name: {"type": "char"} for name in make(0, datetime.now(UTC))})

    def answer(asked: Asked) -> Answered:
        if b'"authenticate"' in asked.body:
            return tell(b'{"jsonrpc":"2.0","id":1,"result":2}')
        if b'"fields_get"' in asked.body:
            return tell(b'{"jsonrpc":"2.0","id":1,"result":%b}' % fields)
        found = _WRITTEN.search(asked.body)
        since = datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC) if found else None
        return tell(b'{"jsonrpc":"2.0","id":1,"result":%b}' % shelf.cut(shelf.find(since), PAGE))

    return answer


def _odoo(url: str) -> Odoo:
    login = {"database": "plant", "user": "hub", "password": "word"}
    return Odoo(OdooConfig.model_validate({"url": url, **login, "page_size": PAGE}))


def bench_odoo(folder: Path) -> Iterator[Row]:
    """Manufacturing orders of an Odoo database over JSON-RPC."""
    yield from Web(name="odoo", make=_odoo, stream="productions", serve=_serve_productions).measure()


# ---------------------------------------------------------------------------------------------- tryton
def _serve_moves(rows: int) -> Answer:
    def make(n: int, at: datetime) -> dict[str, Any]:
        return {**move(n), "write_date": moment(at.strftime("%Y-%m-%d %H:%M:%S"))}

    shelf = Shelf(rows, make)
    fields = orjson.dumps({name.rstrip("."): {"type": "char"} for name in move(0)})

    def answer(asked: Asked) -> Answered:
        question = orjson.loads(asked.body)
        method = question["method"]
        given = b"null"
        if method == "common.db.login":
            given = b'[1,"key"]'
        elif method.endswith("get_preferences"):
            given = b'{"company":1}'
        elif method.endswith("fields_get"):
            given = fields
        elif method.endswith("search_read"):
            given = _cut_moves(shelf, question["params"][0])
        return tell(b'{"id":1,"result":%b}' % given)

    return answer


def _cut_moves(shelf: Shelf, domain: list[Any]) -> bytes:
    """Give the moves that a domain lets through: all of them were changed once."""
    if ["write_date", "=", None] in domain:
        return b"[]"
    since = next((term[2] for term in domain if term[:2] == ["write_date", ">="]), None)
    if since is None:
        return shelf.cut(0, PAGE)
    parts = (since[name] for name in ("year", "month", "day", "hour", "minute", "second"))
    return shelf.cut(shelf.find(datetime(*parts, tzinfo=UTC)), PAGE)


def _tryton(url: str) -> Tryton:
    told = {"url": url, "database": "plant", "user": "hub", "password": "word", "page_size": PAGE}
    return Tryton(TrytonConfig.model_validate({**told, "timezone": "UTC"}))


def bench_tryton(folder: Path) -> Iterator[Row]:
    """Movements of a Tryton database."""
    yield from Web(name="tryton", make=_tryton, stream="moves", serve=_serve_moves).measure()


# ------------------------------------------------------------------------------------------- sap_odata
def _serve_orders(rows: int, protocol: str) -> Answer:
    def make(n: int, at: datetime) -> dict[str, Any]:
        made = order(str(1_000_000 + n), at.strftime("%Y%m%d%H%M%S"), f"B{n}")
        return made if protocol == "v2" else as_v4(made)

    shelf = Shelf(rows, make)
    around = b'{"d":{"results":%b}}' if protocol == "v2" else b'{"@odata.context":"$metadata","value":%b}'

    def answer(asked: Asked) -> Answered:
        options = _options(asked)
        return tell(around % shelf.cut(int(options["$skip"]), int(options["$top"])))

    return answer


def _sap(protocol: str, url: str) -> SapOdata:
    told = {"url": url, "protocol": protocol, "timezone": "Europe/Dublin", "page_size": PAGE}
    return SapOdata(SapConfig.model_validate(told))


def bench_sap_odata(folder: Path) -> Iterator[Row]:
    """Process orders of an S/4HANA with their items, by both versions of OData."""
    for protocol in ("v2", "v4"):
        yield from Web(
            name=f"sap_odata {protocol.upper()}",
            make=partial(_sap, protocol),
            stream="orders",
            serve=partial(_serve_orders, protocol=protocol),
        ).measure()
