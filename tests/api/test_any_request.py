"""Whatever a document-reading client may send, schemathesis sends: what comes back is what the document says.

Comes in: the committed OpenAPI document and the small plant. Each example is drawn by schemathesis, valid or
broken on purpose, half of the valid ones with names that the plant knows, so that they are answered and not only
missed. The keys are of every kind. By day a few examples an operation, by night ten times as many.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.routing import compile_path

from hub.api.app import create_app
from hub.api.room import ApiSettings
from hub.events.gatekeeping import Gatekeeper
from hub.events.herald import Herald
from hub.events.master import MasterPlace
from hub.events.sending import Sending
from hub.ingest.parcel import pack_parcel
from hub.ingest.wire import SentWindow
from hub.model import SAMPLE_SCHEMA
from hub.store.database import Database
from hub.store.keys import create_key
from tests.api.conftest import Filled, copy_store
from tests.api.routes import OPERATIONS, address

DOCUMENT: dict[str, Any] = orjson.loads(
    (Path(__file__).resolve().parents[2] / "openapi" / "plantwide.json").read_bytes()
)
ARROW = "application/vnd.apache.arrow.stream"
MODES = st.sampled_from([schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
KNOWN = {"entity_type": "batch", "attribute": "actual_size", "link_id": 1, "webhook_id": 1, "source": "mes"}
"""What stands in addresses that the plant knows, beside those of `tests.api.routes`."""
WINDOWS = st.builds(
    SentWindow,
    stream=st.sampled_from(["samples", "documents"]),
    epoch=st.integers(0, 2),
    seq=st.integers(1, 3),
    mapping_version=st.just("x"),
    tags=st.just(["TT-1"]),
    start=st.just(datetime(2026, 3, 1, tzinfo=UTC)),
    end=st.just(datetime(2026, 3, 2, tzinfo=UTC)),
)
schemathesis.openapi.media_type(
    ARROW, WINDOWS.map(lambda one: pack_parcel(one, SAMPLE_SCHEMA.empty_table())) | st.binary()
)
NOT_ASKED = [
    # Grammars of filters, existing names, calendars: what JSON Schema cannot say is refused with 422, as RFC 9110
    # 15.5.21 has it for what is well-formed but cannot be followed.
    positive_data_acceptance,
]


@dataclass(frozen=True)
class Keys:
    """A key of each kind."""

    reader: str
    operator: str
    narrow: str
    deliverer: str
    administrator: str
    unknown: str = "pw_nobody_nothing"

    def fitting(self, method: str, path: str) -> str:
        """Give the key that may ask this."""
        if path.startswith("/v1/deliveries/"):
            return self.deliverer
        if path.startswith("/v1/webhooks") and method != "GET":
            return self.administrator
        return self.reader if method == "GET" or path == "/v1/matrix" else self.operator


@dataclass(frozen=True)
class Served:
    """The document with the application over a copy of the small plant, and keys to it."""

    schema: Any
    keys: Keys


def nobody(_host: str, _port: int) -> list[str]:
    """Know no name: no message of a drawn webhook may leave the machine."""
    return []


@pytest.fixture(scope="module")
def served(filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("any")
    url = f"sqlite:///{folder / 'hub.db'}"
    copy_store(filled.url, url)
    database = Database(url)
    with database.begin("test") as connection:
        narrow = create_key(connection, name="narrow", scopes=["read", "site:CORK"])
        deliverer = create_key(connection, name="agent", scopes=["deliver:mes"])
    app = create_app(
        database,
        settings=ApiSettings(stream_s=0.1),
        replay=lambda ids: {"resolved": 0, "still_open": len(ids)},
        herald=Herald(Sending(Gatekeeper(resolve=nobody)), MasterPlace(folder / "webhooks.key")),
    )
    schema = schemathesis.openapi.from_dict(spell_events(DOCUMENT))
    schema.app = app
    yield Served(schema, Keys(filled.reader, filled.operator, narrow, deliverer, filled.administrator))
    database.close()


def spell_events(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document with a stream described by one of its events, as the tool expects it."""
    spelled = copy.deepcopy(document)
    for operation in (one for path in spelled["paths"].values() for one in path.values()):
        for response in operation["responses"].values():
            stream = response.get("content", {}).get("text/event-stream")
            if stream is not None:
                stream["schema"] = stream["schema"]["x-event"]
    return spelled


def known_parts(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the parameters of an address that the plant answers: those of its path and those of its query."""
    told = urlsplit(address(path))
    pattern, _, _ = compile_path(path)
    found = pattern.match(told.path)
    values = {name: one[0] if len(one) == 1 else one for name, one in parse_qs(told.query).items()}
    parts = {} if found is None else found.groupdict()
    return {name: KNOWN.get(name, one) if one.startswith("{") else one for name, one in parts.items()}, values


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(one) for one in OPERATIONS])
@settings(
    max_examples=max(4, settings.default.max_examples // 4),  # pyright: ignore[reportOptionalMemberAccess] # conftest set it
    phases=[Phase.generate],  # each failure names its request; making it smaller takes longer than reading it
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_request_is_answered_as_the_document_says(
    served: Served, method: str, path: str, data: st.DataObject
) -> None:
    operation = served.schema[path][method]
    mode = data.draw(MODES) if takes_something(operation) else schemathesis.GenerationMode.POSITIVE
    case: schemathesis.Case = data.draw(operation.as_strategy(generation_mode=mode))
    keys = served.keys
    key = data.draw(st.sampled_from([keys.fitting(method, path)] * 4 + [*vars(keys).values()]))
    headers = {"X-API-Key": key}
    if mode is schemathesis.GenerationMode.POSITIVE and data.draw(st.booleans()):
        of_path, of_query = known_parts(path)
        case.path_parameters = {**(case.path_parameters or {}), **of_path}
        case.query = {**(case.query or {}), **of_query}
        if any(one.name == "If-Match" for one in operation.headers):
            headers["If-Match"] = "*"  # a drawn tag matches nothing
    case.call_and_validate(headers=headers, excluded_checks=NOT_ASKED)


def takes_something(operation: schemathesis.APIOperation) -> bool:
    """Tell whether there is anything in a request that can be broken."""
    return bool(operation.query or operation.path_parameters or operation.headers or operation.body)
