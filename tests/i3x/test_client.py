"""A client that somebody else wrote (`i3x-client` from PyPI) works against the door without a change."""

import queue
from datetime import timedelta
from typing import Any

import i3x as theirs

from hub.i3x.door import REASON
from tests.api.factories import START
from tests.i3x.conftest import I3x
from tests.i3x.test_subscribe import running


def test_the_public_python_client_explores_reads_writes_and_follows(make_i3x: Any) -> None:
    ours: I3x = make_i3x(writes=True)
    ours.clock.now = START + timedelta(days=20)
    tag, batch = ours.id_of("BR2000-01.TEMP"), ours.id_of("B26-0117", "batch")
    with running(ours) as served:
        headers = {REASON: "a test with the public client"}
        url = str(served.base_url).rstrip("/")
        came: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with theirs.Client(url, token=ours.keys["operate"], headers=headers) as client:
            client.on_value_change = lambda _client, change: came.put(change)
            assert client.server_info is not None
            assert {one.uri for one in client.get_namespaces()} >= {"urn:plantwide:i3x"}
            types = {one.element_id for one in client.get_object_types()}
            roots = client.get_objects(root=True)
            assert {one.type_element_id for one in roots} <= types
            related = client.get_related_objects([batch])
            assert "Produces" in {one.source_relationship for one in related}
            value = client.get_value(batch, max_depth=0)
            assert value.components
            assert value.value["code"] == "B26-0117"
            history = client.get_history(tag, "2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z")
            assert len(history.values) == 7
            followed = client.subscribe([tag])
            client.start_stream(followed.subscription_id)
            came.get(timeout=60)
            client.update_value(tag, 7.77, timestamp="2026-03-24T09:00:00Z")
            assert came.get(timeout=60).value == 7.77
            client.unsubscribe(followed)
