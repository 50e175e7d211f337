"""A tag map is judged before a plant relies on it, and samples say themselves how good they are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from hub.ingest.tagcheck import check_tags
from hub.ingest.tagimport import import_rows
from hub.ingest.tagmap import TagMap, TagMapSettings, append_rows, load_tag_map
from hub.ingest.tagquality import TagQuality, survey
from hub.model import SAMPLE_SCHEMA, Identifier, Tag
from hub.sdk import Misconfigured, Rejected, Window

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(T0, T0 + timedelta(days=1))


def tag(name: str, **more: Any) -> Tag:
    return Tag(id=Identifier(value=name), **more)


@pytest.fixture
def tag_map(tmp_path: Any) -> TagMap:
    (tmp_path / "map.csv").write_text(
        "tag,equipment,property,unit\nTIC-1,BR1,temperature,Cel\nTIC-1B,BR1,temperature,Cel\nPIC-9,BR1,pressure,bar\n"
    )
    rules = [
        {
            "pattern": r"(?P<unit>BR\d)\.(?P<what>\w+)",
            "equipment": "{unit}",
            "property": "{what}",
            "unit": "kg",
        },
        {"pattern": r"BR2\..*", "equipment": "BR2", "property": "anything"},
    ]
    return load_tag_map(tmp_path, TagMapSettings.model_validate({"map": "map.csv", "rules": rules}))


def test_tags_are_matched_by_rows_first_then_rules_and_what_is_left_is_listed(tag_map: TagMap) -> None:
    told = check_tags([tag("TIC-1"), tag("BR1.weight"), tag("odd"), tag("own", equipment="BR3")], tag_map)
    assert [(one.tag, one.by) for one in told.findings] == [
        ("TIC-1", "row"),
        ("BR1.weight", "rule"),
        ("odd", "nothing"),
        ("own", "source"),
    ]
    assert told.idle_rows == ("PIC-9", "TIC-1B")
    assert not told.is_clean


def test_two_tags_of_one_property_are_doubled(tag_map: TagMap) -> None:
    told = check_tags([tag("TIC-1"), tag("TIC-1B")], tag_map)
    assert told.counts["doubled"] == 2
    assert told.findings[0].faults == ("doubled: TIC-1B claims BR1.temperature as well",)


def test_a_unit_that_lacks_is_unknown_or_measures_something_else_is_named(tag_map: TagMap) -> None:
    told = check_tags(
        [tag("TIC-1", source_unit="bar"), tag("odd", source_unit="furlong"), tag("none")], tag_map
    )
    wrong, unknown, lacking = (" ".join(one.faults) for one in told.findings)
    assert "the source says bar" in wrong
    assert "the map Cel" in wrong
    assert "unit 'furlong' of the source is not known" in unknown
    assert lacking == "no unit: neither the source nor the map says one"


def test_a_tag_that_several_rules_match_is_told(tag_map: TagMap) -> None:
    (one,) = check_tags([tag("BR2.weight")], tag_map).findings
    assert any(fault.startswith("several rules match") for fault in one.faults)


def batch(
    name: str, times: list[datetime], values: list[Any], quality: list[int] | None = None
) -> pa.RecordBatch:
    columns: list[Any] = [
        [name] * len(times),
        times,
        values,
        [None] * len(times),
        quality or [0] * len(times),
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SAMPLE_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLE_SCHEMA)


def judge(
    given: list[Any], one: Tag, *, zone: str | None = None, window: Window = DAY, states_quality: bool = True
) -> TagQuality:
    name, where = one.id.value, ZoneInfo(zone) if zone else None
    (found,) = survey(given, tags={name: one}, window=window, zone=where, states_quality=states_quality)
    return found


MINUTES = [T0 + timedelta(minutes=n) for n in range(120)]


def test_values_out_of_range_and_of_bad_quality_are_counted_apart() -> None:
    values = [float(n % 7) for n in range(120)]
    values[3], values[4] = 99.0, 99.0
    quality = [0] * 120
    quality[4] = 0x80000000
    found = judge([batch("T", MINUTES, values, quality)], tag("T", low=0, high=10, unit="Cel"), zone="UTC")
    assert (found.samples, found.out_of_range) == (120, 1)
    assert found.good == pytest.approx(119 / 120)
    assert found.not_checked == ()


def test_a_pause_is_a_gap_and_a_signal_that_stands_still_is_stuck() -> None:
    times = MINUTES[:40] + [moment + timedelta(hours=3) for moment in MINUTES[40:]]
    values = [float(n) if n < 60 else 5.0 for n in range(120)]
    found = judge([batch("T", times, values)], tag("T", unit="Cel"))
    assert (found.gaps, found.longest_gap_s) == (1, 3 * 3600 + 60)
    assert found.stuck == 60


def test_times_in_the_hour_that_comes_twice_are_doubtful() -> None:
    start = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    times = [start + timedelta(minutes=10 * n) for n in range(20)]
    window = Window(start, start + timedelta(hours=4))
    found = judge([batch("T", times, [1.0] * 20)], tag("T"), zone="Europe/Dublin", window=window)
    assert found.doubtful_times == 12  # 01:00 to 02:00 local, both times: 00:00Z to 02:00Z


def test_what_was_not_checked_is_said() -> None:
    silent = judge([], tag("T"))
    assert silent.not_checked == ("everything: the window holds no sample",)
    states = judge([batch("T", MINUTES, [1.0] * 120)], tag("T", is_step=True))
    assert [text.partition(":")[0] for text in states.not_checked] == [
        "range",
        "stuck values",
        "doubtful times",
        "unit",
    ]
    closed = judge([Rejected(key="T", reason="closed to the user")], tag("T"))
    assert closed.faults == ("cannot be read: closed to the user",)


FULL = tag("T", low=0, high=10, unit="Cel")
STATUSES = [0, 0x00A20000, 0x40000000, 0x80000000, 0x809D0000, 0x00000401, 0x00000480, 0x40960000]
"""Good, entry replaced, uncertain, bad, no data; raw, limited and overflowing values of a history."""


def test_codes_that_are_no_status_are_named_and_are_neither_good_nor_bad() -> None:
    values = [float(n % 7) for n in range(120)]
    da = [192] * 100 + [0] * 10 + [64] * 10  # OPC DA: good, bad, uncertain
    found = judge([batch("T", MINUTES, values, da)], FULL, zone="UTC")
    assert found.faults == (
        "110 with a quality code that is no OPC UA status (64, 192): map the source's codes to those",
    )
    assert found.good == pytest.approx(10 / 120)
    assert found.not_checked == ("quality: where the codes are none of OPC UA, 0 may mean bad",)
    for wrong in (0xC0000000, 0x10000000, 0x00001000, 0x00000800, 3):
        found = judge([batch("T", MINUTES, values, [wrong] * 120)], FULL, zone="UTC")
        assert "no OPC UA status" in found.faults[0]


def test_every_status_code_is_known_as_one() -> None:
    codes = [STATUSES[n % len(STATUSES)] for n in range(120)]
    found = judge([batch("T", MINUTES, [float(n % 7) for n in range(120)], codes)], FULL, zone="UTC")
    assert found.faults == ("60 of bad or uncertain quality",)


def test_a_source_that_states_no_quality_has_none_that_was_checked() -> None:
    values = [float(n % 7) for n in range(120)]
    silent = judge([batch("T", MINUTES, values)], FULL, zone="UTC", states_quality=False)
    assert silent.not_checked == ("quality: the source states none",)
    assert judge([batch("T", MINUTES, values)], FULL, zone="UTC").not_checked == ()


# ------------------------------------------------------------------------------------------- map
RULE = {"pattern": r"(?P<unit>BR\d)\.(?P<what>\w+)", "equipment": "{unit}", "property": "{what}"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"equipment": "{area}"},
            r"rule 2 .*equipment '\{area\}' uses \{area\}.*it has unit, what.*\(\?P<area>",
        ),
        ({"property": "{}"}, r"rule 2 .*property"),
        ({"property": "{what.upper}"}, r"rule 2 .*property"),
        ({"property": "{what"}, r"rule 2 .*cannot be filled"),
        ({"unit": "furlong"}, r"rule 2 .*furlong.*UCUM"),
        ({"pattern": "("}, r"rule 2 .*no regular expression"),
    ],
)
def test_a_rule_that_could_not_be_applied_is_named_before_anything_is_read(
    tmp_path: Any, wrong: dict[str, str], told: str
) -> None:
    settings = TagMapSettings.model_validate({"rules": [RULE, {**RULE, **wrong}]})
    with pytest.raises(Misconfigured, match=told):
        load_tag_map(tmp_path, settings)


def test_two_rows_for_one_tag_are_refused_with_both_their_lines(tmp_path: Any) -> None:
    (tmp_path / "map.csv").write_text(
        'tag,equipment,property\nTIC-1,BR1,temperature\n\nPIC-9,BR1,"pressure\nof the head"\nTIC-1 ,BR2,temperature\n'
    )
    with pytest.raises(
        Misconfigured, match=r"'TIC-1' has a row in line 2 and another in line 6.*keep the one"
    ):
        load_tag_map(tmp_path, TagMapSettings(map="map.csv"))


def test_a_tag_whose_row_names_no_equipment_gets_no_second_row(tmp_path: Any) -> None:
    (tmp_path / "map.csv").write_text("tag,equipment,property,unit\nodd,,,%\n")
    loaded = load_tag_map(tmp_path, TagMapSettings(map="map.csv"))
    assert import_rows([tag("odd")], BRANCHES, loaded).rows == ()


# ------------------------------------------------------------------------------------------ import
BRANCHES = {
    "odd": ("CORK", "USP", "BR7", "Sensors", "BR7_DissolvedOxygen"),
    "root": ("root",),
    "TIC-1": ("CORK", "USP", "BR1", "TIC-1"),
    "BR1.weight": ("CORK", "USP", "BR1", "weight"),
}


def test_tags_that_nothing_matches_get_rows_out_of_the_sources_tree(tag_map: TagMap) -> None:
    tags = [
        tag("TIC-1"),
        tag("BR1.weight"),
        tag("own", equipment="BR3"),
        tag("odd", unit="%", low=0, high=150),
    ]
    nearest = import_rows([*tags, tag("root"), tag("unheard")], BRANCHES, tag_map)
    assert [(r["tag"], r["equipment"], r["property"]) for r in nearest.rows] == [
        ("odd", "Sensors", "br7_dissolved_oxygen")
    ]
    assert nearest.left == ("root", "unheard")
    (row,) = import_rows(tags, BRANCHES, tag_map, equipment=re.compile(r"BR\d")).rows
    assert (row["equipment"], row["property"]) == ("BR7", "sensors_br7_dissolved_oxygen")
    assert (row["unit"], row["low"], row["high"]) == ("%", "0", "150")


def test_the_equipments_own_name_is_not_repeated_in_the_property() -> None:
    branches = {
        "a": ("BR50-01", "BR50_01_TEMP"),
        "b": ("BR50-01", "BR50_01"),
        "c": ("BR50-01", "pH.Setpoint"),
    }
    told = import_rows([tag(name) for name in branches], branches, None).rows
    assert [r["property"] for r in told] == ["temp", "br50_01", "ph_setpoint"]


def test_imported_rows_come_after_what_a_person_wrote_and_are_found_by_the_map(tmp_path: Any) -> None:
    file = tmp_path / "map.csv"
    written = "\ufefftag;note,property,equipment,tag\nmine,temperature,BR1,TIC-1".replace("tag;note", "note")
    file.write_text(written, encoding="utf-8")
    rows = import_rows([tag("odd", unit="%")], BRANCHES, None, equipment=re.compile(r"BR\d")).rows
    append_rows(file, rows)
    assert file.read_text(encoding="utf-8").startswith(written + "\n")
    loaded = load_tag_map(tmp_path, TagMapSettings(map="map.csv"))
    assert set(loaded.exact) == {"TIC-1", "odd"}
    assert import_rows([tag("odd")], BRANCHES, loaded).rows == ()


def test_a_map_that_lacks_a_column_is_not_written_to(tmp_path: Any) -> None:
    (tmp_path / "map.csv").write_text("name,where\n")
    with pytest.raises(Misconfigured, match="needs the columns tag, equipment, property"):
        append_rows(tmp_path / "map.csv", [])
