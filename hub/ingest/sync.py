"""Reads sources: every stream of records, then tags, then samples; one that fails never stops the others."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hub.ingest.bridge import Bridge
from hub.ingest.entering import SAMPLES_STREAM, TAGS_STREAM
from hub.ingest.failures import judge
from hub.ingest.runner import Desk, Outcome, Visit, read_stream, register
from hub.ingest.sampling import read_samples, read_tags
from hub.ingest.sources import Source
from hub.sdk import RecordSource, SampleSource, Window
from hub.store.systems import note_health

TRIES = 3
PATIENCE_S = 30.0
"""A source that is away for longer than this is left to its next turn."""


def sync_source(
    desk: Desk, source: Source, within: Window | None = None, *, resting: Container[str] = ()
) -> list[Outcome]:
    """Read the streams of a source, but for those at rest, to their present end.

    Errors are in the outcomes, never raised.
    """
    system = register(desk, source)
    outcomes: list[Outcome] = []
    try:
        with Bridge(source.open()) as bridge:
            for outcome in _read_all(Visit(desk, source, system, bridge), within, resting):
                outcomes.append(outcome)  # noqa: PERF402 - what was done before an error must be kept
    except Exception as error:  # noqa: BLE001 - whatever a connector does wrong is one source's failure
        failure = judge(error, attempts=0, now=desk.clock())
        with desk.begin() as connection:
            note_health(connection, system.id, state=failure.health, now=desk.clock(), error=failure.message)
        outcomes.append(Outcome(source.code, "*", error=failure.message, state=failure.state))
    return outcomes


def _read_all(visit: Visit, within: Window | None, resting: Container[str]) -> Iterator[Outcome]:
    connector = visit.bridge.connector
    if isinstance(connector, RecordSource):
        for stream in connector.streams():
            if stream.name not in resting:
                yield _patiently(visit.desk, partial(read_stream, visit, stream))
    if isinstance(connector, SampleSource):
        has_tags = True
        if TAGS_STREAM not in resting:
            tags = _patiently(visit.desk, partial(read_tags, visit))
            has_tags = bool(tags.documents or tags.unchanged or tags.error)
            if has_tags:  # a folder of records alone has none
                yield tags
        if has_tags and SAMPLES_STREAM not in resting:
            yield _patiently(visit.desk, partial(read_samples, visit, within))


def _patiently(desk: Desk, run: Callable[[], Outcome]) -> Outcome:
    """Run a stream again when its source was away for a moment; what was read before is not read again."""
    outcome = run()
    for _ in range(TRIES - 1):
        wait = (outcome.retry_at - desk.clock()).total_seconds() if outcome.retry_at else None
        if outcome.state != "waiting" or wait is None or wait > PATIENCE_S:
            break
        desk.sleep(max(0.0, wait))
        again = run()
        again.documents += outcome.documents
        again.records += outcome.records
        again.samples += outcome.samples
        again.rejected += outcome.rejected
        outcome = again
    return outcome


def sync_sources(
    desk: Desk,
    sources: Sequence[Source],
    within: Window | None = None,
    *,
    resting: Mapping[str, Container[str]] | None = None,
) -> list[Outcome]:
    """Read several sources side by side; outcomes come in the order of the sources.

    `resting` names, by source code, the streams that are not to be read now.
    """

    def run(source: Source) -> list[Outcome]:
        return sync_source(desk, source, within, resting=(resting or {}).get(source.code, ()))

    with ThreadPoolExecutor(max_workers=max(1, min(4, len(sources)))) as pool:
        return [outcome for some in pool.map(run, sources) for outcome in some]
