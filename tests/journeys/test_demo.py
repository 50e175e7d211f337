"""The demo plant, from nothing to one view: every planted piece of a plant's mess shows in what the API gives.

The plant is read as `plantwide demo` reads it, once at FIRST and once at NOW, in this process, so that the
state in between can be looked at; into SQLite, and into PostgreSQL. That the command itself comes to the same
bytes is told in `test_demo_command.py`.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hub.demo import curves, lims, mes
from hub.demo.mess import MESS
from hub.demo.plan import FIRST, NOW, plan_batches
from hub.demo.plant import Plant, running_plant
from hub.demo.run import DEMO_CONFIG
from hub.demo.tags import SPARE
from hub.ingest.runner import Desk
from hub.ingest.sources import load_project
from hub.model.quality import quality_class
from hub.shift.cycle import run_cycle
from hub.store.database import Database
from tests.conftest import _copied
from tests.databases import ENGINES
from tests.journeys.held import Counter, counter_over

Answer = Any
Look = Callable[..., None]
SHOWN: dict[str, str] = {}
PREFIX = "ns=2;s="
SINCE, UNTIL = "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"


def shows(*names: str) -> Callable[[Look], Look]:
    """Note which planted things a test looks at; the last test asks that none is left out."""

    def note(test: Look) -> Look:
        SHOWN.update(dict.fromkeys(names, test.__name__))
        return test

    return note


# ----------------------------------------------------------------------------------- reading the plant
@dataclass(frozen=True)
class Reading:
    """What the API said at FIRST, and the API over the store at NOW."""

    at_first: dict[str, Answer]
    counter: Counter


AT_FIRST = {
    "early": "/v1/batches/b26 0122",
    "early_results": "/v1/batches/b26 0122/results",
    "conflicts": "/v1/conflicts",
    "disputed": "/v1/conflicts/movements",
}


@pytest.fixture(scope="module")
def readings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Reading]]:
    """What was read of one running plant, by the engine into which it was read."""
    engines = ENGINES if os.environ.get("PLANTWIDE_TEST_POSTGRES") else ENGINES[:1]
    with ExitStack() as stack:
        urls = {
            e: stack.enter_context(_copied(request, e, tmp_path_factory.mktemp("store"))) for e in engines
        }
        at_first: dict[str, dict[str, Answer]] = {}
        with running_plant(tmp_path_factory.mktemp("demo") / "plant", at=FIRST) as plant:
            for engine, url in urls.items():
                read_once(url, plant)
                with counter_over(url) as counter:
                    at_first[engine] = {name: counter.get(path) for name, path in AT_FIRST.items()}
            plant.set_clock(NOW)
            for url in urls.values():
                read_once(url, plant)
        yield {e: Reading(at_first[e], stack.enter_context(counter_over(url))) for e, url in urls.items()}


@pytest.fixture(scope="module", params=ENGINES)
def read(request: pytest.FixtureRequest, readings: dict[str, Reading]) -> Reading:
    if request.param not in readings:
        request.getfixturevalue("postgres_server")  # skips, and says what lacks
    return readings[request.param]


def read_once(url: str, plant: Plant) -> None:
    database = Database(url)
    cycle = run_cycle(Desk(database), load_project(DEMO_CONFIG, plant.environment))
    assert cycle.failed == []
    database.close()


@pytest.fixture(scope="module")
def counter(read: Reading) -> Counter:
    return read.counter


@pytest.fixture(scope="module")
def b117(counter: Counter) -> Answer:
    """The batch of which everything is known."""
    return counter.get("/v1/batches/B26-0117")


def labels_of(thing: Answer) -> set[tuple[str, str]]:
    return {(name["scheme"], name["label"]) for name in thing["names"]}


# ----------------------------------------------------------------------------------- the mess
@shows("three-names")
def test_every_batch_is_one_thing_under_its_three_names(counter: Counter) -> None:
    for batch in plan_batches():
        names = (
            batch.id,
            batch.id.replace("-", ""),
            f"{batch.id[0].lower()}{batch.id[1:].replace('-', ' ')}",
        )
        found = [counter.get(f"/v1/batches/{name}") for name in names]
        assert {f["uid"] for f in found} == {found[0]["uid"]}, names
        expected = set(zip(("mes:batch", "erp:batch", "lims:batch"), names, strict=True))
        if batch.id == "F26-0042":  # filled two days before NOW, not tested yet
            expected -= {("lims:batch", "f26 0042")}
        assert labels_of(found[0]) >= expected
        assert found[0]["lifecycle"] == "active"


@shows("three-names")
def test_the_historian_knows_the_batch_by_the_name_of_the_mes(b117: Answer) -> None:
    assert {"mes", "historian.frames"} == {phase["source"] for phase in b117["phases"]}


@shows("early-result")
def test_a_batch_that_only_the_laboratory_knows_is_a_stub_until_the_others_name_it(
    read: Reading, counter: Counter
) -> None:
    early = read.at_first["early"]
    assert (early["lifecycle"], labels_of(early)) == ("stub", {("lims:batch", "b26 0122")})
    assert read.at_first["early_results"]["items"]
    now = counter.get("/v1/batches/b26 0122")
    assert (now["code"], now["lifecycle"], now["status"]) == ("B26-0122", "active", "Running")
    assert {scheme.split(":")[0] for scheme, _ in labels_of(now)} == {"mes", "erp", "lims"}
    # The identity given to the stub still leads to the batch.
    assert counter.get(f"/v1/batches/{early['uid']}")["uid"] == now["uid"]


@shows("corrected-result")
def test_a_corrected_result_counts_and_the_earlier_entry_stays_word_for_word(
    read: Reading, counter: Counter
) -> None:
    [early] = [r for r in read.at_first["early_results"]["items"] if r["test_code"] == "VCD"]
    assert early["value"]["text"] == lims.EARLY_ENTRY
    results = counter.get("/v1/batches/B26-0122/results")["items"]
    [result] = [r for r in results if r["key"] == early["key"]]
    assert result["version"] == 2
    assert result["value"]["text"] == lims.CORRECTED_ENTRY
    record = counter.get(f"/v1/source-records/{result['source_record']}")
    assert record["source_version"] == 2
    first, second = sorted(record["versions"], key=lambda version: version["seq"])
    assert second["id"] == record["id"]
    for version, entry in ((first, lims.EARLY_ENTRY), (second, lims.CORRECTED_ENTRY)):
        payload = json.loads(counter.get(f"/v1/source-records/{version['id']}")["payload"])
        assert [r["entry"] for r in payload["results"] if r["test"] == "VCD"] == [entry]


def movements(batch: Answer, lot: str) -> list[Answer]:
    return [m for m in batch["materials"] if m["lot"] and m["lot"]["code"] == lot]


@shows("reversed-issue")
def test_an_issue_that_was_reversed_and_posted_again_nets_out(read: Reading, b117: Answer) -> None:
    issues = {m["key"]: m for m in movements(b117, "MP-26-0012") if m["source"] == "erp"}
    assert {k: m["quantity"]["value"] for k, m in issues.items()} == {
        "2026/4900012201/1": 1550.0,
        "2026/4900012261/1": -1550.0,
        "2026/4900012262/1": 1500.0,
    }
    assert issues["2026/4900012261/1"]["reverses"]["key"] == "2026/4900012201/1"
    disputed = {m["key"] for m in read.at_first["disputed"]["items"]}
    assert "2026/4900012201/1" in disputed  # at FIRST the ERP said 1550, the MES 1500


@shows("seen-twice")
def test_what_mes_and_erp_both_saw_is_counted_once(counter: Counter, b117: Answer) -> None:
    counted = [m for m in movements(b117, "MP-26-0012") if m["count_state"] == "counted"]
    assert sum(m["quantity"]["value"] for m in counted) == 1500.0
    beside = [m for m in movements(b117, "MP-26-0012") if m["count_state"] == "same_as"]
    assert {m["same_as"] for m in beside} == {counted[0]["id"]}
    trace = counter.get("/v1/lots/MP-26-0012/genealogy", direction="forward", depth=1)
    assert [(e["batch"]["code"], e["quantity"], e["unit"]) for e in trace["edges"]] == [
        ("B26-0117", 1500.0, "kg")
    ]


@shows("size-conflict")
def test_a_size_on_which_systems_disagree_is_decided_and_shown(
    read: Reading, counter: Counter, b117: Answer
) -> None:
    assert [c["attribute"] for c in read.at_first["conflicts"]["items"]] == ["material"]
    assert b117["has_conflict"]
    assert b117["actual_size"] == {"value": 118.2, "text": "118.200", "unit": "kg", "source_unit": "KGM"}
    [conflict] = counter.all("/v1/conflicts", type="batch")
    assert (conflict["entity"]["code"], conflict["attribute"]) == ("B26-0117", "actual_size")
    said = {s["source"]: (s["value"]["value"], s["is_winner"]) for s in conflict["statements"]}
    assert said == {"erp": (118.2, True), "mes": (float(mes.CORRECTED_SIZE), False)}
    assert all(s["source_record"] for s in conflict["statements"])


@shows("unmapped-tag")
def test_a_tag_that_belongs_nowhere_is_listed_and_its_samples_are_kept(counter: Counter) -> None:
    [tag] = counter.all("/v1/tags", unmapped="true")
    assert (tag["code"], tag["equipment"]) == (PREFIX + SPARE, None)
    samples = counter.arrow("/v1/samples", tag=tag["code"], start=SINCE, end=UNTIL)
    assert samples.num_rows > 1000


@shows("bad-stretch")
def test_a_failed_probe_keeps_its_quality_and_stays_out_of_the_figures(counter: Counter) -> None:
    name, start, end = curves.BAD_STRETCH
    tag = PREFIX + name
    table: Any = counter.arrow("/v1/batches/B26-0118/samples", tag=tag).to_pandas()
    classes = table["quality"].map(quality_class)
    failed = table[(table["ts"] >= start) & (table["ts"] < end)]
    assert len(failed) > 5
    assert set(failed["quality"].map(quality_class)) == {"bad"}
    assert failed["value"].isna().all()
    doubtful = table[classes == "uncertain"]
    assert end <= doubtful["ts"].min() <= doubtful["ts"].max() <= curves.UNCERTAIN_UNTIL
    [figures] = [s for s in counter.get("/v1/batches/B26-0118/signals")["items"] if s["tag"]["code"] == tag]
    good = table["value"][classes == "good"]
    assert figures["not_good"] == (classes != "good").sum() == len(failed) + len(doubtful)
    assert (figures["max"], figures["mean"]) == (good.max(), pytest.approx(good.mean()))
    assert doubtful["value"].notna().all()


@shows("broken-document")
def test_a_broken_document_waits_with_its_file_and_line_and_the_batch_is_complete_all_the_same(
    counter: Counter,
) -> None:
    [held] = counter.all("/v1/quarantine")
    assert held["source_key"] == "20260312T203626Z_BatchProductionRecord_B26-0115_v02.xml"
    assert held["reason"].startswith("line 957 ")
    assert held["remedy"]
    batch = counter.get(f"/v1/batches/{mes.BROKEN_BATCH}")
    assert (batch["status"], batch["conflicts"]) == ("Complete", [])
    assert batch["actual_size"]["value"] == 110.2


@shows("oos-and-retest")
def test_a_failed_test_and_its_retest_both_stand(b117: Answer) -> None:
    results = [r for r in b117["results"] if r["test_code"] == "HCP-ELISA"]
    failed, repeated = sorted(results, key=lambda r: r["replicate"])
    assert (failed["key"], failed["value"]["value"], failed["verdict"]) == ("R-91203", 118.0, "fail")
    assert (failed["is_outside"], failed["limits"]["upper"]) == (True, 100.0)
    assert (repeated["value"]["value"], repeated["verdict"], repeated["is_outside"]) == (41.0, "pass", False)
    assert repeated["retest_of"] == {"key": "R-91203", "id": failed["id"]}


@shows("rejected-batch")
def test_a_rejected_batch_is_restricted_and_never_filled(counter: Counter) -> None:
    lot = counter.get("/v1/lots/B26-0112-DS")
    assert lot["disposition"] == "Restricted"
    assert counter.get(f"/v1/lots/{lot['uid']}/genealogy", direction="forward")["edges"] == []
    assert counter.client.get("/v1/batches/F26-0037").status_code == 404
    outside = [
        r["test_code"] for r in counter.get("/v1/batches/B26-0112/results")["items"] if r["is_outside"]
    ]
    assert len(outside) == 1


@shows("censored-result")
def test_a_result_below_the_limit_of_quantitation_keeps_its_sign(b117: Answer) -> None:
    [result] = [r for r in b117["results"] if r["test_code"] == "ENDOTOXIN"]
    assert (result["value"]["comparator"], result["value"]["text"]) == ("<", "<0.05")


@shows("lot-spelling")
def test_lots_and_materials_that_are_spelled_differently_are_one(counter: Counter) -> None:
    lot = counter.get("/v1/lots/MP-26-0012")
    assert {("mes:material_lot", "MP-26-0012"), ("erp:lot", "MP260012")} <= labels_of(lot)
    assert counter.get("/v1/lots/MP260012")["uid"] == lot["uid"]
    assert lot["material"]["code"] == "100210"
    product = counter.get("/v1/batches/B26-0117")["product"]
    assert product["uid"] == counter.get("/v1/lots/B26-0117-DS")["material"]["uid"]
    assert [b["code"] for b in counter.all("/v1/batches", filter="product eq 'MAB214-DS'")] == [
        b["code"] for b in counter.all("/v1/batches", filter="product eq '300214'")
    ]


@shows("second-code")
def test_a_code_that_nobody_has_declared_is_proposed_with_the_lot_that_speaks_for_it(
    counter: Counter,
) -> None:
    [link] = counter.all("/v1/links")
    assert {link["one"]["label"], link["other"]["label"]} == {"300314", lims.NEW_CODE}
    [rule] = link["evidence"]["rules"]
    [lot] = rule["lots"]
    assert (rule["rule"], lot["lot"]) == ("same produced lot", f"{lims.CODED_ANEW}-DP")
    assert {said["source"] for said in lot["said"]} >= {"lims", "mes"}
    [conflict] = counter.all("/v1/conflicts", type="material_lot")
    assert (conflict["entity"]["code"], conflict["attribute"]) == (f"{lims.CODED_ANEW}-DP", "material")


@shows("overlap")
def test_samples_belong_to_a_batch_by_unit_and_time(counter: Counter) -> None:
    reactors: dict[str, set[str]] = {}
    spans: dict[str, tuple[str, str]] = {}
    for batch in ("B26-0117", "B26-0118"):
        signals = counter.get(f"/v1/batches/{batch}/signals")["items"]
        large = [s for s in signals if s["equipment"]["code"].startswith("BR2000")]
        reactors[batch] = {s["equipment"]["code"] for s in large}
        spans[batch] = (min(s["start"] for s in large), max(s["end"] for s in large))
    assert reactors == {"B26-0117": {"BR2000-01"}, "B26-0118": {"BR2000-02"}}
    assert spans["B26-0118"][0] < spans["B26-0117"][1]  # they do run at the same time


@shows("clock-skew")
def test_a_run_seen_by_two_clocks_is_one_run(b117: Answer) -> None:
    runs = [
        p for p in b117["phases"] if p["level"] == "unit_procedure" and p["equipment"]["code"] == "BR2000-01"
    ]
    seen = {run["source"]: run for run in runs}
    assert len(runs) == 2
    assert seen["historian.frames"]["actual_start"] == "2026-03-10T07:58:21Z"
    assert seen["mes"]["actual_start"] == "2026-03-10T08:00:00Z"
    assert seen["historian.frames"]["same_as"] == seen["mes"]["id"]
    assert (seen["mes"]["same_as"], seen["historian.frames"]["is_derived"]) == (None, True)


@shows("oxygen-excursion")
def test_the_alarm_and_the_curve_tell_the_same_story(counter: Counter, b117: Answer) -> None:
    [alarm] = [e for e in b117["events"] if e["event_type"] == "Alarm"]
    name, *_ = curves.LOW_OXYGEN
    assert (alarm["equipment"]["code"], alarm["value"]["value"]) == ("BR2000-01", 28.4)
    table = counter.arrow("/v1/batches/B26-0117/samples", tag=PREFIX + name).to_pandas()
    lowest = table.loc[table["value"].idxmin()]
    assert lowest["value"] == pytest.approx(28.4, abs=0.5)
    minutes = abs((lowest["ts"] - datetime.fromisoformat(alarm["at"])).total_seconds()) / 60
    assert minutes <= 15


@shows("summer-time")
def test_wall_clock_times_of_the_erp_follow_the_zone_through_the_change_of_the_clock(
    counter: Counter,
) -> None:
    starts = {
        batch.id: counter.get(f"/v1/batches/{batch.id}")["orders"][0]["planned_start"]
        for batch in plan_batches()
        if batch.id.startswith("B26-")
    }
    for batch, start in starts.items():
        hour = "05:00:00Z" if start >= "2026-03-29" else "06:00:00Z"
        assert start.endswith(hour), (batch, start)
    assert {start[11:13] for start in starts.values()} == {"05", "06"}


def test_every_sample_of_every_tag_is_what_the_plants_model_wrote(counter: Counter) -> None:
    """58 tags, 397,299 samples: time, number or text, and status."""
    tags = {tag["code"] for tag in counter.all("/v1/tags")}
    tracks = curves.trace(plan_batches())
    assert tags == {PREFIX + name for name in tracks}
    last = curves.seconds(NOW)
    for name, track in tracks.items():
        shown = track.times <= last
        samples = counter.arrow("/v1/samples", tag=PREFIX + name, start=SINCE, end=UNTIL)
        assert np.array_equal(samples["ts"].cast(pa.int64()).to_numpy() // 1_000_000, track.times[shown]), (
            name
        )
        assert np.array_equal(samples["quality"].to_numpy(), track.status[shown]), name
        if track.texts is None:
            is_bad = track.status[shown] >> 30 == 2
            expected = np.where(is_bad, np.nan, track.values[shown])
            assert np.array_equal(samples["value"].to_numpy(), expected, equal_nan=True), name
        else:
            texts = [text for text, is_shown in zip(track.texts, shown, strict=True) if is_shown]
            assert [text or "" for text in samples["text"].to_pylist()] == texts, name


def test_every_planted_thing_is_looked_at() -> None:
    assert set(SHOWN) == set(MESS)
