"""The connector class: fields of series as tags, points as samples, in slices so that answers stay small."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pyarrow as pa

from connectors.influxdb import flux, influxql
from connectors.influxdb.client import InfluxClient
from connectors.influxdb.series import Signal
from connectors.influxdb.settings import InfluxDbConfig
from hub.model import Tag, format_instant
from hub.sdk import BadRecord, Config, Health, Misconfigured, Rejected, SampleSource, Window
from hub.sdk.columns import cut_to

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(seconds=1)


class InfluxDb(SampleSource[InfluxDbConfig]):
    """An InfluxDB, asked in InfluxQL or Flux; answers are CSV that Arrow parses."""

    name: ClassVar[str] = "influxdb"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = InfluxDbConfig

    def __init__(self, config: InfluxDbConfig) -> None:
        super().__init__(config)
        self._client = InfluxClient(config)
        self._signals: dict[str, Signal] | None = None

    def check(self) -> Health:
        """List the signals, and see that the retention policy is there."""
        signals = self._find(again=True)
        if self.config.language == "influxql":
            policies = [str(row["name"]) for row in self._client.show("SHOW RETENTION POLICIES")]
            wanted = self.config.retention_policy
            if wanted is not None and wanted not in policies:
                raise Misconfigured(
                    f"{self.config.database} has no retention policy {wanted}; it has {', '.join(policies)}",
                    remedy="correct `retention_policy`",
                )
        if not signals:
            raise Misconfigured(
                f"{self.config.database} shows no series that the settings take",
                remedy="correct `database` and `measurements`, or grant the user to read them",
            )
        return Health(system="InfluxDB", version=self._client.version, detail=f"{len(signals)} signals")

    def close(self) -> None:
        self._client.close()

    def tags(self) -> Iterator[Tag]:
        for signal in self._find(again=True).values():
            yield signal.to_tag(self.config)

    def states_quality(self) -> bool:
        return False

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch | Rejected]:
        signals = self._find()
        by_measurement: dict[str, list[Signal]] = {}
        for tag in tags:
            signal = signals.get(tag)
            if signal is None:
                yield Rejected(
                    key=tag,
                    where=tag,
                    reason="there is no such series or field any more",
                    remedy="restore it there, or take it out of the tags",
                )
            else:
                by_measurement.setdefault(signal.measurement, []).append(signal)
        at, step = window.start, timedelta(seconds=self.config.slice_s)
        while at < window.end:
            end = min(at + step, window.end)
            for some in by_measurement.values():
                yield from self._slice(some, Window(at, end))
            at = end

    def _slice(self, signals: Sequence[Signal], window: Window) -> Iterator[pa.RecordBatch | Rejected]:
        """Read a slice; in halves where it is larger than an answer may be."""
        try:
            batches = list(self._ask(signals, window))
        except BadRecord as error:
            half = (window.end - window.start) / 2
            if half < _SHORTEST:
                for signal in signals:
                    reason, remedy = error.reason, "raise `max_mib`"
                    yield Rejected(key=signal.name, where=signal.name, reason=reason, remedy=remedy)
                return
            middle = window.start + half
            yield from self._slice(signals, Window(window.start, middle))
            yield from self._slice(signals, Window(middle, window.end))
            return
        yield from (cut_to(batch, window) for batch in batches)

    def _ask(self, signals: Sequence[Signal], window: Window) -> Iterator[pa.RecordBatch]:
        client, config = self._client, self.config
        if config.language == "flux":
            start, end = format_instant(window.start), format_instant(window.end)
            return flux.read_slice(client, config, signals=signals, start=start, end=end)
        start_us, end_us = (_micros(moment) for moment in (window.start, window.end))
        return influxql.read_slice(client, config, signals=signals, start=start_us, end=end_us)

    def _find(self, *, again: bool = False) -> Mapping[str, Signal]:
        if self._signals is None or again:
            find = flux.find_signals if self.config.language == "flux" else influxql.find_signals
            self._signals = find(self._client, self.config)
        return self._signals


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
