"""REST `/v1`: one module a noun; a request comes in, bytes of JSON or Arrow go out."""

from fastapi import APIRouter

from hub.api.routes import (
    b2mml,
    balances,
    batches,
    changes,
    collections,
    conflicts,
    deliveries,
    equipment,
    kpis,
    links,
    lots,
    matrix,
    probes,
    proofs,
    readings,
    review,
    rules,
    samples,
    sources,
    streaming,
)

ALL_ROUTES: tuple[APIRouter, ...] = (
    probes.router,
    b2mml.router,
    balances.router,
    batches.router,
    changes.router,
    collections.router,
    proofs.router,
    samples.router,
    readings.router,
    streaming.router,
    matrix.router,
    equipment.router,
    kpis.router,
    lots.router,
    sources.router,
    deliveries.router,
    conflicts.router,
    links.router,
    rules.router,
    review.router,
)
