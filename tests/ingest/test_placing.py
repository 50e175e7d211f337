"""Where a value stands in a stored document: said by the mapping that read it, or not at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from hub.ingest.placing import Read, Spot, find_spots
from hub.ingest.registry import list_connectors, load_connector
from hub.ingest.sources import SourceFile

EXAMPLE = yaml.safe_load(Path("connectors/rest/example.yaml").read_text(encoding="utf-8"))
SAMPLE = {
    "sampleId": "S-1",
    "batchRef": "B26-0117",
    "status": "A",
    "version": 3,
    "modifiedAt": "2026-03-10T09:00:00Z",
    "results": [
        {"resultId": "R-1", "test": "pH", "entry": "7.10", "unit": "[pH]"},
        {"resultId": "R-2", "test": "titer", "entry": "4.20", "unit": "g/L"},
    ],
}


def read_of(**changes: object) -> Read:
    """A stored sample of a laboratory, and the mapping that read it."""
    kind = load_connector("rest")
    settings = kind.config_class.model_validate({**EXAMPLE["settings"], "timezone": "UTC"})
    read = Read(
        source="lims",
        object_type="samples",
        source_key="S-1",
        payload=json.dumps(SAMPLE),
        media_type="application/json",
        source_time=datetime(2026, 3, 10, 9, tzinfo=UTC),
        source_version=3,
        mapping_version=f"rest/{kind.version}#0123456789ab",
        mapping=settings.meaning(),
    )
    return replace(read, **changes)


def spot_of(spots: list[Spot], key: str) -> Spot:
    """The spot of a statement."""
    return next(spot for spot in spots if spot.record_key == key)


def test_a_value_stands_where_its_mapping_took_it_from() -> None:
    place = spot_of(find_spots(read_of()), "R-2").fields["value"]
    assert place.path.endswith("results[1].entry")
    assert place.text == "4.20"


@pytest.mark.parametrize(
    "changes",
    [
        {"mapping": None},
        {"mapping_version": "rest/0.0.1#0123456789ab"},
        {"mapping_version": "gone/1.0#0123456789ab"},
        {"payload": "{broken"},
        {"mapping": {"streams": "nothing"}},
    ],
)
def test_what_cannot_be_read_as_it_was_has_no_place(changes: dict[str, object]) -> None:
    assert find_spots(read_of(**changes)) == []


@pytest.mark.parametrize("name", sorted(list_connectors()))
def test_what_a_connectors_settings_mean_survives_being_kept(name: str) -> None:
    example = Path(f"connectors/{name}/example.yaml").read_text(encoding="utf-8")
    written = SourceFile.model_validate(yaml.safe_load(example))
    kind = load_connector(name).config_class
    zone = {"timezone": written.timezone} if written.timezone else {}
    settings = kind.model_validate({**zone, **written.settings})
    kept = json.loads(json.dumps(settings.meaning()))
    assert kind.recall(kept).meaning() == kept
    assert "${env:" not in json.dumps(kept), "a secret would be kept"
