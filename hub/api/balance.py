"""The shapes of balances: sums with the movements they are made of."""

from typing import Literal

from pydantic import AwareDatetime

from hub.api.schemas import Asked, BatchOfEdge, Movement, Reference, Schema, extend, many


class Sum(Schema):
    """A sum in the unit of its dimension, and the ids of the movements that it is made of."""

    quantity: float
    movements: list[int]


BalancedMovement = extend(Movement, "BalancedMovement", {"counts": bool})


class DimensionOfBatch(Schema):
    """What went into and came out of a batch in one dimension.

    `remainder` is what nobody has accounted for. It is null where nothing of the dimension went in, or
    nothing of it came out while something else did.
    """

    dimension: str
    unit: str | None
    by_products: Sum
    out: Sum
    samples: Sum
    losses: Sum
    other: Sum
    remainder: float | None
    remainder_percent: float | None


class StreamOfBatch(Sum):
    """One material in one part of the balance; `also_seen` are movements that other systems saw of it."""

    role: Literal["in", "out", "by_products", "samples", "losses", "other"]
    material: Reference | None
    dimension: str
    unit: str | None
    is_disputed: bool
    also_seen: list[int]


_Dimension = extend(DimensionOfBatch, "BatchDimension", {"in": Sum})


class _BalanceParts(Schema):
    is_complete: bool
    without_amount: list[int]


BatchBalance = extend(
    _BalanceParts,
    "BatchBalance",
    {
        "batch": Reference,
        "merged_from": Asked | None,
        "dimensions": many(_Dimension),
        "streams": list[StreamOfBatch],
        "movements": many(BalancedMovement),
    },
)
BatchBalance.__doc__ = "The mass balance of a batch; `without_amount` count, but nobody says how much."


class SumOfBatch(Sum):
    """What one batch took of a lot."""

    batch: BatchOfEdge


class Stock(Schema):
    """What there is of a lot, who says so and since when."""

    value: float
    unit: str | None
    source: str
    source_record: int
    source_time: AwareDatetime | None


class DimensionOfLot(Schema):
    """What a lot and its sub-lots got and gave; `remaining` by the movements, `remainder` of it not in stock.

    `remaining` is null where nobody states a receipt, `remainder` also where nobody states a stock.
    """

    dimension: str
    unit: str | None
    received: Sum
    produced: Sum
    consumed: Sum
    consumed_by: list[SumOfBatch]
    sampled: Sum
    lost: Sum
    other: Sum
    remaining: float | None
    stock: Stock | None
    remainder: float | None
    remainder_percent: float | None


LotBalance = extend(
    _BalanceParts,
    "LotBalance",
    {
        "lot": Reference,
        "merged_from": Asked | None,
        "dimensions": list[DimensionOfLot],
        "movements": many(BalancedMovement),
    },
)
LotBalance.__doc__ = "The balance of a lot; `without_amount` count, but nobody says how much."
