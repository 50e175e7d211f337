"""Whether a batch is whole: worked numbers on a plant of one batch, on both engines."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from hub.model import Batch, Identifier, MaterialLot
from hub.store.answers.concerns import is_telling, stands_in
from hub.store.systems import ensure_system
from tests.records.plant import (
    END,
    LOT,
    NOW,
    START,
    Plant,
    at,
    batch,
    every,
    made,
    named,
    recipe,
    result_of,
    run,
    specification,
    tag,
    unit,
)

MINUTE = timedelta(minutes=1)


def standings(proof: dict[str, Any], kind: str) -> dict[str, str]:
    """Give the standing of each expected thing by its name."""
    name = {"steps": "code", "tests": "test_code"}.get(kind)
    return {
        item[name] if name else item["tag"]["code"]: item["standing"]
        for item in proof["expected"][kind]["items"]
    }


def item(proof: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    """Give one expected thing."""
    place = list(standings(proof, kind)).index(name)
    return proof["expected"][kind]["items"][place]


def source(proof: dict[str, Any], code: str) -> dict[str, Any]:
    """Give what a proof says of a source."""
    return next(one for one in proof["sources"] if one["source"] == code)


def doubts(proof: dict[str, Any]) -> list[tuple[str | None, str]]:
    """Give what cannot be proved."""
    return [(doubt["source"], doubt["reason"]) for doubt in proof["unprovable"]]


# ------------------------------------------------------------------------------------------ verdicts
def test_a_batch_is_complete_when_all_that_is_expected_is_there_and_every_source_was_read_to_its_end(
    plant: Plant,
) -> None:
    proof = plant.prove()
    assert (proof["verdict"], proof["lacks"], proof["unprovable"]) == ("complete", [], [])
    assert standings(proof, "steps") == {"S1": "present", "S2": "present"}
    assert standings(proof, "tests") == {"T1": "present", "T2": "present"}
    assert standings(proof, "tags") == {"TEMP": "present"}
    assert {s["source"] for s in proof["sources"]} == {"mes", "lims", "pi"}


def test_a_batch_of_which_nobody_says_more_than_its_name_is_unprovable(empty_plant: Plant) -> None:
    empty_plant.say("lims", "R1", *result_of(1, "T1", "3.0", spec=""))
    proof = empty_plant.prove()
    assert (proof["verdict"], proof["state"]) == ("unprovable", "unknown")
    assert (None, "no system says anything of this batch but its name") in doubts(proof)


def test_without_a_recipe_and_a_specification_nothing_is_guessed(empty_plant: Plant) -> None:
    empty_plant.say("mes", "EBR", Batch(id=Identifier(value="B26-0007"), actual_start=START, actual_end=END))
    empty_plant.mark("mes")
    proof = empty_plant.prove()
    assert proof["verdict"] == "unprovable"
    assert {reason.partition(":")[0] for _, reason in doubts(proof)} == {
        "no system says by which recipe it was made",
        "no system says what it makes",
        "no system says on which units it ran",
    }


def test_a_recipe_without_steps_and_a_product_without_specification_are_said_to_be_so(
    empty_plant: Plant,
) -> None:
    empty_plant.say("mes", "EBR", unit(), batch(), run("S1"), made())
    empty_plant.mark("mes")
    assert {reason.partition(":")[0] for _, reason in doubts(empty_plant.prove())} == {
        "no system states the steps of its recipe",
        "no specification of what it makes was in force",
        "no tag of its units is known",
    }


def test_a_batch_of_whose_units_no_tag_is_known_is_unprovable_though_nothing_lacks(plant: Plant) -> None:
    plant.say("pi", "TEMP", version=2, deleted=True)
    proof = plant.prove()
    assert (proof["verdict"], proof["lacks"], standings(proof, "tags")) == ("unprovable", [], {})
    assert doubts(proof) == [(None, "no tag of its units is known: the tags to expect are not known")]


def test_a_batch_that_is_over_and_of_which_nobody_says_when_is_unprovable(empty_plant: Plant) -> None:
    ended = batch(status="Complete", end=None)
    empty_plant.say("mes", "EBR", unit(), ended, *recipe("S1"), run("S1", end=None), made())
    empty_plant.mark("mes", when=at(9))
    proof = empty_plant.prove()
    assert (proof["state"], proof["end"], proof["expected"]["steps"]["counts"]) == (
        "ended",
        None,
        {"present": 1},
    )
    assert (
        None,
        "no system says when it ended: that its sources were read since then cannot be shown",
    ) in doubts(proof)


# --------------------------------------------------------------------------------------------- steps
def test_a_step_that_was_not_run_lacks_one_that_may_be_left_out_does_not(empty_plant: Plant) -> None:
    empty_plant.say(
        "mes", "EBR", unit(), batch(), *recipe("S1", "S2", "S3", "S4", optional="S4"), run("S1"), made()
    )
    empty_plant.say(
        "mes", "EBR-2", run("S2", end=None, state="Aborted"), run("S3", end=None, state="Running")
    )
    proof = empty_plant.prove()
    assert standings(proof, "steps") == {
        "S1": "present",
        "S2": "missing",
        "S3": "missing",
        "S4": "not_needed",
    }
    assert item(proof, "steps", "S2")["detail"] == "aborted, and not run again"
    assert item(proof, "steps", "S3")["detail"] == "begun, and no system says that it ended"
    assert [lack["name"] for lack in proof["lacks"] if lack["what"] == "step"] == ["S2", "S3"]
    assert proof["verdict"] == "incomplete"


def test_while_a_batch_runs_what_cannot_be_there_yet_is_in_progress(empty_plant: Plant) -> None:
    empty_plant.now = at(9)
    empty_plant.say(
        "mes", "EBR", unit(), batch(end=None), *recipe("S1", "S2"), run("S1", end=None, state="Running")
    )
    empty_plant.say("lims", "SPEC", *specification("T1"))
    empty_plant.say("pi", "TEMP", tag("TEMP", criticality="CPP"))
    empty_plant.read("TEMP", (START, at(8, 50)))
    empty_plant.sample("TEMP", every(1, START, at(8, 50)))
    proof = empty_plant.prove()
    assert proof["verdict"] == "in_progress"
    assert standings(proof, "steps") == {"S1": "in_progress", "S2": "in_progress"}
    assert standings(proof, "tests") == {"T1": "in_progress"}
    assert standings(proof, "tags") == {"TEMP": "present"}
    [gap] = item(proof, "tags", "TEMP")["gaps"]
    assert (gap["start"], gap["end"]) == (at(8, 50), at(9))


def test_a_hole_in_the_past_of_a_running_batch_lacks_already(empty_plant: Plant) -> None:
    empty_plant.now = at(9)
    empty_plant.say(
        "mes", "EBR", unit(), batch(end=None), *recipe("S1"), run("S1", end=None, state="Running")
    )
    empty_plant.say("pi", "TEMP", tag("TEMP"))
    empty_plant.read("TEMP", (START, at(8, 20)), (at(8, 40), at(9)))
    empty_plant.sample("TEMP", every(1, START, at(8, 20)) + every(1, at(8, 40), at(9)))
    proof = empty_plant.prove()
    assert (proof["verdict"], standings(proof, "tags")) == ("incomplete", {"TEMP": "partial"})


# --------------------------------------------------------------------------------------------- tests
def test_a_test_without_result_lacks_and_critical_ones_come_first(plant: Plant) -> None:
    plant.say("lims", "SPEC", *specification("T0", "T1", "T2"), version=2)
    proof = plant.prove()
    assert list(standings(proof, "tests").items()) == [
        ("T1", "present"),
        ("T0", "missing"),
        ("T2", "present"),
    ]
    assert (proof["verdict"], [lack["name"] for lack in proof["lacks"]]) == ("incomplete", ["T0"])


def test_a_failed_result_without_repeat_or_decision_is_a_retest_that_is_open(plant: Plant) -> None:
    plant.say("lims", "R2", *result_of(2, "T2", "6.0", verdict="fail"), version=2)
    proof = plant.prove()
    assert standings(proof, "tests")["T2"] == "retest_open"
    assert item(proof, "tests", "T2")["results"][0]["is_outside"]
    assert proof["verdict"] == "incomplete"
    plant.say("lims", "R3", *result_of(3, "T2", "4.1", verdict="pass", retest_of="R-2"))
    assert plant.prove()["verdict"] == "complete"


def test_a_failed_result_that_somebody_has_decided_about_is_no_open_retest(plant: Plant) -> None:
    plant.say("lims", "R2", *result_of(2, "T2", "6.0", verdict="fail"), version=2)
    lot = named(LOT.value, "mes", "material_lot")
    plant.say("lims", "UD", MaterialLot(id=lot, disposition="Restricted"))
    assert standings(plant.prove(), "tests")["T2"] == "present"


def test_a_result_that_was_said_after_the_release_is_late(plant: Plant) -> None:
    lot = named(LOT.value, "mes", "material_lot")
    plant.say("lims", "UD", MaterialLot(id=lot, disposition="UnRestricted", released_at=at(13)))
    assert set(standings(plant.prove(), "tests").values()) == {"present"}
    plant.say("lims", "R2", *result_of(2, "T2", "4.0", approved=at(14)), version=2, source_time=at(12))
    proof = plant.prove()
    assert standings(proof, "tests") == {"T1": "present", "T2": "late"}
    assert item(proof, "tests", "T2")["detail"].endswith("after the release of 2026-03-10 13:00:00Z")
    plant.say("lims", "R1", *result_of(1, "T1", "3.3"), version=2, source_time=at(15))
    assert standings(plant.prove(), "tests")["T1"] == "late", "changed after the release"
    assert plant.prove()["verdict"] == "complete"


def test_of_two_specifications_of_one_material_and_stage_the_one_in_force_asks(plant: Plant) -> None:
    plant.say("lims", "NEW", *specification("T1", "T9", code="SPEC-2", effective_from=at(6)))
    plant.say("lims", "LATER", *specification("T10", code="SPEC-3", effective_from=NOW + timedelta(days=1)))
    proof = plant.prove()
    assert standings(proof, "tests") == {"T1": "present", "T9": "missing"}
    assert item(proof, "tests", "T9")["specification"]["code"] == "SPEC-2"


def test_a_result_without_criterion_is_known_by_its_test_code(plant: Plant) -> None:
    plant.say("lims", "SPEC", *specification("T1", "T2", "T-3"), version=2)
    plant.say("lims", "R3", *result_of(3, "t3", "1.0", spec=""))
    assert standings(plant.prove(), "tests")["T-3"] == "present"


@pytest.mark.parametrize(
    ("how", "detail"),
    [
        ({"status": "PENDING"}, "a result is open: R-3"),
        ({"status": "to_be_verified"}, "a result is open: R-3"),
        ({"status": "preliminary", "verdict": "pass"}, "a result is open: R-3"),
        ({"entry": "n/a"}, "a result is open: R-3"),
        ({"entry": "tbd", "status": "APPROVED"}, "a result is open: R-3"),
        ({"status": "Cancelled"}, "R-3 was taken back: Cancelled"),
        ({"status": "retracted", "verdict": "pass"}, "R-3 was taken back: retracted"),
        ({"status": "archived: wrong vial"}, "R-3 was taken back: archived: wrong vial"),
        (
            {"kind": "predicted"},
            "R-3 is predicted by a model; the specification does not name that as the method",
        ),
    ],
)
def test_a_result_that_is_open_taken_back_or_predicted_is_no_result(
    plant: Plant, how: dict[str, Any], detail: str
) -> None:
    how = {"entry": "4.0", **how}
    plant.say("lims", "SPEC", *specification("T1", "T2", "T3"), version=2)
    plant.say("lims", "R3", *result_of(3, "T3", **how))
    proof = plant.prove()
    assert (item(proof, "tests", "T3")["standing"], item(proof, "tests", "T3")["detail"]) == (
        "missing",
        detail,
    )
    assert (proof["verdict"], [lack["name"] for lack in proof["lacks"]]) == ("incomplete", ["T3"])


@pytest.mark.parametrize(
    "how",
    [
        {"entry": "No growth"},
        {"entry": "n/a", "verdict": "pass"},
        {"entry": "4.0", "status": "APPROVED"},
        {"entry": "4.0", "status": "a word of this laboratory's own"},
        {"entry": "4.0", "kind": "calculated"},
    ],
)
def test_a_text_a_judged_entry_and_a_status_that_nobody_knows_are_results(
    plant: Plant, how: dict[str, Any]
) -> None:
    plant.say("lims", "SPEC", *specification("T1", "T2", "T3"), version=2)
    plant.say("lims", "R3", *result_of(3, "T3", **how))
    assert standings(plant.prove(), "tests")["T3"] == "present"


def test_a_prediction_is_a_result_where_the_specification_names_it_as_the_method(plant: Plant) -> None:
    asked = specification("T1", "T2", "T3")
    asked[-1] = asked[-1].model_copy(update={"method": "Real-time release testing"})
    plant.say("lims", "SPEC", *asked, version=2)
    plant.say("lims", "R3", *result_of(3, "T3", "4.0", kind="predicted"))
    assert standings(plant.prove(), "tests")["T3"] == "present"


def test_a_retest_that_was_taken_back_repeats_nothing_and_an_open_one_is_waited_for(plant: Plant) -> None:
    plant.say("lims", "R2", *result_of(2, "T2", "6.0", verdict="fail", status="rejected"), version=2)
    plant.say("lims", "R3", *result_of(3, "T2", "4.1", verdict="pass", retest_of="R-2", status="cancelled"))
    assert standings(plant.prove(), "tests")["T2"] == "retest_open"
    plant.say("lims", "R3", *result_of(3, "T2", "4.1", retest_of="R-2", status="in progress"), version=2)
    assert item(plant.prove(), "tests", "T2")["detail"] == "a result is open: R-3"
    known = plant.known_at()
    before = plant.prove(known=known)
    plant.say("lims", "R3", *result_of(3, "T2", "4.1", retest_of="R-2", status="final"), version=3)
    assert plant.prove()["verdict"] == "complete"
    assert plant.prove(known=known) == before
    assert before["verdict"] == "incomplete"


# ---------------------------------------------------------------------------------------------- tags
def test_the_time_of_a_tag_is_covered_or_each_gap_has_its_reason(plant: Plant) -> None:
    for name in ("HALF", "BAD", "CLOSED", "STEP", "SILENT", "TWICE", "STEP_UNREAD", "STEP_HELD"):
        plant.say("pi", name, tag(name, is_step=name.startswith("STEP")))
    plant.read("HALF", (START, at(9)))
    plant.sample("HALF", every(1, START, at(9)))
    plant.read("BAD", (START, END))
    plant.sample("BAD", every(10, START, END), bad=True)
    plant.hold("pi", kind="history", key="CLOSED", reason="BadUserAccessDenied")
    plant.read("STEP", (START, END))
    for name in ("STEP", "STEP_UNREAD", "STEP_HELD"):
        plant.sample(name, [START - timedelta(hours=5)])
    plant.hold("pi", kind="history", key="STEP_HELD", reason="BadUserAccessDenied")
    plant.read("STEP_HELD", (START, at(9)))
    plant.read("SILENT", (START, END))
    plant.sample("SILENT", every(1, START, at(8, 30)) + every(1, at(9), END))
    plant.read("TWICE", (START, END))
    plant.sample("TWICE", every(1, START, END))
    plant.sample("TWICE", every(1, at(8, 30), at(8, 40)), value=2.0)
    proof = plant.prove()
    assert standings(proof, "tags") == {
        "TEMP": "present",  # the critical one comes first
        "BAD": "bad_only",
        "CLOSED": "missing",
        "HALF": "partial",
        "SILENT": "present",
        "STEP": "present",
        "STEP_HELD": "missing",
        "STEP_UNREAD": "missing",
        "TWICE": "present",
    }
    gaps = {
        name: [(g["start"], g["end"], g["reason"]) for g in item(proof, "tags", name)["gaps"]]
        for name in ("HALF", "CLOSED", "SILENT", "STEP", "STEP_HELD", "STEP_UNREAD", "TEMP")
    }
    assert gaps == {
        "HALF": [(at(9), END, "not_there_yet")],
        "CLOSED": [(START, END, "quarantined")],
        "SILENT": [(at(8, 29), at(9), "silent")],
        "STEP": [],
        "STEP_HELD": [(at(9), END, "quarantined")],
        "STEP_UNREAD": [(START, END, "not_there_yet")],
        "TEMP": [],
    }
    assert item(proof, "tags", "CLOSED")["detail"] == "BadUserAccessDenied"
    assert (item(proof, "tags", "BAD")["samples"], item(proof, "tags", "BAD")["not_good"]) == (12, 12)
    assert (item(proof, "tags", "TWICE")["samples"], item(proof, "tags", "TWICE")["delivered_again"]) == (
        120,
        10,
    )
    assert item(proof, "tags", "STEP")["detail"] == "no sample in this time; the value from before stands"
    assert [lack["name"] for lack in proof["lacks"]] == [
        "BAD",
        "CLOSED",
        "HALF",
        "STEP_HELD",
        "STEP_UNREAD",
    ]
    assert item(proof, "tags", "STEP_HELD")["detail"] == "BadUserAccessDenied"


def test_a_span_that_nobody_has_asked_for_is_not_read_yet_where_the_stream_is_not_at_its_end(
    plant: Plant,
) -> None:
    plant.say("pi", "HALF", tag("HALF"))
    plant.read("HALF", (at(9), END))
    plant.sample("HALF", every(1, at(9), END))
    [gap] = item(plant.prove(), "tags", "HALF")["gaps"]
    assert (gap["start"], gap["end"], gap["reason"]) == (START, at(9), "not_read")


def test_a_tag_of_a_unit_counts_only_for_the_time_of_the_batch_there(plant: Plant) -> None:
    temp = item(plant.prove(), "tags", "TEMP")
    assert (temp["start"], temp["end"], temp["samples"]) == (START, END, 120)
    assert temp["covered"] == [{"start": START, "end": END}]
    plant.sample("TEMP", [END, END + MINUTE, START - MINUTE])
    again = item(plant.prove(), "tags", "TEMP")
    assert (again["samples"], again["digest"]) == (120, temp["digest"])
    plant.sample("TEMP", [at(9, 0)], value=1.5)
    changed = item(plant.prove(), "tags", "TEMP")
    assert changed["digest"] != temp["digest"]


def test_of_a_batch_that_left_its_unit_only_its_stays_there_are_asked_for(plant: Plant) -> None:
    plant.say("mes", "EBR", unit(), batch(), *recipe("S1", "S2"), run("S1", end=at(8, 30)), made(), version=2)
    plant.say("mes", "EBR-2", run("S2", start=at(9, 30)))
    for name in ("AWAY", "STEP", "LATE", "RARE"):
        plant.say("pi", name, tag(name, is_step=name == "STEP"))
        plant.read(name, (START, at(8, 30)), *([] if name == "LATE" else [(at(9, 30), END)]))
    plant.sample("AWAY", every(1, START, at(8, 30)) + every(1, at(9, 30), END))
    plant.sample("STEP", [at(8, 10)])
    plant.sample("LATE", every(1, START, at(8, 30)))
    plant.sample("RARE", [at(8, 1), at(8, 11), at(8, 21)])
    proof = plant.prove()
    assert standings(proof, "tags") == {
        "TEMP": "present",
        "AWAY": "present",
        "LATE": "partial",
        "RARE": "present",
        "STEP": "present",
    }
    away, late = item(proof, "tags", "AWAY"), item(proof, "tags", "LATE")
    stays = [{"start": START, "end": at(8, 30)}, {"start": at(9, 30), "end": END}]
    assert (away["spans"], away["covered"], away["gaps"], away["samples"]) == (stays, stays, [], 60)
    assert (away["start"], away["end"]) == (START, END)
    [gap] = late["gaps"]
    assert (gap["start"], gap["end"], gap["reason"]) == (at(9, 30), END, "not_there_yet")
    # What stood when the batch left still stands when it comes back; and half an hour is not long for this one.
    assert [item(proof, "tags", name)["gaps"] for name in ("STEP", "RARE")] == [[], []]
    assert item(proof, "tags", "TEMP")["samples"] == 60


def test_a_tag_that_belongs_nowhere_is_named_beside_its_source(plant: Plant) -> None:
    plant.read("SPARE", (START, END))
    assert source(plant.prove(), "pi")["unmapped_tags"] == ["SPARE"]


# ------------------------------------------------------------------------------------------- sources
def test_each_source_comes_with_counts_and_a_digest_that_anybody_can_compute(plant: Plant) -> None:
    proof = plant.prove(keys=True)
    lims = source(proof, "lims")
    documents = lims["documents"]
    assert (documents["count"], documents["by_type"], documents["versions"]) == (2, {"doc": 2}, 2)
    assert (documents["first"]["key"], documents["last"]["key"]) == ("R1", "R2")
    lines = "".join(
        f"{one['object_type']}\t{one['key']}\t{one['content_hash']}\n" for one in documents["keys"]
    )
    assert documents["digest"] == hashlib.sha256(lines.encode()).hexdigest()
    assert [(f["record_type"], f["count"]) for f in lims["facts"]] == [("sample", 2), ("test_result", 2)]
    mes = source(proof, "mes")
    assert [(f["record_type"], f["count"]) for f in mes["facts"]] == [
        ("material_actual", 1),
        ("segment_response", 2),
    ]
    assert source(plant.prove(), "lims")["documents"]["keys"] is None


def test_the_digest_changes_with_the_content_of_a_document_and_with_nothing_else(plant: Plant) -> None:
    before = source(plant.prove(), "lims")["documents"]
    plant.say("lims", "R2", *result_of(2, "T2", "4.0"))
    assert source(plant.prove(), "lims")["documents"]["digest"] == before["digest"]
    plant.say("lims", "R2", *result_of(2, "T2", "4.2"), version=2)
    after = source(plant.prove(), "lims")["documents"]
    assert after["digest"] != before["digest"]
    assert (after["count"], after["versions"]) == (2, 3)


def test_a_document_that_the_source_deleted_leaves_the_digest_and_its_facts_are_counted_as_taken_back(
    plant: Plant,
) -> None:
    plant.say("lims", "R2", version=2, deleted=True)
    lims = source(plant.prove(), "lims")
    assert (lims["documents"]["count"], lims["documents"]["deleted"]) == (1, 1)
    assert {f["record_type"]: (f["count"], f["retracted"]) for f in lims["facts"]} == {
        "sample": (1, 1),
        "test_result": (1, 1),
    }


def test_what_came_again_is_counted_by_how_it_did(plant: Plant) -> None:
    for _ in range(3):
        plant.say("lims", "R1", *result_of(1, "T1", "3.0"))
    plant.say("lims", "R1", *result_of(1, "T1", "3.0"), version=2)
    plant.say("lims", "R1", *result_of(1, "T1", "9.0"), version=1)
    refused = source(plant.prove(), "lims")["refused"]
    assert (refused["overlap"], refused["duplicate"], refused["stale"]) == (1, 1, 1)
    assert refused["last_at"] == plant.now
    assert source(plant.prove(), "mes")["refused"]["last_at"] is None


# ------------------------------------------------------------------------------- what cannot be proved
def test_a_document_that_names_the_batch_and_cannot_be_read_makes_it_unprovable(plant: Plant) -> None:
    plant.hold("mes", kind="unreadable", key="late.xml", payload="<ID>B26-0007</ID><oops>", reason="cut off")
    plant.hold("mes", kind="unreadable", key="other.xml", payload="<ID>B26-00071</ID><oops>")
    proof = plant.prove()
    assert proof["verdict"] == "unprovable"
    assert doubts(proof) == [("mes", "a document that names this batch could not be read: late.xml: cut off")]
    [held] = source(proof, "mes")["quarantined"]
    assert (held["source_key"], held["how"]) == ("late.xml", "name")


def test_a_part_of_its_own_document_that_cannot_be_read_makes_it_unprovable(plant: Plant) -> None:
    plant.hold("lims", kind="doc", key="R1", payload="x", reason="results[3]: no unit")
    proof = plant.prove()
    assert (proof["verdict"], source(proof, "lims")["quarantined"][0]["how"]) == ("unprovable", "part")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            {"state": "stopped", "error": "the password is wrong"},
            "not read to its end: stopped: the password",
        ),
        ({"when": END - timedelta(hours=3)}, "not read since the batch ended; last on 2026-03-10 07:00:00Z"),
        (
            {"when": END - timedelta(minutes=30)},
            "not read since the batch ended; last on 2026-03-10 09:30:00Z",
        ),
    ],
)
def test_a_stream_that_was_not_read_to_its_end_proves_nothing(
    empty_plant: Plant, how: dict[str, Any], said: str
) -> None:
    plant = empty_plant
    plant.say("mes", "EBR", unit(), batch(), *recipe("S1"), run("S1"), made())
    plant.say("lims", "SPEC", *specification("T1"))
    plant.say("lims", "R1", *result_of(1, "T1", "3.0"))
    plant.say("pi", "TEMP", tag("TEMP"))
    plant.read("TEMP", (START, END))
    plant.sample("TEMP", every(1, START, END))
    for system in ("mes", "pi"):
        plant.mark(system, means="snapshot", when=END)
    plant.mark("lims", **how)
    proof = plant.prove()
    assert proof["verdict"] == "unprovable"
    [(code, reason)] = doubts(proof)
    assert code == "lims"
    assert said in reason


def test_a_source_of_which_no_reading_is_on_record_proves_nothing(plant: Plant) -> None:
    with plant.database.begin("test") as connection:
        plant.systems["qms"] = ensure_system(connection, "qms", "QMS", now=NOW, connector="test").id
    plant.say("qms", "EV", Batch(id=named("B26-0007", "mes", "batch"), description="seen"))
    assert doubts(plant.prove()) == [("qms", "no reading of this source is on record")]


def test_a_source_without_change_times_and_without_a_full_list_proves_nothing(plant: Plant) -> None:
    plant.say("lims", "R2", version=2, deleted=True)
    plant.say("lims", "R2b", *result_of(2, "T2", "4.0"), version=0, source_time=None)
    [(code, reason)] = doubts(plant.prove())
    assert code == "lims"
    assert reason.startswith("1 of its documents have no time of change, and it gives no full list")
    plant.mark("lims", means="snapshot")
    assert plant.prove()["verdict"] == "complete"


def test_a_historian_that_does_not_say_how_far_it_reaches_proves_nothing(plant: Plant) -> None:
    plant.mark("pi", kind="samples", means=None, when=NOW + MINUTE)
    plant.now = NOW + timedelta(minutes=2)
    [(code, reason)] = doubts(plant.prove())
    assert code == "pi"
    assert "how far its history reaches" in reason


# --------------------------------------------------------------------------------------- small things
@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("B26-0007", True),
        ("1004711", True),
        ("b26 7", True),
        ("12", False),
        ("4711", False),
        ("Batch", False),
    ],
)
def test_only_names_that_can_be_told_from_other_words_are_looked_for(name: str, telling: bool) -> None:
    assert is_telling(name) is telling


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<ID>B26-0007</ID>", True),
        ("B26-0007-DS", True),
        ("xB26-0007", False),
        ("B26-00071", False),
        ("rec_B26-0007_v2.xml", True),
        ("b26-0007", False),
    ],
)
def test_a_name_stands_in_a_text_only_as_a_word_of_its_own(text: str, found: bool) -> None:
    assert stands_in("B26-0007", text) is found
