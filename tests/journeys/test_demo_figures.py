"""Key figures of the demo plant, counted again by pandas from what its systems said, product by product.

pandas gets batches, orders, lots, samples and results as the API's plain collections give them, and nothing of the star.
"""

from collections.abc import Callable, Iterator

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
    names = ("batches", "orders", "lots", "lab_samples", "results")
    return {name: counter.arrow(f"/v1/collections/{name}").to_pandas() for name in names}


@pytest.fixture(scope="module")
def batches(collections: dict[str, Frame]) -> Frame:
    """One row a batch of a product: its times and sizes, its order's creation, its lot's release."""
    made = collections["batches"]
    made = made[(made["kind"] == "batch") & (made["lifecycle"] != "merged") & made["product"].isin(PRODUCTS)]
    orders = collections["orders"].set_index("code")["created_at"]
    released = collections["lots"].query("disposition == 'UnRestricted'").set_index("uid")["released_at"]
    return made.assign(
        cycle=(made["actual_end"] - made["actual_start"]).dt.total_seconds(),
        ratio=made["actual_size"] / made["planned_size"],
        ordered=made["operations_request"].map(orders),
        released=made["output_lot_uid"].map(released),
    )


def seconds(batches: Frame, since: str, until: str) -> Column:
    return (batches[until] - batches[since]).dt.total_seconds()


FIGURES: dict[str, Callable[[Frame], float]] = {
    "batches_ended": lambda b: b["actual_end"].count(),
    "batches_released": lambda b: b["released"].count(),
    "cycle_time": lambda b: b["cycle"].median(),
    "cycle_time_mean": lambda b: b["cycle"].mean(),
    "cycle_time_deviation": lambda b: b["cycle"].std(),
    "overall_yield": lambda b: (
        (b := b[b["actual_end"].notna()])["actual_size"].sum() / b["planned_size"].sum()
    ),
    "yield_per_batch": lambda b: b["ratio"].mean(),
    "yield_spread": lambda b: b["ratio"].std(),
    "lead_time": lambda b: seconds(b, "ordered", "released").median(),
    "release_time": lambda b: seconds(b, "actual_end", "released").median(),
}


@pytest.mark.parametrize("code", FIGURES)
def test_a_figure_is_what_pandas_counts(counter: Counter, batches: Frame, code: str) -> None:
    told = counter.get(f"/v1/kpis/{code}", of="product", per="all")["items"]
    shown = {item["code"]: item["value"] for item in told if item["code"] in PRODUCTS}
    assert set(shown) == PRODUCTS
    for product, mine in batches.groupby("product"):
        assert shown[str(product)] == pytest.approx(FIGURES[code](mine)), product


def test_the_rate_of_failed_results_is_what_pandas_counts(
    counter: Counter, collections: dict[str, Frame]
) -> None:
    made = collections["batches"]
    product = made.set_index("uid")["product"].to_dict()
    of_lot = made.set_index("output_lot_uid")["product"].to_dict()
    samples = collections["lab_samples"].set_index("key")
    sampled = samples["batch_uid"].map(product).fillna(samples["lot_uid"].map(of_lot))
    results = collections["results"].assign(product=lambda r: r["sample_key"].map(sampled))
    failed = results["verdict"].eq("fail").groupby(results["product"]).mean()
    told = counter.get("/v1/kpis/oos_rate", of="product", per="all")["items"]
    shown = {item["code"]: item["value"] for item in told if item["code"] in PRODUCTS}
    assert shown == pytest.approx({p: failed[p] for p in PRODUCTS})
    assert max(shown.values()) > 0
