"""Reads sources: every stream of records, then tags, then samples; one that fails never stops the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from hub.ingest.bridge import Bridge
from hub.ingest.failures import judge
from hub.ingest.runner import Desk, Outcome, Visit, read_stream, register
from hub.ingest.sampling import read_samples, read_tags
from hub.ingest.sources import Source
from hub.sdk import RecordSource, SampleSource, Window
from hub.store.systems import note_health

TRIES = 3
PATIENCE_S = 30.0
"""A source that is away for longer than this is left to its next turn."""


def sync_source(desk: Desk, source: Source, within: Window | None = None) -> list[Outcome]:
    """Read all streams of a source to their present end; errors are in the outcomes, never raised."""
    system = register(desk, source)
    try:
        bridge = Bridge(source.open())
    except Exception as error:  # noqa: BLE001 - a connector that cannot even start is one source's failure
        failure = judge(error, attempts=0, now=desk.clock())
        with desk.database.begin() as connection:
            note_health(connection, system.id, state=failure.state, now=desk.clock(), error=failure.message)
        return [Outcome(source.code, "*", error=failure.message, state=failure.state)]
    outcomes: list[Outcome] = []
    visit = Visit(desk, source, system, bridge)
    with bridge:
        if isinstance(bridge.connector, RecordSource):
            streams = bridge.connector.streams()
            outcomes += [_patiently(desk, lambda s=stream: read_stream(visit, s)) for stream in streams]
        if isinstance(bridge.connector, SampleSource):
            tags = _patiently(desk, lambda: read_tags(visit))
            if tags.documents or tags.unchanged or tags.error:  # a folder of records alone has no tags
                samples = _patiently(desk, lambda: read_samples(visit, within))
                outcomes += [tags, samples]
    return outcomes


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


def sync_sources(desk: Desk, sources: Sequence[Source], within: Window | None = None) -> list[Outcome]:
    """Read several sources side by side; outcomes come in the order of the sources."""

    def run(source: Source) -> list[Outcome]:
        return sync_source(desk, source, within)

    with ThreadPoolExecutor(max_workers=max(1, min(4, len(sources)))) as pool:
        return [outcome for some in pool.map(run, sources) for outcome in some]
