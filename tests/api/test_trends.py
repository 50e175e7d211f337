"""How a signal is drawn whose batch left the unit and came back."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from hub.api.pages.trends import Trend, draw_trend
from hub.store.answers.signals import Signal
from hub.store.lake.frames import STORED_SCHEMA
from tests.api.factories import START

TAG = {
    "code": "T",
    "property": "ph",
    "description": None,
    "unit": None,
    "source_unit": None,
    "low": None,
    "high": None,
}


def draw(*stays: tuple[int, int], bad: tuple[int, ...] = ()) -> Trend:
    """Draw a sample a minute in each of these stays (first and last minute); those of `bad` minutes are bad."""
    minutes = [minute for first, last in stays for minute in range(first, last)]
    columns: dict[str, Any] = {
        "tag_id": [1] * len(minutes),
        "ts": [START + timedelta(minutes=minute) for minute in minutes],
        "value": np.sin(minutes),
        "text": pa.nulls(len(minutes), pa.string()),
        "quality": [0x80000000 if minute in bad else 0 for minute in minutes],
    }
    samples = pa.table(columns, schema=STORED_SCHEMA)
    spans = tuple(
        (START + timedelta(minutes=first), START + timedelta(minutes=last)) for first, last in stays
    )
    trend = draw_trend(Signal(1, dict(TAG), {"code": "U1", "uid": "u"}, spans), samples)
    assert trend is not None
    return trend


def test_the_line_breaks_where_the_batch_was_away_however_short_that_was() -> None:
    assert draw((0, 60)).path.count("M") == 1
    assert draw((0, 30), (31, 60)).path.count("M") == 2
    assert draw((0, 5), (10, 15), (600, 700)).path.count("M") == 3


def test_what_is_not_good_is_hatched_in_each_stay_and_not_between_them() -> None:
    stretches = draw((0, 30), (60, 90), bad=(28, 29, 60, 61)).bad
    assert [stretch.title.rsplit(" (", 1)[1] for stretch in stretches] == ["2 samples)", "2 samples)"]
    assert sum(stretch.width for stretch in stretches) < 30
    assert len(draw((0, 30), (60, 90), bad=(29,)).bad) == 1
    assert len(draw((0, 90), bad=(28, 29, 60)).bad) == 2
