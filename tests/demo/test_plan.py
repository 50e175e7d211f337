"""The story itself: deterministic, and as MODEL and README promise."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from hub.demo import erp, lims, mes
from hub.demo.curves import Track, trace
from hub.demo.erp_types import ENTITY_TYPES
from hub.demo.kinetics import grow
from hub.demo.ledger import Ledger
from hub.demo.plan import FIRST, NOW, Batch, decided_at, plan_batches
from hub.demo.tags import SPARE, TAGS


def test_two_builds_of_the_plant_are_equal(batches: tuple[Batch, ...]) -> None:
    again = plan_batches()
    assert again == batches
    assert mes.publish_all(again) == mes.publish_all(batches)
    for keep in (erp.keep_books, lims.keep_books):
        assert _rows(keep(again)) == _rows(keep(batches))
    one, two = trace(batches), trace(again)
    assert _digest(one) == _digest(two)


def _rows(ledger: Ledger) -> list[object]:
    kinds = (*ENTITY_TYPES, "samples", "specifications", "usage-decisions")
    return [ledger.rows(kind, at) for at in (FIRST, NOW) for kind in kinds]


def _digest(tracks: Mapping[str, Track]) -> str:
    digest = hashlib.sha256()
    for name, track in tracks.items():
        digest.update(name.encode())
        for array in (track.times, track.values, track.status):
            digest.update(array.tobytes())
    return digest.hexdigest()


def test_the_plant_has_at_least_twelve_batches_on_two_reactors_that_overlap(
    batches: tuple[Batch, ...],
) -> None:
    runs = [b.span("SR-120") for b in batches if b.titre]
    assert len(runs) >= 12
    assert {run.unit for run in runs} == {"BR2000-01", "BR2000-02"}
    for earlier, later in pairwise(runs):
        assert earlier.unit != later.unit
        assert later.start < earlier.end - timedelta(days=5)


def test_no_unit_holds_two_batches_at_once(batches: tuple[Batch, ...]) -> None:
    by_unit: dict[str, list[tuple[datetime, datetime]]] = {}
    for batch in batches:
        for span in batch.spans:
            by_unit.setdefault(span.unit, []).append((span.start, span.end))
    for spans in by_unit.values():
        ordered = sorted(spans)
        assert all(a[1] <= b[0] for a, b in pairwise(ordered))


def test_the_worked_example_has_its_published_times_and_numbers(batches: tuple[Batch, ...]) -> None:
    batch = next(b for b in batches if b.id == "B26-0117")
    assert batch.start == datetime(2026, 3, 2, 6, 11, 4, tzinfo=UTC)
    assert batch.end == datetime(2026, 3, 28, 19, 45, tzinfo=UTC)
    assert batch.span("SR-120").start == datetime(2026, 3, 10, 8, tzinfo=UTC)
    assert batch.span("SR-120").end == datetime(2026, 3, 24, 5, 50, tzinfo=UTC)
    assert (batch.order, batch.campaign, batch.size, batch.titre) == ("1004711", "C26-03", "118.20", 4.9)
    assert decided_at(batch).date().isoformat() == "2026-04-14"
    fill = next(b for b in batches if b.id == "F26-0042")
    assert (fill.uses[0].quantity, fill.uses[1].quantity, fill.size) == ("101.4", "19880", "19742")


def test_a_fed_batch_grows_eats_and_makes_product(batches: tuple[Batch, ...]) -> None:
    for batch in (b for b in batches if b.titre):
        culture = grow(batches)[batch.id]
        assert 14 < culture.viable.max() < 26
        assert culture.viable.argmax() > culture.at(8 * 24)
        assert np.all(np.diff(culture.product) >= 0)
        assert abs(culture.product[-1] - batch.titre) < 1e-9
        assert 0.5 < culture.glucose.min() < culture.glucose.max() < 10
        assert 75 < culture.viability[-1] < culture.viability[0] <= 100


def test_there_are_at_least_forty_tags_and_each_has_a_history_in_order(batches: tuple[Batch, ...]) -> None:
    tracks = trace(batches)
    assert len(tracks) == len(TAGS) >= 40
    for name, track in tracks.items():
        assert len(track.times) == len(track.values) == len(track.status) > 10, name
        assert np.all(np.diff(track.times) > 0), name
    assert SPARE in tracks


def test_erp_rows_carry_exactly_the_declared_fields(batches: tuple[Batch, ...]) -> None:
    ledger = erp.keep_books(batches)
    for kind in ENTITY_TYPES.values():
        rows = erp.rows_of(ledger, kind.name, NOW)
        assert rows, kind.name
        for row in rows:
            assert set(row) == set(kind.fields) | set(kind.links), kind.name
