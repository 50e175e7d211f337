"""The table of rights: which permission each route of every door needs. What it does not name is closed.

A row is the route as it is declared, `METHOD /path` (`*`: an application that judges methods itself). HEAD is
asked for like GET. `docs/rights.md` shows the table by role and scope, and a test tries every cell of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.store.permissions import DELIVER, Permission

OPEN = "open"
"""Anybody, without a key."""
KNOWN = "known"
"""Whoever has a valid key, session or token, whatever it permits."""
DELIVERIES = "/v1/deliveries/"


@dataclass(frozen=True)
class Right:
    """What a route needs; `is_narrowed` when its answers hold only the rows that a narrow key sees."""

    needs: str
    is_narrowed: bool = False

    def needs_at(self, path: str) -> str:
        """Give what is needed at an address: whoever delivers may do so for the source named there."""
        if self.needs != Permission.DELIVER:
            return self.needs
        return DELIVER + path.removeprefix(DELIVERIES).partition("/")[0]


_NARROWED: Mapping[str, str] = {
    Permission.READ: """
        GET /v1/openapi.json
        GET /v1/collections
        GET /v1/collections/{collection}
        GET /v1/collections/{collection}/{name}
        GET /v1/lots
        GET /v1/lots/{name}
        GET /v1/equipment/{name}
        GET /v1/batches
        GET /v1/batches/{name}
        GET /v1/batches/{name}/phases
        GET /v1/batches/{name}/materials
        GET /v1/batches/{name}/results
        GET /v1/batches/{name}/events
        GET /v1/batches/{name}/conflicts
        GET /v1/batches/{name}/assertions
        GET /v1/batches/{name}/balance
        GET /v1/batches/{name}/changes
        GET /v1/batches/{name}/completeness
        GET /v1/batches/{name}/samples
        GET /v1/batches/{name}/signals
        GET /v1/lots/{name}/balance
        GET /v1/{noun}/{name}/b2mml
        * /mcp
        * /mcp/{path}
        * /i3x/v1
        GET /i3x/v1/namespaces
        GET /i3x/v1/objects
        GET /i3x/v1/objecttypes
        GET /i3x/v1/relationshiptypes
        POST /i3x/v1/objecttypes/query
        POST /i3x/v1/objects/history
        POST /i3x/v1/objects/list
        POST /i3x/v1/objects/related
        POST /i3x/v1/objects/value
        POST /i3x/v1/relationshiptypes/query
        POST /i3x/v1/subscriptions
        POST /i3x/v1/subscriptions/delete
        POST /i3x/v1/subscriptions/list
        POST /i3x/v1/subscriptions/register
        POST /i3x/v1/subscriptions/stream
        POST /i3x/v1/subscriptions/sync
        POST /i3x/v1/subscriptions/unregister
    """,
    Permission.ANALYSE: """
        * /odata
        GET /odata/{path}
        POST /odata/{path}
        PUT /odata/{path}
        PATCH /odata/{path}
        DELETE /odata/{path}
    """,
}
"""Routes whose answers are narrowed to the rows that a key sees; all others are closed to such a key."""

_WHOLE: Mapping[str, str] = {
    OPEN: """
        GET /livez
        GET /readyz
        GET /v1/info
        GET /login
        POST /login
        * /static/{path}
        GET /i3x/v1/info
    """,
    KNOWN: """
        POST /logout
        DELETE /v1/jobs/{token}
        GET /v1/jobs/{token}
        GET /v1/jobs/{token}/events
        GET /v1/jobs/{token}/result
    """,
    Permission.READ: """
        GET /
        GET /batches/{name}
        GET /batches/{name}/changes
        GET /lots/{name}
        GET /equipment
        GET /conflicts
        GET /kpis
        GET /kpis/{code}
        GET /kpis/{code}/rows
        GET /links
        GET /links/{link_id}
        GET /lineage/{kind}/{name}/{attribute}
        GET /quarantine
        GET /quarantine/{held_id}
        GET /source-records/{record_id}
        GET /v1/audit/events
        GET /v1/completeness
        GET /v1/conflicts
        GET /v1/conflicts/movements
        GET /v1/conflicts/{entity_type}/{name}/{attribute}
        GET /v1/equipment
        GET /v1/events
        GET /v1/events/stream
        GET /v1/kpis
        GET /v1/kpis/{code}
        GET /v1/kpis/{code}/rows
        GET /v1/lineage/{kind}/{name}/{attribute}
        GET /v1/links
        GET /v1/links/{link_id}
        GET /v1/lots/{name}/genealogy
        GET /v1/quarantine
        GET /v1/quarantine/{held_id}
        GET /v1/rules
        GET /v1/rules/identity
        GET /v1/rules/{entity_type}/{attribute}
        GET /v1/samples
        GET /v1/samples/at
        GET /v1/samples/context
        GET /v1/samples/stream
        GET /v1/source-records/{record_id}
        GET /v1/source-records/{record_id}/payload
        GET /v1/sources
        GET /v1/tags
        GET /v1/tags/{name}/annotations
        GET /v1/tags/{name}/erasures
        GET /v1/units
        GET /v1/webhooks
        GET /v1/webhooks/{webhook_id}
        GET /v1/webhooks/{webhook_id}/deliveries
    """,
    Permission.ANALYSE: """
        GET /v1/matrix
        POST /v1/matrix
        GET /v1/phases/statistics
        GET /v1/samples/grid
        GET /v1/samples/statistics
    """,
    Permission.OPERATE: """
        POST /v1/quarantine/replay
        POST /v1/tags/{name}/annotations
        PUT /i3x/v1/objects/history
        PUT /i3x/v1/objects/value
    """,
    Permission.DECIDE: """
        POST /links/{link_id}/decide
        POST /links/{link_id}/undo
        POST /v1/conflicts/{entity_type}/{name}/{attribute}/reopen
        POST /v1/conflicts/{entity_type}/{name}/{attribute}/resolve
        POST /v1/links
        POST /v1/links/{link_id}/undo
        POST /v1/tags/{name}/erasures
        PUT /v1/rules/{entity_type}/{attribute}
    """,
    Permission.ADMINISTER: """
        GET /v1/reads
        GET /v1/reads/summary
        DELETE /v1/webhooks/{webhook_id}
        POST /v1/webhooks
        POST /v1/webhooks/{webhook_id}/resume
        POST /v1/webhooks/{webhook_id}/test
    """,
    Permission.DELIVER: """
        POST /v1/deliveries/{source}/end
        POST /v1/deliveries/{source}/keys
        POST /v1/deliveries/{source}/open
        POST /v1/deliveries/{source}/page
        POST /v1/deliveries/{source}/samples
        POST /v1/deliveries/{source}/tags
        POST /v1/deliveries/{source}/windows
    """,
}


def _read(table: Mapping[str, str], *, is_narrowed: bool) -> Iterator[tuple[str, Right]]:
    for needs, routes in table.items():
        yield from ((line.strip(), Right(needs, is_narrowed)) for line in routes.split("\n") if line.strip())


RIGHTS: Mapping[str, Right] = {
    **dict(_read(_WHOLE, is_narrowed=False)),
    **dict(_read(_NARROWED, is_narrowed=True)),
}
"""What each route needs."""

OPEN_PATHS = frozenset(
    {
        name.partition(" ")[2]
        for name, right in RIGHTS.items()
        if right.needs == OPEN and name.startswith("GET ")
    }
    | {"/favicon.ico"}
)
"""Addresses that answer without a key, as files under /static/ do. Browsers ask for an icon unasked."""
