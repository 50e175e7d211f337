"""Webhooks: other systems that are sent what became known, signed, in order, at least once."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
from fastapi import APIRouter, Request, Response

from hub.api.answer import answer, answer_page
from hub.api.bounds import check_count
from hub.api.documentation import GUARDED, answers, problems
from hub.api.event_schemas import MadeWebhook, TriedWebhook, Webhook, WebhookAttempt, WebhookGiven
from hub.api.parameters import Actor, Cursor, Limit, RowId
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.routes.events import read_position
from hub.api.schemas import list_of, page_of
from hub.api.strict import StrictRoute
from hub.events.gatekeeping import Forbidden
from hub.events.herald import Herald
from hub.events.master import MasterKeyUnusable
from hub.store import webhooks
from hub.store.outbox.catalogue import TEST
from hub.store.outbox.reading import newest_position

router = APIRouter(prefix="/v1/webhooks", tags=["events"], route_class=StrictRoute)

_NONE = "There is no webhook with this id; /v1/webhooks lists them."
_OFFERED = ("not-offered", "secrets-unavailable")


@router.post(
    "",
    response_class=Response,
    status_code=201,
    responses=answers(
        MadeWebhook, *GUARDED, *_OFFERED, "body-too-large", "too-much-asked", status=201, description="Made"
    ),
)
def create_webhook(room: RoomOf, body: WebhookGiven, actor: Actor) -> Response:
    """Make a webhook; its secret is in this answer and never again. Needs the permission `administer`."""
    herald = _find_herald(room)
    try:
        herald.sending.gatekeeper.check(body.url)
    except Forbidden as error:
        raise Problem("invalid-parameter", f"url: {error}.") from error
    after = None if body.after is None else read_position(body.after, "after")
    with room.database.read() as connection:
        there = webhooks.count_webhooks(connection)
    check_count(there + 1, room.settings.webhooks_at_once, "webhooks", "one after another was removed")
    try:
        kept, secret = herald.draw_secret()
    except MasterKeyUnusable as error:
        raise Problem("secrets-unavailable", f"{error}.") from error
    now = room.clock()
    with room.database.begin(actor, at=now, reason="a webhook is made") as connection:
        made = webhooks.add_webhook(
            connection,
            position=newest_position(connection) if after is None else after,
            now=now,
            url=body.url,
            types=sorted(set(body.types)),
            description=body.description,
            created_by=actor,
            **kept,
        )
        found = _describe(webhooks.list_webhooks(connection, made)[0])
    # No answer of this route is ever kept for an Idempotency-Key: it holds the secret.
    response = answer({**found, "secret": secret}, 201)
    response.headers["Location"] = f"/v1/webhooks/{made}"
    return response


@router.get("", response_class=Response, responses=answers(list_of(Webhook), *GUARDED))
def list_webhooks(room: RoomOf) -> Response:
    """List all webhooks, how far each has come, and why one is told nothing more."""
    with room.database.read() as connection:
        return answer({"items": [_describe(one) for one in webhooks.list_webhooks(connection)]})


@router.get("/{webhook_id}", response_class=Response, responses=answers(Webhook, *GUARDED, "not-found"))
def read_webhook(room: RoomOf, webhook_id: RowId) -> Response:
    """Give one webhook, how far it has come, and why it is told nothing more."""
    return answer(_find(room, webhook_id))


@router.delete(
    "/{webhook_id}",
    response_class=Response,
    status_code=204,
    responses={204: {"description": "Removed"}, **problems(*GUARDED, "not-found")},
)
def delete_webhook(room: RoomOf, webhook_id: RowId, actor: Actor) -> Response:
    """Remove a webhook: nothing more is sent, and its secret is gone. Needs the permission `administer`."""
    with room.database.begin(actor, at=room.clock(), reason="a webhook is removed") as connection:
        if not webhooks.remove_webhook(connection, webhook_id):
            raise Problem("not-found", _NONE)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/resume", response_class=Response, responses=answers(Webhook, *GUARDED, "not-found")
)
def resume_webhook(room: RoomOf, webhook_id: RowId) -> Response:
    """Let a webhook go on from where it stopped: nothing is left out. Needs the permission `administer`."""
    with room.database.begin() as connection:
        if not webhooks.resume_webhook(connection, webhook_id, now=room.clock()):
            raise Problem("not-found", _NONE)
    return answer(_find(room, webhook_id))


@router.post(
    "/{webhook_id}/test",
    response_class=Response,
    responses=answers(TriedWebhook, *GUARDED, *_OFFERED, "not-found"),
)
def test_webhook(room: RoomOf, webhook_id: RowId) -> Response:
    """Send a message that tells of nothing, now, and say what the receiver answered.

    It is signed as all are; its type is `plantwide.webhook.test.v1`. Needs the permission `administer`.
    """
    herald = _find_herald(room)
    with room.database.read() as connection:
        hook = webhooks.find_webhook(connection, webhook_id)
    if hook is None:
        raise Problem("not-found", _NONE)
    now = room.clock()
    document, receipt = anyio.from_thread.run(partial(herald.send_test, hook, now=now))
    attempt = webhooks.Attempt(
        event_id=document["id"],
        event_type=TEST,
        at=now,
        number=1,
        took_s=receipt.took_s,
        status=receipt.status,
        error=receipt.error,
    )
    with room.database.begin() as connection:
        webhooks.note_trial(connection, webhook_id, attempt)
    return answer(
        {
            "event_id": attempt.event_id,
            "outcome": "failed" if receipt.error else "delivered",
            "status": receipt.status,
            "error": receipt.error,
            "took_s": receipt.took_s,
        }
    )


@router.get(
    "/{webhook_id}/deliveries",
    response_class=Response,
    responses=answers(page_of(WebhookAttempt), *GUARDED, "invalid-cursor", "not-found"),
)
def list_deliveries(
    request: Request, room: RoomOf, webhook_id: RowId, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """List the newest attempts to deliver to a webhook: which event, when, what was answered."""
    _find(room, webhook_id)
    with room.database.read() as connection:
        page = webhooks.list_attempts(connection, webhook_id, cursor=cursor, limit=limit)
    return answer_page(request, page)


def _find_herald(room: Room) -> Herald:
    if room.herald is None:
        raise Problem(
            "not-offered",
            "This hub has no master key for the secrets of webhooks: set `webhook_key` to a file that all "
            "its nodes share, and serve again.",
        )
    return room.herald


def _find(room: Room, webhook_id: int) -> dict[str, Any]:
    with room.database.read() as connection:
        found = webhooks.list_webhooks(connection, webhook_id)
    if not found:
        raise Problem("not-found", _NONE)
    return _describe(found[0])


def _describe(found: dict[str, Any]) -> dict[str, Any]:
    """Give a webhook as it is shown: of its address only where it leads, as the rest may be a secret."""
    parts = urlsplit(str(found.pop("url")))
    shown = {"id": found.pop("id"), "receiver": f"{parts.scheme}://{parts.netloc}"}
    return {**shown, **found}
