"""Probes and the card at the door: the only addresses that need no key."""

import shutil

import orjson
from fastapi import APIRouter, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import answers
from hub.api.room import Room, RoomOf
from hub.api.strict import StrictRoute
from hub.store.answers.failures import StoreFailure
from hub.store.database import StoreUnreachable
from hub.store.upgrade import is_current

router = APIRouter(tags=["probes"], route_class=StrictRoute)


@router.get("/v1/info", response_class=Response, responses=answers(schemas.Info, "invalid-parameter"))
def read_info(room: RoomOf) -> Response:
    """Tell what this is and which version."""
    return answer({"name": room.settings.title, "version": room.settings.version, "api": "v1"})


@router.get("/livez", response_class=Response, responses=answers(schemas.Ready, "invalid-parameter"))
def read_liveness() -> Response:
    """Tell that the process answers."""
    return answer({"ready": True, "checks": {"process": "ok"}})


@router.get(
    "/readyz",
    response_class=Response,
    responses={
        **answers(schemas.Ready, "invalid-parameter", description="Requests can be served"),
        **answers(schemas.Ready, status=503, description="Something is missing: `checks` names it"),
    },
)
def read_readiness(room: RoomOf) -> Response:
    """Tell whether requests can be served: store, its migrations, disk; 503 names what is missing."""
    checks = {"store": _check_store(room), "disk": _check_disk(room)}
    ready = all(state == "ok" for state in checks.values())
    body = orjson.dumps({"ready": ready, "checks": checks})
    return Response(body, 200 if ready else 503, media_type="application/json")


def _check_store(room: Room) -> str:
    try:
        return "ok" if is_current(room.database) else "not migrated: run `plantwide db upgrade`"
    except (StoreFailure, StoreUnreachable, OSError):
        return "does not answer: see the log"


def _check_disk(room: Room) -> str:
    folder = room.settings.data_folder
    if folder is None or not folder.exists():
        return "ok"
    free = shutil.disk_usage(folder).free
    if free >= room.settings.free_bytes:
        return "ok"
    return f"{free // 2**20} MiB free, {room.settings.free_bytes // 2**20} MiB needed"
