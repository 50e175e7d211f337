"""The connector class: series as tags, their raw values by the export API as columns."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import orjson
import pyarrow as pa

from connectors.victoriametrics.series import Labels, Series, name_series, sort_labels, write_series
from connectors.victoriametrics.settings import BasicAuth, BearerAuth, VictoriaMetricsConfig
from hub.model import Tag
from hub.sdk import (
    BadRecord,
    Config,
    Health,
    HttpClient,
    HttpLimits,
    Misconfigured,
    Rejected,
    SampleSource,
    Unavailable,
    Window,
)
from hub.sdk.clock import utc_now
from hub.sdk.columns import cut_to, make_batch, split_values

_SHORTEST = timedelta(seconds=1)


class VictoriaMetrics(SampleSource[VictoriaMetricsConfig]):
    """A VictoriaMetrics. Its export gives raw values, never interpolated ones."""

    name: ClassVar[str] = "victoriametrics"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = VictoriaMetricsConfig

    def __init__(self, config: VictoriaMetricsConfig) -> None:
        super().__init__(config)
        basic, headers = _credentials(config)
        self._client = HttpClient(
            config.base_url.rstrip("/"),
            auth=basic,
            headers=headers,
            verify=config.verify if config.base_url.startswith("https") else False,  # nothing to verify
            limits=HttpLimits(
                max_bytes=config.max_mib * 1024 * 1024,
                timeout_s=config.timeout_s,
                per_second=config.per_second,
            ),
        )
        self._series: dict[str, Series] | None = None

    def check(self) -> Health:
        """List the series."""
        series = self._find(again=True)
        if not series:
            raise Misconfigured(
                f"{self.config.base_url} shows no series that `match` takes since {self.config.since}",
                remedy="correct `match` and `since`, or grant the user to read them",
            )
        return Health(system="VictoriaMetrics", detail=f"{len(series)} series")

    def close(self) -> None:
        self._client.close()

    def tags(self) -> Iterator[Tag]:
        for series in self._find(again=True).values():
            yield series.to_tag(self.config)

    def states_quality(self) -> bool:
        return False

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch | Rejected]:
        known = self._find()
        for tag in tags:
            if tag not in known:
                yield Rejected(
                    key=tag,
                    where=tag,
                    reason="there is no such series any more",
                    remedy="restore it there, or take it out of the tags",
                )
        wanted = [known[tag] for tag in tags if tag in known]
        at, step = window.start, timedelta(seconds=self.config.slice_s)
        while at < window.end and wanted:
            end = min(at + step, window.end)
            for first in range(0, len(wanted), self.config.series_per_request):
                some = wanted[first : first + self.config.series_per_request]
                yield from self._slice(some, Window(at, end))
            at = end

    def _slice(self, series: Sequence[Series], window: Window) -> Iterator[pa.RecordBatch | Rejected]:
        """Read a slice; in halves where it is larger than an answer may be."""
        params = {
            "match[]": [write_series(one.labels, joined=True) for one in series],
            "start": _seconds(window.start),
            "end": _seconds(window.end),
        }
        try:
            body = self._client.get("/api/v1/export", params)
        except BadRecord as error:
            half = (window.end - window.start) / 2
            if half < _SHORTEST:
                for one in series:
                    reason, remedy = error.reason, "raise `max_mib`"
                    yield Rejected(key=one.name, where=one.name, reason=reason, remedy=remedy)
                return
            middle = window.start + half
            yield from self._slice(series, Window(window.start, middle))
            yield from self._slice(series, Window(middle, window.end))
            return
        names = {one.labels: one.name for one in series}
        for batch in read_export(body, names):
            yield cut_to(batch, window)

    def _find(self, *, again: bool = False) -> Mapping[str, Series]:
        if self._series is None or again:
            params = {
                "match[]": list(self.config.match),
                "start": _seconds(self.config.since),
                "end": _seconds(utc_now() + timedelta(days=1)),
            }
            answer = self._client.get_json("/api/v1/series", params)
            found = cast("list[dict[str, str]]", answer.get("data") or [])
            self._series = name_series(found, self.config)
        return self._series


def read_export(body: bytes, names: Mapping[Labels, str]) -> Iterator[pa.RecordBatch]:
    """Give samples of an export: a line of JSON for each series, `{"metric", "values", "timestamps"}` (ms).

    Series that have no name here are left out. Raises `Unavailable` when the answer broke off.
    """
    for line in body.split(b"\n"):
        if not line:
            continue
        try:
            told: dict[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Unavailable(f"the export cannot be read, it may have broken off: {error}") from error
        name = names.get(sort_labels(told["metric"]))
        if name is None:
            continue
        column, _ = split_values(told["values"])
        values: Any = column
        stated = values.is_valid()  # a value that is none marks where a series ended
        times: Any = pa.array(told["timestamps"], pa.timestamp("ms", tz="UTC"))
        yield make_batch(name, times.filter(stated), value=values.filter(stated))


def _seconds(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).timestamp():.3f}"


def _credentials(config: VictoriaMetricsConfig) -> tuple[tuple[str, str] | None, dict[str, str]]:
    match config.auth:
        case BasicAuth(user=user, password=password):
            return (user, password.get_secret_value()), {}
        case BearerAuth(bearer=token):
            return None, {"authorization": f"Bearer {token.get_secret_value()}"}
        case None:
            return None, {}
