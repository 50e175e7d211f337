"""PAGES: server-made HTML and SVG for people; nothing needs a script, every value leads to its source."""

from fastapi import APIRouter

from hub.api.pages import batch, changes, kpis, lineage, links, lists, login, start

ALL_PAGES: tuple[APIRouter, ...] = (
    login.router,
    start.router,
    batch.router,
    changes.router,
    kpis.router,
    lineage.router,
    links.router,
    lists.router,
)
