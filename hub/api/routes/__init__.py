"""REST `/v1`: one module a noun; a request comes in, bytes of JSON or Arrow go out."""

from fastapi import APIRouter

from hub.api.routes import batches, equipment, lots, probes, review, samples, sources

ALL_ROUTES: tuple[APIRouter, ...] = (
    probes.router,
    batches.router,
    samples.router,
    equipment.router,
    lots.router,
    sources.router,
    review.router,
)
