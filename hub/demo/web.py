"""The HTTP faces of the sources: OData V2 for the ERP, a JSON API for the laboratory, files for the MES."""

import base64
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hub.demo.clock import read_clock
from hub.demo.erp import rows_of
from hub.demo.erp_types import ENTITY_TYPES, SERVICES, metadata_of
from hub.demo.folder import DocumentFolder
from hub.demo.ledger import Ledger, Row
from hub.demo.odata import QueryError, print_error, print_page, print_row, read_key, select_page
from hub.model.instant import format_instant, parse_instant

SIMULATOR = "Plantwide demo plant: a simulator, shaped by SAP's public API documentation; not SAP"
_NOT_FOUND = "005056A509B11EE1B9A8FEC11C21D78E"
_BAD_REQUEST = "005056A509B11ED189BE4D4C0B0A0FB5"
_SAP_ROOT = "/sap/opu/odata/sap"

Endpoint = Callable[[Request], Awaitable[Response]]


# --------------------------------------------------------------------------------------------------- ERP
def erp_app(directory: Path, ledger: Ledger, *, user: str, password: str) -> Starlette:
    """Give the OData V2 services of the ERP under `/sap/opu/odata/sap/<service>/`, behind Basic login."""
    login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def answer(request: Request) -> Response:
        if not secrets.compare_digest(request.headers.get("authorization", ""), login):
            return Response(
                "Anmeldung fehlgeschlagen / Logon failed",
                401,
                {"WWW-Authenticate": 'Basic realm="SAP NetWeaver Application Server"'},
            )
        try:
            return _odata(request, ledger, read_clock(directory))
        except QueryError as error:
            return JSONResponse(print_error(_BAD_REQUEST, str(error)), 400)
        except LookupError as error:
            return JSONResponse(print_error(_NOT_FOUND, str(error.args[0])), 404)

    return Starlette(routes=[Route(_SAP_ROOT + "/{service}/{rest:path}", answer)])


def _odata(request: Request, ledger: Ledger, at: datetime) -> Response:
    service, rest = request.path_params["service"], unquote(request.path_params["rest"])
    if service not in SERVICES:
        raise LookupError(f"No service found for namespace '', name '{service}', version '0001'")
    headers = {"x-simulator": SIMULATOR, "dataserviceversion": "2.0"}
    if rest == "$metadata":
        return Response(metadata_of(service), media_type="application/xml", headers=headers)
    options = dict(request.query_params)
    if options.get("$format", "json") != "json":
        raise QueryError(f"Format {options['$format']} is not supported by this simulator; use $format=json")
    base = str(request.base_url).rstrip("/") + f"{_SAP_ROOT}/{service}"
    name, _, tail = rest.partition("(")
    if not rest:
        sets = [kind.name for kind in ENTITY_TYPES.values() if kind.service == service]
        return JSONResponse({"d": {"EntitySets": sets}}, headers=headers)
    name, _, path = name.partition("/")
    kind = ENTITY_TYPES.get(name)
    if kind is None or kind.service != service:
        raise LookupError(f"Resource not found for segment '{name}'")
    rows = rows_of(ledger, name, at)
    if tail:
        key, _, path = tail.rpartition(")")
        return _one(rows, (name, key, path.lstrip("/")), base=base, options=options, headers=headers)
    page = select_page(rows, kind, options)
    if path == "$count":
        return PlainTextResponse(str(page.total), headers=headers)
    if path:
        raise LookupError(f"Resource not found for segment '{path}'")
    return JSONResponse(print_page(page, kind, base=base, options=options), headers=headers)


def _one(
    rows: list[Row],
    address: tuple[str, str, str],
    *,
    base: str,
    options: dict[str, str],
    headers: dict[str, str],
) -> Response:
    name, key, path = address
    kind = ENTITY_TYPES[name]
    wanted = read_key(key, kind)
    row = next((r for r in rows if all(r[k] == v for k, v in wanted.items())), None)
    if row is None:
        raise LookupError(f"Resource not found for the segment '{name}'.")
    if not path:
        return JSONResponse({"d": print_row(row, kind, base=base, options=options)}, headers=headers)
    if path not in kind.links:
        raise LookupError(f"Resource not found for segment '{path}'")
    target = ENTITY_TYPES[kind.links[path]]
    inner = row[path] if isinstance(row[path], list) else [row[path]]
    return JSONResponse(
        print_page(select_page(inner, target, options), target, base=base, options=options), headers=headers
    )


# -------------------------------------------------------------------------------------------------- LIMS
def lims_app(directory: Path, ledger: Ledger, *, token: str) -> Starlette:
    """Give the laboratory's API under `/api/v1`, behind a bearer token."""

    async def answer(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not secrets.compare_digest(given, f"Bearer {token}"):
            return JSONResponse({"error": "unauthorized", "message": "Bearer token missing or wrong"}, 401)
        try:
            return JSONResponse(_lims_page(request, ledger, read_clock(directory)))
        except ValueError as error:
            return JSONResponse({"error": "bad_request", "message": str(error)}, 400)

    kinds = ("samples", "specifications", "usage-decisions")
    return Starlette(routes=[Route(f"/api/v1/{kind}", answer, name=kind) for kind in kinds])


def _lims_page(request: Request, ledger: Ledger, at: datetime) -> Row:
    kind = request.url.path.rsplit("/", 1)[-1]
    asked = request.query_params
    number, size = _whole(asked.get("page", "1"), "page"), _whole(asked.get("pageSize", "50"), "pageSize")
    size = min(size, 200)
    rows = sorted(ledger.rows(kind, at), key=lambda row: (_modified(row), next(iter(row.values()))))
    if asked.get("modifiedSince"):
        since = parse_instant(asked["modifiedSince"], UTC)
        rows = [row for row in rows if _modified(row) >= since]
    page = rows[(number - 1) * size : number * size]
    following = request.url.include_query_params(page=number + 1, pageSize=size)
    return {
        "data": page,
        "page": number,
        "pageSize": size,
        "total": len(rows),
        "links": {"next": str(following) if number * size < len(rows) else None},
    }


def _modified(row: Row) -> datetime:
    return parse_instant(row["modifiedAt"])


def _whole(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number from 1, not {text!r}")
    return int(text)


# --------------------------------------------------------------------------------------------------- MES
def mes_app(directory: Path, folder: DocumentFolder) -> Starlette:
    """Give the MES's outbox over HTTP: `/` lists documents with their times, `/<name>` is a document."""

    async def listing(_: Request) -> Response:
        documents = folder.publish(read_clock(directory))
        shown: list[dict[str, Any]] = [
            {"name": d.name, "publishedAt": format_instant(d.at), "size": len(d.content)} for d in documents
        ]
        return JSONResponse({"documents": shown})

    async def document(request: Request) -> Response:
        documents = folder.publish(read_clock(directory))
        found = next((d for d in documents if d.name == request.path_params["name"]), None)
        if found is None:
            return PlainTextResponse("No such document", 404)
        return Response(found.content, media_type="application/xml")

    return Starlette(routes=[Route("/", listing), Route("/{name}", document)])
