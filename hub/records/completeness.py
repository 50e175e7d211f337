"""Is a batch whole? What was expected, what each source has said, and what cannot be proved and why."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub.records.expected import LACKING, judge_steps, judge_tags, judge_tests
from hub.resolve.context import find_places
from hub.resolve.signals import list_signals
from hub.store.answers.concerns import list_concerns
from hub.store.answers.expectations import (
    Criterion,
    Step,
    list_criteria,
    list_runs,
    list_steps,
    list_tested,
)
from hub.store.answers.holdings import Holding, Mark, digest_facts, digest_lines, list_holdings
from hub.store.answers.signals import Signal
from hub.store.answers.subject import Subject, read_subject
from hub.store.answers.tag_coverage import list_coverage
from hub.store.answers.tags import list_unmapped
from hub.store.database import Connection

Document = dict[str, Any]
_KEYS = 10_000


def prove(
    connection: Connection,
    batch_id: int,
    *,
    now: datetime,
    keys: bool = False,
    signals: Sequence[Signal] | None = None,
) -> Document:
    """Give the proof of completeness of a batch; with `keys` also every document's key and hash.

    `signals` are those of the batch now, where they have been looked up already.

    The verdict is `incomplete` when something lacks that should be there, `in_progress` while what is not
    there may still come, `unprovable` when nothing lacks but a source or an expectation gives no means to
    say so, else `complete`.
    """
    subject = read_subject(connection, batch_id)
    steps = list_steps(connection, subject.recipe_ids)
    criteria = list_criteria(connection, subject, subject.end or now)
    if signals is None:
        signals = list_signals(connection, batch_id, now=now)
    coverage = list_coverage(connection, signals)
    historians = {origin.system_id for one in coverage for origin in one.origins}
    holdings = list_holdings(connection, subject, historians, now=now)
    concerns = list_concerns(connection, batch_id, holdings)
    marks = {h.system_id: h.marks for h in holdings}
    expected = {
        "steps": judge_steps(steps, list_runs(connection, batch_id), subject),
        "tests": judge_tests(criteria, list_tested(connection, subject), subject),
        "tags": judge_tags(coverage, marks, subject, now=now),
    }
    unmapped = list_unmapped(connection, sorted(historians))
    lacks = [lack for kind, items in expected.items() for lack in _lacks(kind, items)]
    doubts = [*_doubts_of_expectations(subject, steps, criteria), *_doubts_of_concerns(concerns)]
    if not coverage and subject.state in ("running", "ended"):
        doubts.append(_doubt_of_tags(has_units=bool(find_places(connection, batch_id, now=now))))
    doubts += [doubt for holding in holdings for doubt in _doubts_of_source(holding, subject)]
    return {
        "batch": {"uid": subject.uid, "code": subject.code},
        "state": subject.state,
        "start": subject.start,
        "end": subject.end,
        "verdict": _verdict(subject, lacks, doubts),
        "lacks": lacks,
        "unprovable": doubts,
        "expected": {kind: {"counts": _count(items), "items": items} for kind, items in expected.items()},
        "sources": [
            _describe(holding, concerns, unmapped.get(holding.system_id, []), keys=keys)
            for holding in holdings
        ],
    }


def _verdict(subject: Subject, lacks: Sequence[Document], doubts: Sequence[Document]) -> str:
    if subject.state == "unknown":
        return "unprovable"
    if lacks:
        return "incomplete"
    if subject.is_open:
        return "in_progress"
    return "unprovable" if doubts else "complete"


def _count(items: Sequence[Document]) -> dict[str, int]:
    return dict(sorted(Counter(item["standing"] for item in items).items()))


def _lacks(kind: str, items: Sequence[Document]) -> list[Document]:
    named = {"steps": "code", "tests": "test_code"}
    return [
        {
            "what": kind.removesuffix("s"),
            "name": item[named[kind]] if kind in named else item["tag"]["code"],
            "standing": item["standing"],
            "detail": item["detail"],
        }
        for item in items
        if item["standing"] in LACKING
    ]


# --------------------------------------------------------------------------------- what cannot be proved
def _doubt(reason: str, source: str | None = None) -> Document:
    return {"source": source, "reason": reason}


def _doubts_of_expectations(
    subject: Subject, steps: Sequence[Step], criteria: Sequence[Criterion]
) -> list[Document]:
    if subject.state == "unknown":
        return [_doubt("no system says anything of this batch but its name")]
    doubts: list[Document] = []
    if subject.state == "ended" and subject.end is None:
        doubts.append(
            _doubt("no system says when it ended: that its sources were read since then cannot be shown")
        )
    if not subject.recipe_ids:
        doubts.append(_doubt("no system says by which recipe it was made: the steps to expect are not known"))
    elif not steps:
        doubts.append(_doubt("no system states the steps of its recipe: the steps to expect are not known"))
    if not subject.material_ids:
        doubts.append(_doubt("no system says what it makes: the tests to expect are not known"))
    elif not criteria:
        doubts.append(
            _doubt("no specification of what it makes was in force: the tests to expect are not known")
        )
    return doubts


def _doubt_of_tags(*, has_units: bool) -> Document:
    where = "no tag of its units is known" if has_units else "no system says on which units it ran"
    return _doubt(f"{where}: the tags to expect are not known")


def _doubts_of_concerns(concerns: Sequence[Document]) -> list[Document]:
    said = {"part": "a part of a document of this batch", "name": "a document that names this batch"}
    return [
        _doubt(f"{said[c['how']]} could not be read: {c['source_key']}: {c['reason']}", c["source"])
        for c in concerns
    ]


def _doubts_of_source(holding: Holding, subject: Subject) -> list[Document]:
    if holding.is_own:
        return []
    if not holding.marks:
        return [_doubt("no reading of this source is on record", holding.source)]
    doubts = [
        _doubt(f"{mark.stream}: {reason}", holding.source)
        for mark in holding.marks
        if (reason := _doubt_of_stream(mark, subject))
    ]
    undated = [p for p in holding.standing if p.version == 0 and p.source_time is None]
    if undated and not any(mark.means == "snapshot" for mark in holding.marks):
        doubts.append(
            _doubt(
                f"{len(undated)} of its documents have no time of change, and it gives no full list: what it "
                "changed or withdrew would not be seen",
                holding.source,
            )
        )
    return doubts


def _doubt_of_stream(mark: Mark, subject: Subject) -> str | None:
    """Say why the end of a stream does not prove that all of it is here; None when it does."""
    if mark.state != "idle":
        return f"not read to its end: {mark.state}" + (f": {mark.error}" if mark.error else "")
    # While nothing changes a mark is repeated once an hour: the one that proves it comes within that time.
    if subject.end is not None and mark.marked_at < subject.end:
        return f"not read since the batch ended; last on {mark.marked_at:%Y-%m-%d %H:%M:%S}Z"
    if mark.kind == "samples" and mark.means != "extent":
        return (
            "the source does not say how far its history reaches: what is silent cannot be told from what "
            "is still to come"
        )
    return None


# ------------------------------------------------------------------------------------------- each source
def _describe(
    holding: Holding, concerns: Sequence[Document], unmapped: Sequence[Document], *, keys: bool
) -> Document:
    papers = holding.standing
    ends = [{"object_type": p.object_type, "key": p.source_key} for p in (papers[:1] + papers[-1:])]
    listed = None
    if keys:
        listed = [
            {
                "object_type": p.object_type,
                "key": p.source_key,
                "content_hash": p.content_hash,
                "source_record": p.record_id,
            }
            for p in papers[:_KEYS]
        ]
    return {
        "source": holding.source,
        "kind": holding.kind,
        "is_own": holding.is_own,
        "documents": {
            "count": len(papers),
            "by_type": dict(sorted(Counter(p.object_type for p in papers).items())),
            "versions": sum(p.records for p in papers),
            "deleted": len(holding.papers) - len(papers),
            "first": ends[0] if ends else None,
            "last": ends[-1] if ends else None,
            "first_received_at": min((p.received_at for p in papers), default=None),
            "last_received_at": max((p.received_at for p in papers), default=None),
            "digest": digest_lines(p.line for p in papers) if papers else None,
            "keys": listed,
        },
        "facts": [
            {
                "record_type": record_type,
                "count": len(facts),
                "seen_twice": holding.seen_twice[record_type],
                "retracted": holding.retracted[record_type],
                "digest": digest_facts(facts),
            }
            for record_type, facts in sorted(holding.facts.items())
        ],
        "attributes": holding.attributes,
        "refused": {
            "overlap": holding.refused["overlap"],
            "duplicate": holding.refused["duplicate"],
            "stale": holding.refused["stale"],
            "last_at": holding.last_refused_at,
        },
        "quarantined": [
            {key: value for key, value in c.items() if key != "source"}
            for c in concerns
            if c["source"] == holding.source
        ],
        "unmapped_tags": [tag["code"] for tag in unmapped],
        "streams": [
            {
                "name": mark.stream,
                "kind": mark.kind,
                "state": mark.state,
                "means": mark.means,
                "error": mark.error,
                "marked_at": mark.marked_at,
            }
            for mark in holding.marks
        ],
    }
