"""Every planted thing is listed, visible where the list says, and known to the README."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.demo import erp, lims
from hub.demo.curves import BAD_STRETCH, trace
from hub.demo.ledger import Ledger
from hub.demo.mes import publish_all
from hub.demo.mess import MESS
from hub.demo.plan import FIRST, MATERIALS, NOW, Batch
from hub.demo.tags import SPARE, TAGS


@pytest.fixture(scope="module")
def books(batches: tuple[Batch, ...]) -> Ledger:
    return erp.keep_books(batches)


@pytest.fixture(scope="module")
def laboratory(batches: tuple[Batch, ...]) -> Ledger:
    return lims.keep_books(batches)


def test_the_readme_names_every_planted_thing(here: Path) -> None:
    readme = (here / "hub/demo/README.md").read_text(encoding="utf-8")
    for mess in MESS.values():
        for told in (f"`{mess.name}`", mess.what, mess.expected, *mess.where):
            assert told in readme


def test_the_readme_names_every_batch_order_material_and_tag(here: Path, batches: tuple[Batch, ...]) -> None:
    readme = (here / "hub/demo/README.md").read_text(encoding="utf-8")
    for batch in batches:
        assert f"| {batch.id} | {batch.id.replace('-', '')} |" in readme
        assert f"| {batch.order} |" in readme
    assert all(f"| {m.number} |" in readme and f"| {m.code} |" in readme for m in MATERIALS.values())
    assert all(f"`{tag}`" in readme for tag in TAGS)


def test_each_batch_has_a_name_in_each_system(
    batches: tuple[Batch, ...], books: Ledger, laboratory: Ledger
) -> None:
    in_erp = {item["Batch"] for item in erp.rows_of(books, "A_ProcessOrderItem_2", NOW)}
    in_lims = {sample["batchRef"] for sample in laboratory.rows("samples", NOW)}
    published = b"".join(d.content for d in publish_all(batches) if d.at <= NOW)
    for batch in batches:
        assert batch.id.replace("-", "") in in_erp
        assert f"<BatchID>{batch.id}</BatchID>".encode() in published
        if batch.titre or lims.decided_at(batch) < NOW:
            assert batch.id.lower().replace("-", " ") in in_lims


def test_the_size_conflict_is_beyond_half_a_percent(books: Ledger) -> None:
    (item,) = [i for i in erp.rows_of(books, "A_ProcessOrderItem_2", NOW) if i["Batch"] == "B260117"]
    assert abs(117.30 / float(item["MfgOrderItemGoodsReceiptQty"]) - 1) > 0.005


def test_issues_of_the_medium_come_to_what_mes_consumed(books: Ledger) -> None:
    def issued(at: Any) -> float:
        items = erp.rows_of(books, "A_MaterialDocumentItem", at)
        signs = {"261": 1, "262": -1}
        return sum(
            signs.get(i["GoodsMovementType"], 0) * float(i["QuantityInBaseUnit"])
            for i in items
            if i["Batch"] == "MP260012"
        )

    assert (issued(FIRST), issued(NOW)) == (1550.0, 1500.0)


def test_only_the_planted_probe_is_ever_bad(batches: tuple[Batch, ...]) -> None:
    suspicious = {name for name, track in trace(batches).items() if track.status.any()}
    assert suspicious == {BAD_STRETCH[0]}


def test_between_first_and_now_each_kind_of_change_happens(
    books: Ledger, laboratory: Ledger, batches: tuple[Batch, ...]
) -> None:
    changes: dict[str, Callable[[Any], object]] = {
        "erp": lambda at: erp.rows_of(books, "A_MaterialDocumentItem", at),
        "lims": lambda at: laboratory.rows("samples", at),
        "mes": lambda at: [d.name for d in publish_all(batches) if d.at <= at],
        "historian": lambda at: [int((t.times <= at.timestamp()).sum()) for t in trace(batches).values()],
    }
    for name, state in changes.items():
        assert state(FIRST) != state(NOW), name


def test_the_spare_probe_hangs_on_no_unit(batches: tuple[Batch, ...]) -> None:
    assert trace(batches)[SPARE].tag.equipment is None
