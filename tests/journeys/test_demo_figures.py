"""Key figures of the demo plant, counted again by pandas from what its systems said, product by product.

pandas gets batches, orders, lots, results, phases, movements and logs as the API's plain collections give them,
and nothing of the star.
"""

from collections.abc import Callable, Iterator

import pandas as pd
import pytest

from tests.journeys.demo import Demo
from tests.journeys.held import Counter, counter_over
from tests.journeys.press_aggregates import Column
from tests.journeys.press_aggregates import Rows as Frame

PRODUCTS = {"300214", "300314"}
"""Drug substance and drug product; medium preparations make none that has a product code of the ERP."""


@pytest.fixture(scope="module")
def counter(demo: Demo) -> Iterator[Counter]:
    with counter_over(demo.url) as counter:
        yield counter


@pytest.fixture(scope="module")
def collections(counter: Counter) -> dict[str, Frame]:
    things = ("batches", "orders", "lots", "quality_events")
    facts = ("lab_samples", "results", "criteria", "phases", "movements", "equipment_times")
    found: dict[str, Frame] = {
        name: counter.arrow(f"/v1/collections/{name}").to_pandas() for name in (*things, *facts)
    }
    for name in facts:  # what two systems saw counts once
        found[name] = found[name][found[name]["same_as"].isna() & ~found[name]["is_retracted"]]
    return found


@pytest.fixture(scope="module")
def batches(collections: dict[str, Frame]) -> Frame:
    """One row a batch of a product: its times and sizes, its order's creation, its lot's release."""
    made = collections["batches"]
    made = made[(made["kind"] == "batch") & (made["lifecycle"] != "merged") & made["product"].isin(PRODUCTS)]
    orders = collections["orders"].set_index("code")
    lots = collections["lots"].set_index("uid")
    released = lots.query("disposition == 'UnRestricted'")["released_at"]
    events = collections["quality_events"]
    return made.assign(
        cycle=(made["actual_end"] - made["actual_start"]).dt.total_seconds(),
        ratio=made["actual_size"] / made["planned_size"],
        planned=(made["planned_end"] - made["planned_start"]).dt.total_seconds(),
        late=(made["actual_start"] - made["planned_start"]).dt.total_seconds(),
        ordered=made["operations_request"].map(orders["created_at"]),
        due=made["operations_request"].map(orders["due_at"].fillna(orders["planned_end"])),
        released=made["output_lot_uid"].map(released),
        decided=made["output_lot_uid"].map(lots["disposition"]),
        deviations=made["uid"]
        .map(events[events["kind"] == "deviation"]["batch_uid"].value_counts())
        .fillna(0),
        oos=made["uid"].map(events[events["kind"] == "OOS"]["batch_uid"].value_counts()).fillna(0),
    )


def ended(batches: Frame) -> Frame:
    return batches[batches["actual_end"].notna()]


def rate(hits: Column, of: Column) -> float:
    return float(hits[of].mean())


def seconds(batches: Frame, since: str, until: str) -> Column:
    return (batches[until] - batches[since]).dt.total_seconds()


FIGURES: dict[str, Callable[[Frame], float]] = {
    "batches_ended": lambda b: b["actual_end"].count(),
    "batches_released": lambda b: b["released"].count(),
    "cycle_time": lambda b: b["cycle"].median(),
    "cycle_time_mean": lambda b: b["cycle"].mean(),
    "cycle_time_deviation": lambda b: b["cycle"].std(),
    "overall_yield": lambda b: ended(b)["actual_size"].sum() / ended(b)["planned_size"].sum(),
    "yield_per_batch": lambda b: b["ratio"].mean(),
    "yield_spread": lambda b: b["ratio"].std(),
    "lead_time": lambda b: seconds(b, "ordered", "released").median(),
    "release_time": lambda b: seconds(b, "actual_end", "released").median(),
    "right_first_time": lambda b: rate((b["deviations"] == 0) & (b["oos"] == 0), b["released"].notna()),
    "deviation_rate": lambda b: ended(b)["deviations"].mean(),
    "oos_event_rate": lambda b: ended(b)["oos"].mean(),
    "lot_acceptance_rate": lambda b: rate(b["decided"] == "UnRestricted", b["actual_start"].notna()),
    "quality_ratio": lambda b: rate(
        b["decided"] == "UnRestricted", b["actual_end"].notna() & b["decided"].notna()
    ),
    "on_time_in_full": lambda b: rate(
        (b["released"] <= b["due"]) & (b["actual_size"] >= 0.95 * b["planned_size"]), b["due"].notna()
    ),
    "schedule_adherence": lambda b: rate(b["late"].abs() <= 86_400, b["planned_start"].notna()),
    "planned_run_time_ratio": lambda b: ended(b)["planned"].sum() / ended(b)["cycle"].sum(),
    "throughput": lambda b: ended(b)["actual_size"].sum() / ended(b)["cycle"].sum(),
}


@pytest.mark.parametrize("code", FIGURES)
def test_a_figure_is_what_pandas_counts(counter: Counter, batches: Frame, code: str) -> None:
    told = counter.get(f"/v1/kpis/{code}", of="product", per="all")["items"]
    shown = {item["code"]: item["value"] for item in told if item["code"] in PRODUCTS}
    assert set(shown) == PRODUCTS
    for product, mine in batches.groupby("product"):
        assert shown[str(product)] == pytest.approx(FIGURES[code](mine)), product


# ------------------------------------------------------------------------------------------ results
@pytest.fixture(scope="module")
def results(collections: dict[str, Frame]) -> Frame:
    """One row a result of a product, with its limits and when its sample was taken."""
    made, samples = collections["batches"], collections["lab_samples"].set_index("key")
    product = made.set_index("uid")["product"].to_dict()
    of_lot = made.set_index("output_lot_uid")["product"].to_dict()
    sampled = samples["batch_uid"].map(product).fillna(samples["lot_uid"].map(of_lot))
    criteria = collections["criteria"].set_index("key")
    found = collections["results"]
    found = found.assign(
        product=found["sample_key"].map(sampled),
        taken=found["sample_key"].map(samples["taken_at"]),
        done=found["approved_at"].fillna(found["measured_at"]),
        **{name: found["criterion_key"].map(criteria[name]) for name in ("is_cqa", "lower", "upper")},
    )
    return found[found["product"].isin(PRODUCTS)]


def tell(counter: Counter, code: str, of: str = "product") -> dict[tuple[str, str], float | None]:
    """Give the values of all time by scope and word."""
    items = counter.get(f"/v1/kpis/{code}", of=of, per="all")["items"]
    return {
        (item["code"], item["word"]): item["value"]
        for item in items
        if of != "product" or item["code"] in PRODUCTS
    }


def count_capability(rows: Frame, *, is_centred: bool) -> float | None:
    lower, upper = rows["lower"].iloc[0], rows["upper"].iloc[0]
    mean, spread = rows["value"].mean(), rows["value"].std()
    sides = pd.Series([(upper - mean) / (3 * spread), (mean - lower) / (3 * spread)])
    found = sides.mean(skipna=False) if is_centred else sides.min()
    return float(found) if spread > 0 and pd.notna(found) else None


PER_PRODUCT: dict[str, Callable[[Frame], float]] = {
    "oos_rate": lambda r: r["verdict"].eq("fail").mean(),
    "retest_rate": lambda r: r["retest_of_key"].notna().mean(),
    "first_pass_yield": lambda r: r[r["retest_of_key"].isna()]["verdict"].eq("pass").mean(),
    "laboratory_time": lambda r: (r["done"] - r["taken"]).dt.total_seconds().median(),
}


@pytest.mark.parametrize("code", PER_PRODUCT)
def test_a_figure_of_results_is_what_pandas_counts(counter: Counter, results: Frame, code: str) -> None:
    expected = {(product, ""): PER_PRODUCT[code](rows) for product, rows in results.groupby("product")}
    assert tell(counter, code) == pytest.approx(expected)
    assert max(expected.values()) > 0


def test_the_rate_of_failed_results_of_each_property_is_what_pandas_counts(
    counter: Counter, results: Frame
) -> None:
    expected = results["verdict"].eq("fail").groupby([results["product"], results["property"]]).mean()
    assert tell(counter, "oos_rate_of_property") == pytest.approx(expected.to_dict())
    assert len(expected) > 12


@pytest.mark.parametrize("code", ["cp", "cpk"])
def test_the_capability_of_a_quality_attribute_is_what_pandas_counts(
    counter: Counter, results: Frame, code: str
) -> None:
    exact = results[results["is_cqa"].eq(True) & results["value_comparator"].fillna("=").eq("=")]
    exact = exact[exact["value"].notna()]
    expected = {
        key: count_capability(rows, is_centred=code == "cp")
        for key, rows in exact.groupby(["product", "property"])
    }
    told = tell(counter, code)
    assert {key: value for key, value in told.items() if value is not None} == pytest.approx(
        {key: value for key, value in expected.items() if value is not None}
    )
    assert sum(value is not None for value in told.values()) >= 2


# ------------------------------------------------------------------------------------------ steps, units
@pytest.mark.parametrize(("code", "statistic"), [("step_time", "median"), ("step_spread", "std")])
def test_the_time_of_each_step_is_what_pandas_counts(
    counter: Counter, collections: dict[str, Frame], code: str, statistic: str
) -> None:
    phases = collections["phases"]
    product = phases["batch_uid"].map(collections["batches"].set_index("uid")["product"])
    known = phases[product.isin(PRODUCTS) & phases["duration_s"].notna()]
    expected = known.groupby([product, "name"])["duration_s"].agg(statistic)
    assert tell(counter, code) == pytest.approx(expected.to_dict())
    assert len(expected) > 30


def test_the_yield_of_each_step_is_what_pandas_counts(
    counter: Counter, collections: dict[str, Frame]
) -> None:
    moves, batches = collections["movements"], collections["batches"].set_index("uid")
    moves = moves[moves["counted"].notna() & moves["response"].notna()]
    moves = moves.assign(
        product=moves["batch_uid"].map(batches["product"]),
        step=moves["response"].map(collections["phases"].set_index("id")["name"]),
        stream=list(zip(moves["batch_uid"], moves["lot_uid"], strict=True)),
    )
    made, used = moves[moves["use"] == "Produced"], moves[moves["use"] == "Consumed"]
    goes_on = made["stream"].isin(set(used["stream"])) | (
        made["lot_uid"] == made["batch_uid"].map(batches["output_lot_uid"])
    )
    by = ["product", "step", "counted_unit"]
    passed_on = made[goes_on].groupby(by)["counted"].sum()
    taken_up = used[used["stream"].isin(set(made["stream"]))].groupby(by)["counted"].sum()
    expected = (passed_on / taken_up).dropna()
    told = {key: value for key, value in tell(counter, "step_yield").items() if value is not None}
    assert told == pytest.approx(
        {(product, f"{step}, {unit}"): value for (product, step, unit), value in expected.items()}
    )
    assert len(told) >= 5


def spell_hours(log: Frame) -> Frame:
    """Give how long each element lasted on each unit in each month: stretches are cut where a month ends."""
    cut: list[dict[str, object]] = []
    for row in log.itertuples():
        months = pd.date_range(row.start_at.normalize().replace(day=1), row.end_at, freq="MS")
        for month in months:
            start, end = max(row.start_at, month), min(row.end_at, month + pd.offsets.MonthBegin())
            if end > start:
                named = {"unit": row.equipment, "month": f"{month:%Y-%m}", "element": row.element}
                cut.append({**named, "s": (end - start).total_seconds()})
    return pd.DataFrame(cut).pivot_table(
        index=["unit", "month"], columns="element", values="s", aggfunc="sum", fill_value=0.0
    )


def test_the_times_of_units_by_month_are_what_pandas_counts(
    counter: Counter, collections: dict[str, Frame]
) -> None:
    log = collections["equipment_times"]
    time = spell_hours(log[log["basis"] == "actual"])
    busy = time["APT"] + time["ASUT"]
    for code, expected in (
        ("utilization_efficiency", time["APT"] / busy),
        ("setup_ratio", time["ASUT"] / busy),
        ("technical_efficiency", time["APT"] / time["APT"]),
    ):
        items = counter.get(f"/v1/kpis/{code}", of="equipment", per="month")["items"]
        told = {(i["code"], i["start"][:7]): i["value"] for i in items if i["value"] is not None}
        assert told == pytest.approx(expected.dropna()[time["APT"] > 0].to_dict()), code
    starts, ends = log["start_at"].dt.strftime("%Y-%m"), log["end_at"].dt.strftime("%Y-%m")
    assert (starts != ends).sum() > 5
