"""REST `/v1`: one module a noun; a request comes in, bytes of JSON or Arrow go out."""

from fastapi import APIRouter

from hub.api.routes import batches, probes

ALL_ROUTES: tuple[APIRouter, ...] = (probes.router, batches.router)
