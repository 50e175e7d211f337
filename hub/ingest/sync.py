"""Reads sources: every stream of records, then tags, then samples; one that fails never stops the others."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from hub.ingest.bridge import Bridge
from hub.ingest.failures import judge
from hub.ingest.runner import Desk, Outcome, read_stream, register
from hub.ingest.sampling import read_samples, read_tags
from hub.ingest.sources import Source
from hub.sdk import RecordSource, SampleSource, Window
from hub.store.systems import note_health


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
    with bridge:
        if isinstance(bridge.connector, RecordSource):
            streams = bridge.connector.streams()
            outcomes += [read_stream(desk, source, system, bridge, stream) for stream in streams]
        if isinstance(bridge.connector, SampleSource):
            outcomes.append(read_tags(desk, source, system, bridge))
            outcomes.append(read_samples(desk, source, system, bridge, within))
    return outcomes


def sync_sources(desk: Desk, sources: Sequence[Source], within: Window | None = None) -> list[Outcome]:
    """Read several sources side by side; outcomes come in the order of the sources."""
    with ThreadPoolExecutor(max_workers=max(1, min(4, len(sources)))) as pool:
        runs = pool.map(lambda source: sync_source(desk, source, within), sources)
        return [outcome for some in runs for outcome in some]
