"""What the events of a batch tell, in each shape; and what a journal can have wrong."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from connectors.batch_events import BatchEvents, BatchEventsConfig
from hub.model import Batch, Record, SegmentData, SegmentResponse
from hub.sdk import BadRecord, Document, Misconfigured, Rejected
from tests.connectors.batch_events.journals import (
    DELTAV,
    FACTORYTALK,
    INBATCH,
    INBATCH_HEAD,
    PHASE,
    UP,
    journal,
    line,
)

GERMAN = {
    "Zustandsänderung": "State Change",
    "LÄUFT": "RUNNING",
    "BEENDET": "COMPLETE",
}


def parse(text: str, shape: str = "factorytalk", **settings: Any) -> list[Record | Rejected]:
    config = BatchEventsConfig.model_validate(
        {"root": "/", "shape": shape, "timezone": "Etc/UTC", "units": {"Deg C": "Cel"}, **settings}
    )
    return list(BatchEvents(config).parse(Document(object_type="journal", key="1.evt", payload=text)))


def told(text: str, shape: str = "factorytalk", **settings: Any) -> list[tuple[Any, ...]]:
    """Give the runs: level, name, occurrence, unit, start and end as HH:MM:SS, state."""
    return [
        (
            one.level, one.name, one.occurrence, one.equipment.value if one.equipment else None,
            f"{one.actual_start:%X}" if one.actual_start else None,
            f"{one.actual_end:%X}" if one.actual_end else None, one.state,
        )
        for one in parse(text, shape, **settings)
        if isinstance(one, SegmentResponse)
    ]  # fmt: skip


RUNS = [
    ("unit_procedure", "SEED", 1, "BR-1", "08:01:05", "08:10:00", "Completed"),
    ("operation", "GROW", 1, "BR-1", "08:02:00", "08:09:00", "Completed"),
    ("phase", "INOCULATE", 1, "BR-1", "08:03:00", "08:07:00", "Completed"),
]


def test_a_factorytalk_batch_has_its_runs_values_and_product() -> None:
    said = parse(journal(FACTORYTALK))
    assert not [one for one in said if isinstance(one, Rejected)]
    (batch,) = [one for one in said if isinstance(one, Batch)]
    assert (batch.id.value, batch.also[0].value, batch.status) == ("B26-1", "41", "Complete")
    assert batch.product is not None
    assert (batch.product.value, f"{batch.actual_start:%X}", f"{batch.actual_end:%X}") == (
        "MAB214",
        "08:00:01",
        "08:11:00",
    )
    assert told(journal(FACTORYTALK)) == [
        ("procedure", "MAB", 1, None, "08:00:01", "08:11:00", "Completed"),
        *RUNS,
    ]
    (value,) = [one for one in said if isinstance(one, SegmentData)]
    assert (value.name, value.value.text, value.value.unit) == ("TEMP", "36.9", "Cel")
    assert value.response == r"41/MAB/SEED:1/GROW:1-1/INOCULATE:1-1"


def test_a_deltav_batch_begins_when_it_runs_and_ends_when_it_is_complete() -> None:
    assert told(journal(DELTAV), "deltav") == [
        ("procedure", "MAB", 1, None, "08:00:01", "08:11:00", "Completed"),
        *RUNS,
    ]


def test_an_inbatch_log_tells_by_action_codes() -> None:
    assert told(journal(INBATCH, INBATCH_HEAD), "inbatch") == [
        ("procedure", "B26-1", 1, None, "08:00:01", "08:11:00", "Completed"),
        *RUNS[:2],
        ("phase", "INOCULATE", 1, "BR-1", "08:02:59", "08:07:00", "Completed"),
    ]


def test_each_run_hangs_below_the_one_around_it() -> None:
    said = [one for one in parse(journal(FACTORYTALK)) if isinstance(one, SegmentResponse)]
    keys = {one.key: one for one in said}
    chain = keys[r"41/MAB/SEED:1/GROW:1-1/INOCULATE:1-1"]
    names = []
    while chain.parent:
        chain = keys[chain.parent]
        names.append(chain.name)
    assert names == ["GROW", "SEED", "MAB"]


def test_an_element_whose_own_path_tells_its_loop_is_found_by_those_below_it() -> None:
    """FactoryTalk: a unit procedure's own path may end in `:1-1`, those below it name it `:1`."""
    own = journal([row.replace(f"{UP}\t", f"{UP}-1\t") for row in FACTORYTALK])
    assert f"{UP}-1\t" in own
    said = {r.name: r for r in parse(own) if isinstance(r, SegmentResponse)}
    assert (said["GROW"].parent, said["INOCULATE"].parent) == (said["SEED"].key, said["GROW"].key)
    assert {r.equipment.value for r in said.values() if r.equipment} == {"BR-1"}


def test_a_phase_that_runs_again_after_its_end_is_another_run() -> None:
    again = [
        line("08:07:30", recipe=PHASE, value="RUNNING", unit="BR-1"),
        line("08:08:30", recipe=PHASE, value="ABORTED", unit="BR-1"),
    ]
    phases = [run for run in told(journal([*FACTORYTALK[:11], *again])) if run[0] == "phase"]
    assert [run[2] for run in phases] == [1, 2]
    assert phases[1][4:] == ("08:07:30", "08:08:30", "Aborted")


def test_what_still_runs_has_no_end() -> None:
    assert told(journal(FACTORYTALK[:6]))[-1] == (
        "phase",
        "INOCULATE",
        1,
        "BR-1",
        "08:03:00",
        None,
        "Running",
    )


def test_arbitration_names_the_unit_also_after_the_start() -> None:
    lines = [FACTORYTALK[3], FACTORYTALK[2]]
    assert told(journal(lines))[0][3] == "BR-1"


def test_an_end_without_a_beginning_is_kept_as_that() -> None:
    assert told(journal([line("09:00:00", recipe=UP, value="STOPPED", unit="BR-2")])) == [
        ("unit_procedure", "SEED", 1, "BR-2", None, "09:00:00", "STOPPED")
    ]


def test_a_file_of_many_batches_keeps_them_apart() -> None:
    other = [one.replace("B26-1", "B26-2").replace("\t41\t", "\t42\t") for one in FACTORYTALK]
    mixed = [one for pair in zip(FACTORYTALK, other, strict=True) for one in pair]
    said = [one for one in parse(journal(mixed)) if isinstance(one, Batch)]
    assert [one.id.value for one in said] == ["B26-1", "B26-2"]
    assert len({one.key for one in parse(journal(mixed)) if isinstance(one, SegmentResponse)}) == 8


def test_a_record_without_header_is_read_in_the_documented_order() -> None:
    cells = [
        "2026-03-01 08:03:00",
        "B26-1",
        PHASE,
        "",
        "State Change",
        "RUNNING",
        "",
        "",
        "",
        "BR-1",
        "",
        "",
        "",
        "41",
    ]
    assert told(journal(["\t".join(cells)], head=""))[0][:5] == ("phase", "INOCULATE", 1, "BR-1", "08:03:00")


def test_an_engine_in_another_language_is_translated() -> None:
    lines = [
        line("08:00:00", recipe=PHASE, event="Zustandsänderung", value="LÄUFT"),
        line("08:05:00", recipe=PHASE, event="Zustandsänderung", value="BEENDET"),
    ]
    assert told(journal(lines), "deltav", words=GERMAN)[0][4:] == ("08:00:00", "08:05:00", "Completed")
    assert told(journal(lines), "deltav") == []


@pytest.mark.parametrize(
    ("text", "settings", "says"),
    [
        ("a\tb\n1\t2\n", {}, "no column for time, batch, recipe, event, value"),
        (journal(FACTORYTALK), {"shape": "inbatch"}, "no column for time, code"),
        (journal(FACTORYTALK), {"columns": {"time": "Uhrzeit"}}, "no column for time"),
    ],
)
def test_a_journal_of_another_shape_is_refused_by_name(
    text: str, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadRecord, match=says):
        parse(text, **settings)


def test_a_site_may_have_renamed_a_column() -> None:
    text = journal(FACTORYTALK).replace("lclTime", "Uhrzeit")
    assert told(text, columns={"time": "Uhrzeit"}) == told(journal(FACTORYTALK))


@pytest.mark.parametrize(
    ("bad", "where", "says"),
    [
        (line("08:61:00", recipe=PHASE, value="RUNNING"), "line 2", "minute must be in 0..59"),
        (line("08:00:00", batch="", recipe=PHASE, value="RUNNING"), "line 2", "names no batch"),
        (line("08:00:00", event="Report", descript="X", value="1", eu="furlong"), "line 2", "furlong"),
    ],
)
def test_one_bad_event_waits_with_its_line_and_the_others_count(bad: str, where: str, says: str) -> None:
    said = parse(journal([bad, *FACTORYTALK]))
    (rejected,) = [one for one in said if isinstance(one, Rejected)]
    assert rejected.where.startswith(where)
    assert says in rejected.reason
    assert len([one for one in said if isinstance(one, SegmentResponse)]) == 4


def test_local_times_without_a_zone_are_refused() -> None:
    said = parse(journal(FACTORYTALK[:2]), timezone=None)
    assert [type(one) for one in said] == [Rejected, Rejected, Batch]


def open_folder(root: Path, **settings: Any) -> BatchEvents:
    return BatchEvents(BatchEventsConfig(root=str(root), shape="factorytalk", timezone="Etc/UTC", **settings))


def test_a_line_that_is_still_being_written_waits(tmp_path: Path) -> None:
    whole = journal(FACTORYTALK[:4]).encode()
    (tmp_path / "1.evt").write_bytes(whole + b"2026-03-01 08:0")
    (page,) = open_folder(tmp_path).read("journals", None)
    assert page.documents[0].payload.encode() == whole


@pytest.mark.parametrize(
    ("content", "settings", "says"),
    [
        (b"\xff\xfe\n", {}, "codec can't decode"),
        (b"x" * (1024 * 1024 + 1), {"max_mib": 1}, "1,048,577 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_rejected_by_name(
    tmp_path: Path, content: bytes, settings: dict[str, Any], says: str
) -> None:
    (tmp_path / "1.evt").write_bytes(content)
    (page,) = open_folder(tmp_path, **settings).read("journals", None)
    assert [(r.key, says in r.reason) for r in page.rejected] == [("1.evt", True)]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "journals"
    root.mkdir()
    (tmp_path / "secret.evt").write_text(journal(FACTORYTALK), encoding="utf-8")
    (root / "1.evt").symlink_to(tmp_path / "secret.evt")
    assert list(open_folder(root).read("journals", None)) == []


def test_a_journal_dated_in_the_future_hides_no_other(tmp_path: Path) -> None:
    text = journal(FACTORYTALK)
    (tmp_path / "wrong.evt").write_text(text, encoding="utf-8")
    os.utime(tmp_path / "wrong.evt", (7_000_000_000, 7_000_000_000))
    (page,) = open_folder(tmp_path).read("journals", None)
    assert page.cursor["changed_ns"] <= time.time_ns()
    (tmp_path / "late.evt").write_text(text, encoding="utf-8")
    (page,) = open_folder(tmp_path).read("journals", page.cursor)
    assert [document.key for document in page.documents] == ["late.evt", "wrong.evt"]


def test_check_tells_a_wrong_shape_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is no folder"):
        open_folder(tmp_path / "none").check()
    assert open_folder(tmp_path).check().detail == "0 file(s)"
    (tmp_path / "1.evt").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"1\.evt: the header has no column"):
        open_folder(tmp_path).check()
