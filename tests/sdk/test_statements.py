"""What one document states: a value that cannot be read costs only itself, and is told in plain words."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pytest

from hub.model import MaterialDefinition, MaterialLot, Record
from hub.sdk import BadRecord, Config, Cursor, Document, Health, Page, Rejected, Stream
from hub.sdk.statements import ObjectSource, Statements


class Shelf(ObjectSource[Config]):
    """A source of lots with an amount and a date."""

    name: ClassVar[str] = "shelf"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config

    def check(self) -> Health:
        return Health(system="shelf")

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="lots")]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        return iter(())

    def tell(self, facts: Statements, item: dict[str, Any], kind: str) -> None:
        if kind != "lot":
            raise BadRecord(f"it is no lot but a {kind}")
        facts.state(
            MaterialLot,
            "lot",
            id=item.get("name"),
            quantity=facts.quantity(item.get("amount"), item.get("unit"), "amount"),
            expires_at=facts.instant(item.get("expires"), "expires"),
        )
        facts.state(MaterialDefinition, "product", id=item.get("product"))


def parse(payload: str, kind: str = "lot", **settings: Any) -> list[Record | Rejected]:
    document = Document(object_type=kind, key="L1", payload=payload)
    return list(Shelf(Config.model_validate(settings)).parse(document))


def test_a_value_that_cannot_be_read_costs_only_itself() -> None:
    fault, lot, product = parse('{"name": "L1", "amount": "5", "unit": "barrels of ale", "product": "P"}')
    assert isinstance(lot, MaterialLot)
    assert lot.quantity is None
    assert isinstance(product, MaterialDefinition)
    assert isinstance(fault, Rejected)
    assert fault.where == "lot L1/amount"
    assert fault.reason.startswith("unit 'barrels of ale' is not known")


def test_a_record_that_cannot_be_made_costs_only_itself() -> None:
    lot, fault = parse('{"name": "L1", "product": ""}')
    assert isinstance(lot, MaterialLot)
    assert isinstance(fault, Rejected)
    assert fault.where.startswith("lot L1/product")


@pytest.mark.parametrize("nothing", ["null", "false", '""'])
def test_nothing_is_stated_of_what_is_absent(nothing: str) -> None:
    lot, _ = parse(f'{{"name": "L1", "product": "P", "amount": {nothing}, "expires": {nothing}}}')
    assert isinstance(lot, MaterialLot)
    assert (lot.quantity, lot.expires_at) == (None, None)


def test_zero_is_an_amount() -> None:
    lot, _ = parse('{"name": "L1", "product": "P", "amount": 0, "unit": "kg"}')
    assert isinstance(lot, MaterialLot)
    assert lot.quantity is not None
    assert lot.quantity.value == 0


def test_a_local_time_needs_the_sources_zone() -> None:
    written = '{"name": "L1", "product": "P", "expires": "2027-03-01T00:00:00"}'
    fault, lot, _ = parse(written)
    assert isinstance(fault, Rejected)
    assert "timezone" in fault.reason
    assert isinstance(lot, MaterialLot)
    (told, _) = parse(written, timezone="Europe/Dublin")
    assert isinstance(told, MaterialLot)
    assert told.expires_at is not None


@pytest.mark.parametrize("payload", ["", "[]", "{", "3"])
def test_what_is_no_object_is_a_bad_record(payload: str) -> None:
    with pytest.raises(BadRecord):
        parse(payload)


def test_a_kind_of_another_is_refused_and_a_deleted_object_states_nothing() -> None:
    with pytest.raises(BadRecord, match="no lot but a box"):
        parse("{}", kind="box")
    gone = Document(object_type="lot", key="L1", payload="", deleted=True)
    shelf = Shelf(Config())
    assert (list(shelf.parse(gone)), list(shelf.places(gone))) == ([], [])


def test_places_say_which_part_states_each_record() -> None:
    document = Document(object_type="lot", key="L1", payload='{"name": "L1", "product": "P"}')
    assert [placed.at for placed in Shelf(Config()).places(document)] == ["lot", "product"]
