"""What is expected of a batch, held against what there is: each step, test and tag with its standing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from hub.model import normalise
from hub.model.finality import is_blank, read_finality
from hub.store.answers.batches import is_outside
from hub.store.answers.expectations import Criterion, Result, Run, Step
from hub.store.answers.holdings import Mark
from hub.store.answers.signals import list_spans
from hub.store.answers.subject import Subject
from hub.store.answers.tag_coverage import TagCoverage
from hub.store.coverage import Span, missing_spans

Document = dict[str, Any]

LACKING = frozenset({"missing", "partial", "bad_only", "retest_open"})
"""Standings of what a batch lacks. The others: present, late, in_progress, not_needed."""

_DONE = frozenset({"Completed", "Closed"})
_BY_PREDICTION = frozenset(
    normalise(method) for method in ("RTRT", "real time release testing", "predicted", "prediction")
)
"""Methods of a criterion by which what a model predicts is a result."""
_WAITS = {
    "open": "a result is open: {0}",
    "withdrawn": "{0} was taken back: {1}",
    "predicted": "{0} is predicted by a model; the specification does not name that as the method",
}
_RANK = {"CPP": 0, "KPP": 1}


# ---------------------------------------------------------------------------------------------- steps
def judge_steps(steps: Sequence[Step], runs: Sequence[Run], subject: Subject) -> list[Document]:
    """Say of each step whether it was run to its end; steps that look alike need a run each."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(_likeness(step), []).append(step)
    taken: dict[int, list[Run]] = {}
    for alike in groups.values():
        mine = sorted((run for run in runs if _is_run_of(alike[0], run)), key=lambda run: not _is_done(run))
        for place, step in enumerate(alike):
            taken[step.id] = mine if len(alike) == 1 else mine[place : place + 1]
    return [_judge_step(step, taken[step.id], subject) for step in steps]


def _likeness(step: Step) -> str:
    return f"segment {step.segment_id}" if step.segment_id is not None else normalise(step.code)


def _is_run_of(step: Step, run: Run) -> bool:
    if step.segment_id is not None and step.segment_id == run.segment_id:
        return True
    called = {normalise(name) for name in (run.name, run.segment_code) if name}
    return bool(called & {normalise(step.code), normalise(step.name)})


def _is_done(run: Run) -> bool:
    return run.state in _DONE or (run.end is not None and run.state != "Aborted")


def _judge_step(step: Step, runs: Sequence[Run], subject: Subject) -> Document:
    standing, detail = "missing", None
    if any(_is_done(run) for run in runs):
        standing = "present"
    elif any(run.state != "Aborted" for run in runs):
        standing = "in_progress" if subject.is_open else "missing"
        detail = "begun, and no system says that it ended"
    elif subject.is_open:
        standing, detail = "in_progress", "aborted; to be run again" if runs else None
    elif runs:
        detail = "aborted, and not run again"
    elif step.is_optional:
        standing = "not_needed"
    return {
        "code": step.code,
        "name": step.name,
        "level": step.level,
        "is_optional": step.is_optional,
        "standing": standing,
        "detail": detail,
        "stated_by": _place(step, "recipe_element"),
        "runs": [
            {
                **_place(run, "segment_response"),
                "name": run.name,
                "state": run.state,
                "start": run.start,
                "end": run.end,
            }
            for run in runs
        ],
    }


# ---------------------------------------------------------------------------------------------- tests
def judge_tests(criteria: Sequence[Criterion], results: Sequence[Result], subject: Subject) -> list[Document]:
    """Say of each test that is asked for whether there is a result that stands, critical attributes first."""
    judged = [
        _judge_test(criterion, [r for r in results if _is_result_of(criterion, r)], subject)
        for criterion in criteria
    ]
    return sorted(judged, key=lambda test: not test["is_cqa"])


def _is_result_of(criterion: Criterion, result: Result) -> bool:
    if result.criterion_id in criterion.ids:
        return True
    # A result that names no criterion of what is in force is of a test if it has the test's code.
    return result.criterion_id is None and normalise(result.test_code) == normalise(criterion.test_code)


def _judge_test(criterion: Criterion, results: Sequence[Result], subject: Subject) -> Document:
    standing, detail = _stand_of_test(criterion, results, subject)
    return {
        "test_code": criterion.test_code,
        "property": criterion.property,
        "is_cqa": criterion.is_cqa,
        "specification": criterion.specification,
        "standing": standing,
        "detail": detail,
        "stated_by": _place(criterion, "test_criterion"),
        "results": [
            {
                **_place(result, "test_result"),
                "value": result.value,
                "verdict": result.verdict,
                "is_outside": is_outside(result.value, criterion.limits),
                "version": result.version,
                "approved_at": result.approved_at,
            }
            for result in results
        ],
    }


def _stand_of_test(
    criterion: Criterion, results: Sequence[Result], subject: Subject
) -> tuple[str, str | None]:
    standing = [(result, _finality_of(result, criterion)) for result in results]
    # What was taken back, or may not count, repeats nothing: what it was to repeat stands as before.
    repeated = {result.retest_of_id for result, finality in standing if finality in ("final", "open")}
    last = [(result, finality) for result, finality in standing if result.id not in repeated]
    entered = [result for result, finality in last if finality == "final"]
    if not entered:
        waits = _WAITS[last[-1][1]].format(last[-1][0].key, last[-1][0].status) if last else None
        return ("in_progress" if subject.is_open else "missing"), waits
    failed = [r for r in entered if r.verdict == "fail" or is_outside(r.value, criterion.limits)]
    if failed and not subject.is_decided:
        return "retest_open", f"{failed[-1].key} fails, and neither a retest nor a decision follows it"
    late = [r for r in entered if _is_late(r, subject.released_at)]
    if late:
        return (
            "late",
            f"{late[-1].key} was said as it stands after the release of {_say(subject.released_at)}",
        )
    corrected = [r for r in entered if r.version > 1]
    told = f"{corrected[-1].key} was corrected, version {corrected[-1].version}" if corrected else None
    return "present", told


def _finality_of(result: Result, criterion: Criterion) -> str:
    """Tell whether a result stands for its test, by its status, its entry and its kind."""
    finality = read_finality(result.status, result.verdict)
    if finality == "withdrawn":
        return finality
    if result.kind == "predicted" and normalise(criterion.method or "") not in _BY_PREDICTION:
        return "predicted"
    entry = str(result.value["text"] or "").strip()
    is_judged = bool(entry) and result.verdict is not None  # then somebody took the word for a result
    return finality if result.value["value"] is not None or is_judged or not is_blank(entry) else "open"


def _is_late(result: Result, released_at: datetime | None) -> bool:
    """Tell whether a result was approved, or changed, after the release that should have known it."""
    if released_at is None:
        return False
    said = result.approved_at or result.measured_at
    changed = result.said_at if result.version > 1 else None
    return any(moment is not None and moment > released_at for moment in (said, changed))


# ----------------------------------------------------------------------------------------------- tags
def judge_tags(
    coverage: Sequence[TagCoverage], marks: dict[int, list[Mark]], subject: Subject, *, now: datetime
) -> list[Document]:
    """Say of each tag of the batch's units how its time is covered, critical parameters first.

    What has not come yet is no lack while the batch runs in that unit.
    """
    judged = [_judge_tag(one, marks, is_open=subject.is_open and one.signal.end >= now) for one in coverage]
    return sorted(judged, key=lambda tag: _RANK.get(tag["tag"]["criticality"] or "", 2))


def _judge_tag(one: TagCoverage, marks: dict[int, list[Mark]], *, is_open: bool) -> Document:
    signal = one.signal
    gaps = [*_unread(one, marks), *_silences(one)]
    gaps.sort(key=lambda gap: (gap["start"], gap["end"]))
    standing, detail = _stand_of_tag(one, gaps, is_open=is_open)
    return {
        "tag": {key: signal.tag[key] for key in ("uid", "code", "property", "unit", "criticality")},
        "equipment": signal.equipment,
        "sources": [{"source": origin.source, "tag": origin.name} for origin in one.origins],
        "start": signal.start,
        "end": signal.end,
        "spans": list_spans(signal),
        "standing": standing,
        "detail": detail,
        "samples": one.samples,
        "not_good": one.samples - one.good,
        "delivered_again": one.delivered_again,
        "digest": one.digest,
        "covered": [{"start": start, "end": end} for start, end in one.covered],
        "gaps": gaps,
    }


def _unread(one: TagCoverage, marks: dict[int, list[Mark]]) -> Iterable[Document]:
    """Give the spans that were not read, each with the reason."""
    missing = [gap for span in one.signal.spans for gap in missing_spans(one.covered, *span)]
    for start, end in missing:
        if one.held is not None:
            yield _gap((start, end), "quarantined", one.held["reason"])
        elif not one.origins:
            yield _gap((start, end), "unmapped", "no source is known to have this tag")
        elif _is_beyond(one, start) and _is_read_to_end(one, marks):
            yield _gap((start, end), "not_there_yet", "the source was read to its end and had no more")
        else:
            yield _gap((start, end), "not_read", "not read yet")


def _is_beyond(one: TagCoverage, at: datetime) -> bool:
    """Tell whether nothing that was read lies after an instant."""
    return all(end <= at for _, end in one.covered)


def _silences(one: TagCoverage) -> Iterable[Document]:
    said = "the source said nothing in all of it"
    if one.silence_s is not None:
        said = f"the source said nothing for more than {one.silence_s:.0f} s, ten times the usual"
    for span in one.silent:
        yield _gap(span, "silent", said)


def _gap(span: Span, reason: str, detail: str) -> Document:
    return {"start": span[0], "end": span[1], "reason": reason, "detail": detail}


def _is_read_to_end(one: TagCoverage, marks: dict[int, list[Mark]]) -> bool:
    ends = [
        mark for origin in one.origins for mark in marks.get(origin.system_id, ()) if mark.kind == "samples"
    ]
    return bool(ends) and all(mark.state == "idle" for mark in ends)


def _stand_of_tag(one: TagCoverage, gaps: Sequence[Document], *, is_open: bool) -> tuple[str, str | None]:
    unread = [
        gap for gap in gaps if gap["reason"] != "silent" and not (is_open and _is_beyond(one, gap["start"]))
    ]
    if one.stands and not unread:
        return "present", "no sample in this time; the value from before stands"
    if one.samples and not one.good:
        return "bad_only", "the source says of every sample that it is not good"
    if unread:
        told = next((gap for gap in unread if gap["reason"] == "quarantined"), unread[0])
        return ("partial" if one.samples else "missing"), told["detail"]
    if not one.samples:
        is_coming = is_open and not one.silent
        return ("in_progress" if is_coming else "missing"), "the source said nothing in this time"
    if one.samples > one.good:
        return "present", f"{one.samples - one.good} of {one.samples} samples are not good"
    return "present", None


def _place(one: Step | Run | Criterion | Result, record_type: str) -> Document:
    """Give where something is said, so that it can be followed to its source."""
    return {
        "source": one.source,
        "record_type": record_type,
        "key": one.key,
        "source_record": one.source_record,
    }


def _say(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"
