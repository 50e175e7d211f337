"""The demo plant's declared figures, counted again by other means: pandas over the samples of the same phases."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pandas as pd
import pytest
from sqlalchemy import select

from hub.insight.declared import OBJECT_TYPE, SOURCE
from hub.store.database import Database
from hub.store.samples import read_samples
from hub.store.statements import list_live_keys, stored_documents
from hub.store.systems import find_system
from hub.store.tables import ENTITY_TABLES
from tests.journeys.demo import Demo
from tests.journeys.held import counter_over

AROUND = timedelta(days=2)
"""The plant keeps idle units once an hour: whatever stood at an edge of a phase has a sample so near."""


class Told:
    """A figure that has a value, and the samples of its tag around its time."""

    def __init__(self, figure: dict[str, Any], frame: pd.DataFrame) -> None:
        self.figure, self.frame = figure, frame
        self.spans = [tuple(pd.Timestamp(at) for at in span) for span in figure["spans"]]

    @property
    def good(self) -> pd.Series:
        """The good values inside the spans."""
        inside = pd.Series(False, index=self.frame.index)
        for start, end in self.spans:
            inside |= (self.frame.ts >= start) & (self.frame.ts < end)
        return self.frame.value[inside & self.frame.good]

    def stretches(self) -> pd.DataFrame:
        """From each sample to the next, cut to the spans: seconds, values at both ends, good, which it was."""
        cut = []
        for start, end in self.spans:
            part = self.frame.assign(
                until=self.frame.ts.shift(-1), following=self.frame.value.where(self.frame.good).shift(-1)
            )
            part["first"], part["last"] = part.ts.clip(lower=start), part.until.fillna(end).clip(upper=end)
            cut.append(part[part["last"] > part["first"]])
        found = pd.concat(cut)
        length = (found.until - found.ts).dt.total_seconds()
        slope = ((found.following - found.value) / length).fillna(0.0)
        found["a"] = found.value + slope * (found["first"] - found.ts).dt.total_seconds()
        found["b"] = found.value + slope * (found["last"] - found.ts).dt.total_seconds()
        found["seconds"] = (found["last"] - found["first"]).dt.total_seconds()
        return found

    def time_mean(self) -> float:
        known = self.stretches().query("good")
        return float(((known.a + known.b) / 2 * known.seconds).sum() / known.seconds.sum())

    def seconds_below_30(self) -> float:
        parts = self.stretches()
        return float(parts.seconds[(parts.value < 30) & parts.good].sum())

    def percent_good(self) -> float:
        parts = self.stretches()
        whole = sum((end - start).total_seconds() for start, end in self.spans)
        return float(100 * parts.seconds[parts.good].sum() / whole)


WAYS: dict[str, Callable[[Told], Any]] = {
    "growth_temperature_mean": Told.time_mean,
    "growth_oxygen_least": lambda told: told.good.min(),
    "feeding_pH_deviation": lambda told: told.good.std(),
    "feeding_oxygen_mean": Told.time_mean,
    "feeding_oxygen_low": Told.seconds_below_30,
    "harvest_cells_last": lambda told: told.good.iloc[-1],
    "harvest_good": Told.percent_good,
}


def read_told(url: str) -> list[tuple[str, str, Told]]:
    """Give batch, name and figure of all that have a value."""
    database = Database(url)
    try:
        with database.read() as connection:
            tags = dict(
                connection.execute(select(ENTITY_TABLES["tag"].c.code, ENTITY_TABLES["tag"].c.id)).all()
            )
            system = find_system(connection, SOURCE)
            assert system is not None
            keys = sorted(list_live_keys(connection, system, [OBJECT_TYPE]))
            found: list[tuple[str, str, Told]] = []
            for (_, key), document in stored_documents(connection, system, keys).items():
                for name, figure in orjson.loads(document.payload).items():
                    if figure["value"] is None:
                        continue
                    edges = [datetime.fromisoformat(at) for span in figure["spans"] for at in span]
                    times = min(edges) - AROUND, max(edges) + AROUND
                    samples = read_samples(connection, [tags[figure["of"]]], *times).to_pandas()
                    samples["good"] = (samples.quality < 0x40000000) & samples.value.notna()
                    found.append((key, name, Told(figure, samples)))
            return found
    finally:
        database.close()


def test_each_declared_figure_of_the_demo_is_what_pandas_counts(demo: Demo) -> None:
    told = read_told(demo.url)
    assert {name for _, name, _ in told} >= {name for name in WAYS if not name.startswith("growth")}
    assert len(told) >= 50
    wrong = {
        (key, name): (one.figure["value"], WAYS[name](one))
        for key, name, one in told
        if WAYS[name](one) != pytest.approx(one.figure["value"], rel=1e-9, abs=1e-9)
    }
    assert wrong == {}


def test_the_proofs_of_the_demo_s_batches_say_what_lacks_and_what_nobody_says(demo: Demo) -> None:
    with counter_over(demo.url) as counter:
        codes = [one["code"] for one in counter.all("/v1/batches", filter="kind eq 'batch'")]
        proofs = {code: counter.get(f"/v1/batches/{code}/completeness") for code in codes}
    assert proofs["B26-0117"]["verdict"] == "complete"
    assert proofs["B26-0117"]["expected"]["tags"]["counts"] == {"present": 39}
    media = {code for code in codes if code.startswith("MPO-")}
    assert {proof["verdict"] for code, proof in proofs.items() if code not in media} == {
        "complete",
        "incomplete",
        "in_progress",
        "unprovable",
    }
    without_tags = "no tag of its units is known: the tags to expect are not known"
    assert {
        code for code, proof in proofs.items() if without_tags in [d["reason"] for d in proof["unprovable"]]
    } == media


def test_the_laboratory_s_release_is_among_what_changed_of_the_batch(demo: Demo) -> None:
    with counter_over(demo.url) as counter:
        told = counter.get("/v1/batches/B26-0117/changes", since="2020-01-01T00:00:00Z")["items"]
    values = {(one["entity"]["code"], one["attribute"]): one for one in told if one["of"] == "golden"}
    released = values["B26-0117-DS", "released_at"]
    assert (released["entity_type"], released["source"], released["change"]) == (
        "material_lot",
        "lims",
        "added",
    )
    assert [one["label"] for one in told if one["of"] == "disposition"] == ["disposition (UD-B26-0117)"]


def test_figures_of_the_hub_s_own_need_no_reading_and_leave_nothing_unproved(demo: Demo) -> None:
    with counter_over(demo.url) as counter:
        proof = counter.get("/v1/batches/B26-0117/completeness")
    assert {s["source"] for s in proof["sources"] if s["is_own"]} == {SOURCE, "historian.frames"}
    assert [d for d in proof["unprovable"] if d["source"] == SOURCE] == []
