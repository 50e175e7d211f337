"""Windows of values: archived, interpolated or summed up by the server; each stream is paged by itself."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connectors.pi_web_api.client import PiClient, Question, list_items
from connectors.pi_web_api.settings import Interpolated, PiWebApiConfig, Summary
from connectors.pi_web_api.signals import Signal
from connectors.pi_web_api.values import decode_values
from hub.model import format_instant
from hub.sdk import ConnectorError, Rejected, Window
from hub.sdk.columns import cut_to

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = ("Timestamp", "Value", "Good", "Questionable", "Substituted", "Errors")
_TIMED = ";".join(f"Items.{name}" for name in _FIELDS)
_SUMMED = ";".join(f"Items.Value.{name}" for name in _FIELDS) + ";Items.Type"
_GROWTH = 64
"""So many times `max_count` values of one instant are asked for at most."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is still to be read of a stream: from a time, as the server writes it, so many values at once."""

    signal: Signal
    start: str
    count: int


class HistoryReader:
    """Reads a window of several signals."""

    def __init__(self, client: PiClient, config: PiWebApiConfig, window: Window) -> None:
        self._client = client
        self._config = config
        self._window = window
        self._end = format_instant(window.end)

    def recorded(self, signals: Iterable[Signal]) -> Iterator[pa.RecordBatch | Rejected]:
        """Give archived values.

        There is no token for what follows an answer that is full: reading goes on at its last instant, whose
        values are taken from the next answer, so that none of those that share it is lost or doubled.
        """
        start = format_instant(self._window.start)
        waiting = deque(_Errand(signal, start, self._config.max_count) for signal in signals)
        while waiting:
            some = [waiting.popleft() for _ in range(min(len(waiting), self._config.streams_per_request))]
            answers = self._client.ask_all([self._ask_recorded(errand) for errand in some])
            for errand, answer in zip(some, answers, strict=True):
                if isinstance(answer, ConnectorError):
                    yield _reject(errand.signal.name, answer)
                    continue
                items = list_items(answer)
                if len(items) >= errand.count:
                    items, onward = _cut(items, errand)
                    if onward.count > self._config.max_count * _GROWTH:
                        yield Rejected(
                            key=errand.signal.name,
                            where=errand.signal.name,
                            reason=f"more than {errand.count} values have the time {onward.start}",
                            remedy="raise `max_count`, or remove the doubles from the archive",
                        )
                        continue
                    waiting.appendleft(onward)
                yield from self._decode(errand.signal.name, items)

    def interpolated(
        self, signals: Sequence[Signal], settings: Interpolated
    ) -> Iterator[pa.RecordBatch | Rejected]:
        """Give values on the whole steps of the clock inside the window."""
        step = timedelta(seconds=settings.step_s)
        path, params = "interpolated", {"interval": f"{settings.step_s}s", "selectedFields": _TIMED}
        for signal, answer in self._stepped(signals, (path, params), step=step, is_span=False):
            yield from self._taken(signal, answer)

    def summaries(
        self, kinds: Mapping[str, Sequence[str]], signals: Mapping[str, Signal], settings: Summary
    ) -> Iterator[pa.RecordBatch | Rejected]:
        """Give summaries of the whole steps that begin inside the window, by signal name and kinds."""
        step = timedelta(seconds=settings.step_s)
        params = {
            "summaryType": list(settings.types),
            "summaryDuration": f"{settings.step_s}s",
            "calculationBasis": settings.basis,
            "timeType": "EarliestTime",
            "selectedFields": _SUMMED,
        }
        wanted = [signals[name] for name in kinds]
        for signal, answer in self._stepped(wanted, ("summary", params), step=step, is_span=True):
            for kind in kinds[signal.name]:
                name = f"{signal.name}#{kind}"
                if isinstance(answer, ConnectorError):
                    yield _reject(name, answer)
                else:
                    values = [item["Value"] for item in list_items(answer) if item.get("Type") == kind]
                    yield from self._decode(name, values)

    def _stepped(
        self, signals: Sequence[Signal], asked: tuple[str, dict[str, Any]], *, step: timedelta, is_span: bool
    ) -> Iterator[tuple[Signal, dict[str, Any] | ConnectorError]]:
        """Ask for whole steps, as many as one answer can hold; they are the same in every window."""
        path, params = asked
        at = _EPOCH + -((_EPOCH - self._window.start) // step) * step
        while at < self._window.end:
            steps = min(self._config.max_count - 1, -((at - self._window.end) // step))
            until = at + steps * step
            span = {
                "startTime": format_instant(at),
                "endTime": format_instant(until if is_span else until - step),
            }
            questions = [Question(f"/streams/{s.web_id}/{path}", {**params, **span}) for s in signals]
            yield from zip(signals, self._client.ask_all(questions), strict=True)
            at = until

    def _ask_recorded(self, errand: _Errand) -> Question:
        return Question(
            f"/streams/{errand.signal.web_id}/recorded",
            {
                "startTime": errand.start,
                "endTime": self._end,
                "boundaryType": "Inside",
                "maxCount": errand.count,
                "selectedFields": _TIMED,
            },
        )

    def _taken(
        self, signal: Signal, answer: dict[str, Any] | ConnectorError
    ) -> Iterator[pa.RecordBatch | Rejected]:
        if isinstance(answer, ConnectorError):
            yield _reject(signal.name, answer)
        else:
            yield from self._decode(signal.name, list_items(answer))

    def _decode(self, tag: str, items: list[dict[str, Any]]) -> Iterator[pa.RecordBatch | Rejected]:
        """Give what lies in the window: the server counts its end in."""
        if not items:
            return
        try:
            batch = decode_values(tag, items)
        except (ValueError, KeyError) as error:
            yield Rejected(key=tag, where=tag, reason=f"its values cannot be read: {error}")
            return
        yield cut_to(batch, self._window)


def _cut(items: list[dict[str, Any]], errand: _Errand) -> tuple[list[dict[str, Any]], _Errand]:
    """Give what comes before the last instant of a full answer, and what is to be read from there on."""
    last = str(items[-1]["Timestamp"])
    kept = len(items)
    while kept and items[kept - 1]["Timestamp"] == last:
        kept -= 1
    if not kept:  # one instant fills the answer: it must be asked for in one larger answer
        return [], replace(errand, start=last, count=errand.count * 2)
    return items[:kept], replace(errand, start=last)


def _reject(tag: str, error: ConnectorError) -> Rejected:
    return Rejected(key=tag, where=tag, reason=error.what, remedy=error.remedy)
