"""The words that others rely on do not change by accident: the SDK's names, the tasks, the settings."""

import tomllib

import hub.sdk
from hub.cli.project import _FILES as PROJECT_FILES
from hub.shift.settings import Settings
from tests.house.tree import ROOT, read_project

SDK = {
    "API_LEVEL",
    "BadRecord",
    "ClientCredentials",
    "Config",
    "Connector",
    "ConnectorError",
    "Cursor",
    "Document",
    "Health",
    "HttpClient",
    "HttpConfig",
    "HttpLimits",
    "Misconfigured",
    "Page",
    "Place",
    "Placed",
    "Receipt",
    "RecordSource",
    "Rejected",
    "SampleSource",
    "SecretStr",
    "Stream",
    "Unauthorized",
    "Unavailable",
    "Whole",
    "Window",
    "attempt",
    "reject",
    "utc_now",
}


def test_the_names_a_connector_may_rely_on_are_pinned() -> None:
    """Whoever takes from this list changes every connector in the world: raise API_LEVEL, say it in CHANGELOG."""
    assert set(hub.sdk.__all__) == SDK
    assert sorted(SDK) == sorted(name for name in hub.sdk.__all__ if hasattr(hub.sdk, name))
    assert hub.sdk.API_LEVEL == 1


def test_every_task_says_what_it_does_here_and_in_contributing() -> None:
    tasks = read_project()["tool"]["poe"]["tasks"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [name for name, task in tasks.items() if not task.get("help")] == []
    assert [name for name in tasks if f"`poe {name}`" not in contributing] == []


def test_every_setting_says_what_it_means_here_and_in_the_docs() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert [name for name in Settings.model_fields if f"`PLANTWIDE_{name.upper()}`" not in page] == []


def test_the_settings_file_that_a_new_project_gets_names_known_settings_only() -> None:
    text = PROJECT_FILES["plantwide.toml"].replace("# database", "database")
    assert set(tomllib.loads(text)) <= set(Settings.model_fields)
