"""Every connector that asks over HTTP waits no longer, and asks no oftener, than its settings say."""

from importlib import import_module
from typing import Any

import pytest

from hub.sdk import HttpClient

SAMPLE = {"record": "sample", "fields": {"key": "id", "code": "id"}}
SAID: dict[str, dict[str, Any]] = {
    "b2mml": {},
    "benchling": {"entities": [{"schema_id": "ts_1", "becomes": "lot"}]},
    "influxdb": {"database": "plant"},
    "odoo": {"user": "reader"},
    "pi_web_api": {},
    "rest": {"streams": {"s": {"path": "/s", "key": "id", "records": [SAMPLE]}}},
    "sap_odata": {},
    "senaite": {},
    "tryton": {},
    "victoriametrics": {"since": "2026-01-01T00:00:00Z"},
}
"""What each needs besides where it is reached."""


@pytest.mark.parametrize("name", sorted(SAID))
def test_the_settings_bound_the_time_and_the_rate(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[Any] = []
    begin = HttpClient.__init__

    def watch(self: HttpClient, *given: Any, **options: Any) -> None:
        begin(self, *given, **options)
        bounds.append(self.limits)

    monkeypatch.setattr(HttpClient, "__init__", watch)
    module = import_module(f"connectors.{name}.connector")
    kinds = [k for k in vars(module).values() if isinstance(k, type) and getattr(k, "name", None) == name]
    connector: Any = kinds[0]
    config = connector.config_class.recall({"timeout_s": 7.0, "per_second": 3.0, **SAID[name]})
    made = connector(config)
    made.close()
    assert [(one.timeout_s, one.per_second) for one in bounds] == [(7.0, 3.0)]
    assert {"timeout_s", "per_second"} <= set(connector.config_class.reach)
