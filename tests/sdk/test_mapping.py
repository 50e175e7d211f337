"""A written mapping says what a source object states, and says where it could not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hub.model import Batch, Measurement, Record, Sample, TestCriterion, TestResult
from hub.sdk import Misconfigured, Rejected
from hub.sdk.mapping import Reader, Reading, RecordMapping, Rule, Scope, parse_expression, read_settings

LIMS_SAMPLE: dict[str, Any] = {
    "sampleId": "S-2026-004811",
    "batchRef": "b26 0117",
    "site": {"code": "CRK", "lab.room": "L2"},
    "takenAt": "2026-03-24T06:10:00Z",
    "state": "A",
    "results": [
        {"id": "R1", "test": "TITRE-HPLC", "entry": "3.10", "unit": "mg/mL"},
        {"id": "R2", "test": "ENDOTOXIN", "entry": "<0.05", "unit": "EU/mg", "retestOf": "R0"},
        {"id": "R3", "test": "HCP", "entry": "41", "unit": "ngs/mgs"},
        {"id": "R4", "test": "COLOUR", "entry": " "},
    ],
}

LIMS_RULES = """
- record: sample
  fields:
    key: sampleId
    code: sampleId
    batch: {value: batchRef, scheme: "mes.{site.code}:batch"}
    stage: 'site."lab.room"'
    taken_at: takenAt
    status: {path: state, map: {A: Approved, "*": Open}}
- record: test_result
  each: results[*]
  when: {path: entry}
  fields:
    key: "{^.sampleId}/{id}"
    sample: ^.sampleId
    test_code: test
    retest_of: "{$.sampleId}/{retestOf}"
    value: {path: entry, unit_path: unit}
"""


def mapping(written: str, **reader: Any) -> RecordMapping:
    """Compile rules written as YAML."""
    return RecordMapping([Rule.model_validate(rule) for rule in yaml.safe_load(written)], Reader(**reader))


def only(given: Mapping[str, Any], written: str, **reader: Any) -> Record:
    """Give the one record that these rules make of an object."""
    (part,) = mapping(written, **reader).apply(given)
    assert isinstance(part, Record), part
    return part


def rejected(given: Mapping[str, Any], written: str, **reader: Any) -> Rejected:
    """Give the one rejection that these rules make of an object."""
    (part,) = mapping(written, **reader).apply(given)
    assert isinstance(part, Rejected), part
    return part


def test_nested_items_become_records_that_know_their_parent() -> None:
    sample, titre, endotoxin, _ = mapping(LIMS_RULES).apply(LIMS_SAMPLE)
    assert isinstance(sample, Sample)
    assert sample.batch is not None
    assert (sample.batch.scheme, sample.batch.value) == ("mes.CRK:batch", "b26 0117")
    assert (sample.stage, sample.status) == ("L2", "Approved")
    assert isinstance(titre, TestResult)
    assert (titre.key, titre.sample, titre.retest_of) == ("S-2026-004811/R1", "S-2026-004811", None)
    assert titre.value == Measurement(value=3.1, text="3.10", unit="g/L", source_unit="mg/mL")
    assert isinstance(endotoxin, TestResult)
    assert endotoxin.value.comparator == "<"
    assert endotoxin.retest_of == "S-2026-004811/R0"


def test_an_unknown_unit_costs_only_its_own_record_and_names_path_and_field() -> None:
    parts = list(mapping(LIMS_RULES).apply(LIMS_SAMPLE))
    faults = [part for part in parts if isinstance(part, Rejected)]
    assert len(parts) == 4
    assert [fault.where for fault in faults] == ["results[2]: entry -> test_result.value"]
    assert "unit 'ngs/mgs' is not known" in faults[0].reason


def test_the_units_setting_translates_the_sources_own_spelling_and_keeps_it() -> None:
    made = list(mapping(LIMS_RULES, units={"ngs/mgs": "ng/mg"}).apply(LIMS_SAMPLE))[3]
    assert isinstance(made, TestResult)
    assert (made.value.unit, made.value.source_unit) == ("ng/mg", "ngs/mgs")


def test_a_blank_cell_is_not_stated() -> None:
    made = only(
        {"batch": "7", "size": "   ", "note": "n/a"},
        "[{record: batch, fields: {id: batch, planned_size: {path: size, unit: '1'}, description: note}}]",
        reading=Reading(missing=("n/a",)),
    )
    assert isinstance(made, Batch)
    assert (made.planned_size, made.description) == (None, None)


def test_decimal_commas_and_groups_are_read_and_the_text_is_kept() -> None:
    made = only(
        {"b": "1", "size": "1.234,50"},
        "[{record: batch, fields: {id: b, actual_size: {path: size, unit: kg}}}]",
        reading=Reading(decimal=",", thousands="."),
    )
    assert isinstance(made, Batch)
    assert made.actual_size is not None
    assert (made.actual_size.value, made.actual_size.text) == (1234.5, "1.234,50")


def test_local_times_with_foreign_months_are_read_in_the_declared_zone() -> None:
    made = only(
        {"b": "1", "start": "avg.19"},
        "[{record: batch, fields: {id: b, planned_start: {path: start, format: '%b.%y'}}}]",
        reading=Reading(
            months=("jan", "feb", "mar", "apr", "maj", "jun", "jul", "avg", "sep", "okt", "nov", "dec")
        ),
        zone=ZoneInfo("Europe/Ljubljana"),
    )
    assert isinstance(made, Batch)
    assert made.planned_start == datetime(2019, 7, 31, 22, tzinfo=UTC)


def test_a_local_time_without_a_zone_is_rejected_with_the_remedy() -> None:
    fault = rejected(
        {"b": "1", "t": "2026-03-01T08:00"}, "[{record: batch, fields: {id: b, actual_start: t}}]"
    )
    assert "set the source's `timezone`" in fault.reason
    assert fault.where == "t -> batch.actual_start"


def test_a_local_time_that_comes_twice_is_rejected_with_the_remedy() -> None:
    fault = rejected(
        {"b": "1", "t": "2026-10-25T01:30"},
        "[{record: batch, fields: {id: b, actual_start: {path: t, zone: Europe/Dublin}}}]",
    )
    assert "comes twice in Europe/Dublin" in fault.reason
    assert "`ambiguous`" in fault.reason
    assert fault.where == "t -> batch.actual_start"


def test_the_text_of_a_limit_stays_as_it_was_written() -> None:
    made = only(
        {"id": "1", "max": "0,050"},
        "[{record: test_criterion, fields: {key: id, specification: {const: S}, test_code: {const: HCP},"
        " upper: {path: max, decimal: ','}}}]",
    )
    assert isinstance(made, TestCriterion)
    assert (made.upper, made.upper_text) == (0.05, "0,050")


def test_epochs_and_constants_and_defaults_and_jmespath() -> None:
    made = only(
        {"b": "1", "ms": 1772352000000, "parts": [{"kg": 1}, {"kg": 2.5}]},
        "[{record: batch, fields: {id: b, kind: {const: campaign}, status: {path: st, default: Running},"
        " actual_start: {path: ms, format: epoch_ms}, actual_size: {jmespath: 'sum(parts[*].kg)', unit: kg}}}]",
    )
    assert isinstance(made, Batch)
    assert (made.kind, made.status) == ("campaign", "Running")
    assert made.actual_start == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert made.actual_size is not None
    assert made.actual_size.value == 3.5


def test_a_table_of_columns_turns_one_wide_row_into_many_results() -> None:
    row = {"batch": "1", "tbl_hard": "56.84", "tbl_thick": " ", "yield": "95,1"}
    made = list(
        mapping(
            """
- record: test_result
  columns:
    - {column: tbl_hard, unit: N, property: hardness}
    - {column: tbl_thick, unit: mm, property: thickness}
    - {column: yield, unit: "%", property: yield}
  fields:
    key: "{batch}/{@column}"
    sample: batch
    test_code: "@column"
    property: "@property"
    value: {path: "@value", unit_path: "@unit", decimal: ","}
"""
        ).apply(row)
    )
    assert [(r.key, r.property, r.value.value, r.value.unit) for r in made if isinstance(r, TestResult)] == [
        ("1/tbl_hard", "hardness", 56.84, "N"),
        ("1/yield", "yield", 95.1, "%"),
    ]


def test_names_that_a_thing_has_besides_its_own_are_a_list_and_blanks_fall_out() -> None:
    made = only(
        {"id": "B1", "order": "1004711", "old": ""},
        "[{record: batch, fields: {id: {value: id, match: '{id}x'}, also: [{value: order, scheme: 'sap:order'}, old]}}]",
    )
    assert isinstance(made, Batch)
    assert made.id.match == "B1x"
    assert [(a.scheme, a.value) for a in made.also] == [("sap:order", "1004711")]


def test_a_value_outside_its_table_is_rejected_and_names_the_value() -> None:
    fault = rejected(
        {"b": "1", "s": "??"}, "[{record: batch, fields: {id: b, status: {path: s, map: {R: Running}}}}]"
    )
    assert "'??' is not in the map" in fault.reason


def test_a_required_value_that_the_source_leaves_out_is_named_with_its_path() -> None:
    fault = rejected({}, "[{record: batch, fields: {id: header.batch}}]")
    assert fault.reason == "id: not stated by the source, but required"
    assert fault.where == "header.batch -> batch.id"


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ("{path: s, equals: R}", True),
        ("{path: s, equals: X}", False),
        ("{path: n, equals: 5}", True),
        ("{path: s, in: [Q, R]}", True),
        ("{path: s, not_in: [Q, R]}", False),
        ("{path: gone, stated: false}", True),
        ("{path: s, stated: false}", False),
        ("{path: s, matches: '[A-R]$'}", True),
        ("[{path: s}, {path: gone}]", False),
    ],
)
def test_a_condition_decides_whether_a_rule_applies(condition: str, *, applies: bool) -> None:
    rules = f"[{{record: batch, when: {condition}, fields: {{id: b}}}}]"
    assert len(list(mapping(rules).apply({"b": "1", "s": "R", "n": "5.0"}))) == applies


def test_an_object_where_a_value_was_meant_is_rejected() -> None:
    fault = rejected({"b": {"x": 1}}, "[{record: batch, fields: {id: b}}]")
    assert "not an object" in fault.reason


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    records: list[Rule]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "records:\n- record: batsch\n  fields: {id: x}\n",
            "line 2: records.0.record: 'batsch' is no record",
        ),
        ("records:\n- record: batch\n  fields:\n    idd: x\n    id: x\n", "batch has no field 'idd'"),
        (
            "records:\n- record: test_result\n  fields: {key: x}\n",
            "test_result needs sample, test_code, value",
        ),
        ("records:\n- record: batch\n  fields:\n    id: {pfad: x}\n", "line 4: records.0.fields.id"),
        ("records:\n- record: batch\n  fields:\n    id: 'a[x'\n", "'a[x' is no path"),
        ("record: 1\n", "line 1: record: Extra inputs"),
    ],
)
def test_a_wrong_mapping_names_file_line_and_key(tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "lims.yaml"
    file.write_text(written)
    with pytest.raises(Misconfigured, match=r"lims\.yaml") as fault:
        read_settings(file, _Settings)
    assert said in str(fault.value)


def test_alternatives_cannot_be_written_together() -> None:
    with pytest.raises(ValidationError, match="path and const are alternatives"):
        Rule.model_validate({"record": "batch", "fields": {"id": {"path": "a", "const": "b"}}})


def test_the_columns_that_a_table_must_have_are_known_beforehand() -> None:
    needed = mapping(LIMS_RULES).sources()
    assert needed == {"sampleId", "batchRef", "site", "takenAt", "state", "results"}


def test_a_template_may_have_a_blank_between_its_holes() -> None:
    name = parse_expression("{batch} {test}")
    assert name.find(Scope({"batch": "B1", "test": " PH "})) == "B1 PH"
    assert name.find(Scope({"batch": "B1", "test": " "})) is None


@pytest.mark.parametrize("path", ["a", "a.b", "{a}-{b}", "$.a", "@key", "."])
@pytest.mark.parametrize(
    "item",
    [
        {"a": " x ", "b": "y"},
        {"a": "", "b": "n/a"},
        {"a": " n/a ", "b": None},
        {"a": 3, "b": False},
        {"a": {"b": " z "}, "b": 0},
        {"a": [1]},
        {},
        "no object",
        [{"a": "x"}],
        None,
    ],
)
def test_what_is_looked_up_quickly_is_what_a_path_gives(path: str, item: Any) -> None:
    reader = Reader(Reading(missing=("n/a",)))
    expression = parse_expression(path)
    scope = Scope(item, attributes={"key": " K "})

    assert reader.finder(expression)(scope) == reader.stated(expression.find(scope))
