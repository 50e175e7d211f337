"""What the PI Web API connector makes of values, pages, refusals and assets, on the simulated PI System."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pi_web_api.values import decode_values
from hub.model import Equipment, Record
from hub.model.quality import quality_class
from hub.sdk import Misconfigured, Rejected, Unauthorized, Unavailable, Window
from tests.connectors.pi_web_api.simulator import START, PiSystem, timed
from tests.connectors.pi_web_api.world import make_pi, second

WINDOW = Window(START, START + timedelta(seconds=40))


def read(system: PiSystem, *names: str, window: Window = WINDOW, **settings: Any) -> list[dict[str, Any]]:
    with make_pi(system.base, **settings) as pi:
        given = list(pi.samples(names, window))
    assert not [item for item in given if isinstance(item, Rejected)]
    return [row for batch in given for row in batch.to_pylist()]  # type: ignore[union-attr]


@pytest.mark.parametrize("max_count", [2, 3, 4, 5, 6, 7, 46, 47, 1000])
def test_values_of_one_instant_across_a_full_answer_are_neither_lost_nor_doubled(
    system: PiSystem, max_count: int
) -> None:
    rows = read(system, "BR-2001.TEMP", max_count=max_count)
    assert len(rows) == 46
    assert [row["value"] for row in rows if row["ts"] == second(20.5)] == [37.0, 37.1, 37.2, 37.3, 37.4]


def test_an_instant_with_too_many_values_costs_its_own_tag_only(system: PiSystem) -> None:
    system.events["BR-2001.TEMP"] = [(second(1), 1.0, {})] * 300
    with make_pi(system.base, max_count=2) as pi:
        given = list(pi.samples(["BR-2001.TEMP", "BR-2001.PH"], WINDOW))
    rejected = [item for item in given if isinstance(item, Rejected)]
    assert [(r.key, "values have the time" in r.reason) for r in rejected] == [("BR-2001.TEMP", True)]
    assert sum(item.num_rows for item in given if not isinstance(item, Rejected)) == 13


def test_flags_and_states_become_statuses_and_keep_their_words(system: PiSystem) -> None:
    rows = {row["ts"]: row for row in read(system, "BR-2001.TEMP")}
    assert [(r["value"], r["text"], hex(r["quality"])) for s in (7, 9, 11) if (r := rows[second(s)])] == [
        (None, "I/O Timeout", "0x80310000"),
        (36.9, None, "0x40000000"),
        (36.8, None, "0xa20000"),
    ]
    states = read(system, "BR-2001.AGIT")
    assert [(r["value"], r["text"]) for r in states[:2]] == [(0.0, "STOP"), (1.0, "RUN")]
    assert [r["text"] for r in read(system, "BR-2001.BATCH")] == ["B26-0117", "B26-0118"]


def test_errors_in_a_values_place_are_a_bad_sample_with_their_words() -> None:
    items = [
        timed((second(1), {"Errors": ["Calc Failed"]}, {}), ""),
        timed((second(2), 1.5, {"Good": False}), ""),
    ]
    batch = decode_values("T", items)
    assert [(r["value"], r["text"], hex(r["quality"])) for r in batch.to_pylist()] == [
        (None, "Calc Failed", "0x80000000"),
        (1.5, None, "0x80000000"),
    ]


@given(st.booleans(), st.booleans(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_good_only_if_no_flag_says_otherwise(
    good: bool, questionable: bool, substituted: bool, value: float
) -> None:
    flags = {"Good": good, "Questionable": questionable, "Substituted": substituted}
    (row,) = decode_values("T", [timed((second(1), value, flags), "")]).to_pylist()
    expected = "bad" if not good else "uncertain" if questionable else "good"
    assert (quality_class(row["quality"]), row["value"]) == (expected, value)


def test_a_closed_point_is_named_and_the_others_come(system: PiSystem) -> None:
    system.closed = {"BR-2001.PH"}
    for batch in (True, False):
        with make_pi(system.base, batch=batch) as pi:
            given = list(pi.samples(["BR-2001.PH", "BR-2001.AGIT"], WINDOW))
        (rejected,) = [item for item in given if isinstance(item, Rejected)]
        assert rejected.key == "BR-2001.PH"
        assert "No Read Access" in rejected.reason
        assert sum(item.num_rows for item in given if not isinstance(item, Rejected)) == 10


def test_a_server_that_returns_fewer_values_at_once_says_so_by_name(system: PiSystem) -> None:
    system.max_returned = 3
    with make_pi(system.base, max_count=50) as pi:
        (rejected,) = pi.samples(["BR-2001.TEMP"], WINDOW)
    assert isinstance(rejected, Rejected)
    assert "greater than the maximum allowed (3)" in rejected.reason


def test_interpolated_values_stand_on_one_grid_whatever_the_window(system: PiSystem) -> None:
    settings: dict[str, Any] = {"read": {"kind": "interpolated", "step_s": 10}}
    rows = read(system, "BR-2001.TEMP", window=Window(second(3), second(31)), **settings)
    assert [row["ts"] for row in rows] == [second(10), second(20), second(30)]
    assert rows[0]["value"] == pytest.approx(36.51)


def test_summaries_are_tags_of_their_own_and_end_before_the_last_whole_step(system: PiSystem) -> None:
    settings: dict[str, Any] = {
        "read": {"kind": "summary", "step_s": 10, "types": ["Average", "Count", "Maximum"]}
    }
    with make_pi(system.base, **settings) as pi:
        tags = {tag.id.value: tag for tag in pi.tags()}
        extent = pi.extent()
    rows = read(system, "BR-2001.PH#Count", "BR-2001.PH#Average", **settings)
    assert tags["BR-2001.TEMP#Average"].unit == "Cel"
    assert (tags["BR-2001.TEMP#Count"].unit, tags["BR-2001.TEMP#Count"].property) == (None, "Temperature")
    assert [r["value"] for r in rows if r["tag"] == "BR-2001.PH#Count"] == [10, 2, 0, 0]
    assert [r["text"] for r in rows if r["tag"] == "BR-2001.PH#Average"] == [None, None, "No Data", "No Data"]
    assert extent is not None
    assert extent.end == START + timedelta(days=2, seconds=-10)


def test_points_learn_their_place_from_the_asset_framework(system: PiSystem) -> None:
    with make_pi(system.base) as pi:
        tags = {tag.id.value: tag for tag in pi.tags()}
    told = tags["BR-2001.TEMP"]
    assert told.equipment is not None
    assert (told.equipment.value, told.equipment.label) == (r"Cork\BR-2001", "BR-2001")
    assert (told.property, told.unit, told.low, told.high) == ("Temperature", "Cel", 0.0, 80.0)
    assert (tags["BR-2001.PH"].property, tags["BR-2001.PH"].unit) == ("Acidity", "[pH]")
    assert tags["BR-2001.AGIT"].equipment is None


def test_attributes_are_tags_named_by_their_place(system: PiSystem) -> None:
    with make_pi(system.base, tags="attributes") as pi:
        assert [tag.id.value for tag in pi.tags()] == [r"Cork\BR-2001|Temperature", r"Cork\BR-2001|Acidity"]
    assert len(read(system, r"Cork\BR-2001|Temperature", tags="attributes")) == 46


def test_elements_are_equipment_below_one_another(system: PiSystem) -> None:
    with make_pi(system.base) as pi:
        documents = [d for page in pi.read("elements", None) for d in page.documents]
        records = [part for d in documents for part in pi.parse(d) if isinstance(part, Equipment)]
    reactor = next(r for r in records if r.id.label == "BR-2001")
    assert (reactor.id.value, reactor.level, reactor.parent and reactor.parent.value) == (
        r"Cork\BR-2001",
        "Unit",
        "Cork",
    )


def test_event_frames_become_batches_and_segment_responses(system: PiSystem) -> None:
    with make_pi(system.base) as pi:
        documents = [d for page in pi.read("event_frames", None) for d in page.documents]
        parts = [part for d in documents for part in pi.parse(d)]
        placed = list(pi.places(documents[1]))
    assert [part for part in parts if not isinstance(part, Record)] == []
    batch, *phases = parts
    assert (batch.id.value, batch.actual_end) == ("B26-0117", second(3600))  # type: ignore[union-attr]
    assert {(p.parent, p.batch.value, p.equipment.value) for p in phases} == {  # type: ignore[union-attr]
        ("00000000-0000-0000-0002-000000000001", "B26-0117", r"Cork\BR-2001")
    }
    assert [p.actual_end for p in phases][-1] is None  # type: ignore[union-attr]
    assert placed[0].fields["batch"].text == "B26-0117"


def test_frames_deleted_while_they_are_read_cost_no_other_frame(system: PiSystem) -> None:
    def delete_one(world: PiSystem) -> None:
        if [a[1] for a in world.asked].count("/assetdatabases/I1RD1/eventframes") == 2:
            world.frames[:] = [f for f in world.frames if f["Name"] != "Phase 2"]

    system.on_page = delete_one
    with make_pi(system.base, max_count=3) as pi:
        seen = {d.key for page in pi.read("event_frames", None) for d in page.documents}
    assert {f["Id"] for f in system.frames} <= seen


def test_a_frame_whose_values_are_closed_waits_and_the_others_go_on(system: PiSystem) -> None:
    del system.values["I1FM3"]
    with make_pi(system.base) as pi:
        pages = list(pi.read("event_frames", None))
    assert [r.key for page in pages for r in page.rejected] == ["00000000-0000-0000-0002-000000000003"]
    assert sum(len(page.documents) for page in pages) == 6


def test_an_error_inside_a_200_answer_is_an_error(system: PiSystem) -> None:
    system.hidden["/dataservers"] = {"StatusCode": 502, "Errors": ["The archive does not answer"]}
    with make_pi(system.base) as pi, pytest.raises(Unavailable, match="502: The archive does not answer"):
        list(pi.tags())


def test_wrong_names_in_the_settings_are_told_with_what_there_is(system: PiSystem) -> None:
    with (
        make_pi(system.base, data_servers=["PISRV9"]) as pi,
        pytest.raises(Misconfigured, match=r"PISRV9; there are PISRV1"),
    ):
        pi.check()
    wrong = {"database": "Plants"}
    with (
        make_pi(system.base, asset_framework=wrong) as pi,
        pytest.raises(Misconfigured, match=r"there are \\\\AFSRV1\\Plant"),
    ):
        pi.check()


def test_a_wrong_password_is_unauthorized_and_never_shown(system: PiSystem) -> None:
    with make_pi(system.base, password="stolen-1") as pi, pytest.raises(Unauthorized) as error:
        list(pi.tags())
    assert "stolen-1" not in str(error.value)
