"""Async connectors are run on a thread of their own; where there is none to be had, that is said, not waited for."""

import threading

import pytest

from hub.ingest.bridge import Bridge
from hub.ingest.live import Orders
from tests.ingest.tides import Sea, Tide


def test_a_machine_without_threads_is_an_error_and_not_a_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tide = Tide(Sea())
    with Bridge(tide) as bridge:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="thread"):
                bridge.feed(tide.subscribe(["level"]))
        with bridge.feed(tide.subscribe(["level"])) as feed:
            assert feed.take(0.0, unless=Orders().bell) is None
