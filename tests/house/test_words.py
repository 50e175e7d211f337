"""The words that others rely on do not change by accident: the SDK's names, the tasks, the settings."""

import hub.sdk
from tests.house.tree import ROOT, read_project

SDK = {
    "API_LEVEL",
    "BadRecord",
    "Config",
    "Connector",
    "ConnectorError",
    "Cursor",
    "Document",
    "Health",
    "HttpClient",
    "HttpLimits",
    "Misconfigured",
    "Page",
    "RecordSource",
    "Rejected",
    "SampleSource",
    "SecretStr",
    "Stream",
    "Unauthorized",
    "Unavailable",
    "Window",
    "attempt",
    "reject",
}


def test_the_names_a_connector_may_rely_on_are_pinned() -> None:
    """Whoever changes this list changes every connector in the world: raise API_LEVEL, say it in CHANGELOG."""
    assert set(hub.sdk.__all__) == SDK
    assert sorted(SDK) == sorted(name for name in hub.sdk.__all__ if hasattr(hub.sdk, name))
    assert hub.sdk.API_LEVEL == 1


def test_every_task_says_what_it_does_here_and_in_contributing() -> None:
    tasks = read_project()["tool"]["poe"]["tasks"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [name for name, task in tasks.items() if not task.get("help")] == []
    assert [name for name in tasks if f"`poe {name}`" not in contributing] == []
