"""Where a value comes from: the whole chain, on a plant of one batch, on both engines."""

import hashlib
from datetime import timedelta
from typing import Any

import orjson
import pytest

from hub.model import Batch, Identifier, MaterialActual, Quantity
from hub.records.lineage import Looking, Sought, Unknown, trace
from hub.store.answers.things import NotFound
from hub.store.systems import ensure_system
from tests.records.plant import BATCH, END, LOT, NOW, PRODUCT, START, Plant, batch, named, result_of


def chain(plant: Plant, kind: str, name: str, attribute: str, *, history: bool = False) -> dict[str, Any]:
    """Give the chain of a value."""
    with plant.database.read() as connection:
        return trace(Looking(connection, history=history), Sought(kind, name, attribute))


def said(found: dict[str, Any]) -> list[tuple[str, Any, bool]]:
    """Give who says what, and whether it counts."""
    return [(one["source"], one["value"], one["is_winner"]) for one in found["statements"]]


@pytest.fixture
def disputed(plant: Plant) -> Plant:
    """The plant with an ERP that says another size and start than the MES."""
    with plant.database.begin("test") as connection:
        plant.systems["erp"] = ensure_system(connection, "erp", "ERP", now=NOW, connector="test").id
    plant.say("mes", "SIZE", Batch(id=BATCH, actual_size=Quantity.of("9.0", "kg")))
    about = named("B26-0007", "mes", "batch")
    plant.say("erp", "ORDER", Batch(id=about, actual_size=Quantity.of("10000.0", "g"), actual_start=START))
    return plant


def test_a_golden_value_names_the_rule_and_every_voice_with_its_record(disputed: Plant) -> None:
    found = chain(disputed, "batch", "B26-0007", "actual_size")
    assert (found["value"]["value"], found["value"]["unit"]) == (10.0, "kg")
    decided = found["decided_by"]
    assert (decided["how"], decided["decision"]) == ("rule", None)
    assert (decided["rule"]["strategy"], decided["rule"]["version"]) == ("system", 1)
    assert decided["rule"]["source_order"][0] == "ERP"
    assert [(source, value["text"], wins) for source, value, wins in said(found)] == [
        ("erp", "10000.0", True),
        ("mes", "9.0", False),
    ]
    assert found["statements"][1]["in_conflict"]


def test_the_record_is_word_for_word_with_its_hash_its_stream_and_what_read_it(disputed: Plant) -> None:
    record = chain(disputed, "batch", "B26-0007", "actual_size")["statements"][0]["record"]
    assert (record["source"], record["stream"], record["source_key"]) == ("erp", "docs", "ORDER")
    assert (record["connector"], record["mapping_version"]) == ("test/1", "test/1#1")
    assert hashlib.sha256(f"U\n{record['payload']}".encode()).hexdigest() == record["content_hash"]
    assert (record["is_cut"], record["payload_characters"]) == (False, len(record["payload"]))
    assert '"10000.0"' in record["payload"]


def test_history_shows_what_was_said_before_and_what_the_value_was(plant: Plant) -> None:
    plant.say("mes", "EBR-2", Batch(id=BATCH, description="first words"))
    plant.now = NOW + timedelta(hours=1)
    plant.say("mes", "EBR-2", Batch(id=BATCH, description="second words"), version=2)
    now = chain(plant, "batch", "B26-0007", "description")
    assert said(now) == [("mes", "second words", True)]
    assert now["history"] is None
    ever = chain(plant, "batch", "B26-0007", "description", history=True)
    assert [(value, wins) for _, value, wins in said(ever)] == [
        ("second words", True),
        ("first words", False),
    ]
    assert ever["statements"][1]["superseded_at"] is not None
    assert ever["statements"][1]["record"]["seq"] == 1
    values = [state["value"].get("description") for state in ever["history"]]
    assert values[-2:] == ["first words", "second words"]
    assert {state["by"] for state in ever["history"]} == {"hub.resolve"}


def test_a_reference_tells_what_the_stated_name_means_and_why(plant: Plant) -> None:
    found = chain(plant, "batch", "B26-0007", "product")
    assert found["value"]["code"] == PRODUCT.value
    [meant] = found["refers_to"]
    assert meant["name"]["scheme"] == "mes:material_definition"
    assert (meant["type"], meant["code"]) == ("material_definition", "M-1")
    assert [name["value"] for name in meant["names"]] == ["M-1"]


def test_the_code_of_a_thing_comes_from_its_names(plant: Plant) -> None:
    found = chain(plant, "batch", "B26-0007", "code")
    assert (found["value"], found["decided_by"]["how"]) == ("B26-0007", "names")
    assert [(n["scheme"], n["value"]) for n in found["identity"]["names"]] == [("mes:batch", "B26-0007")]


def test_a_value_that_nobody_states_says_so(plant: Plant) -> None:
    found = chain(plant, "batch", "B26-0007", "campaign")
    assert (found["value"], found["statements"]) == (None, [])
    assert found["decided_by"]["how"] == "nobody"


def test_a_fact_is_found_by_its_source_and_key(plant: Plant) -> None:
    found = chain(plant, "test_result", "lims/R-2", "value")
    assert (found["value"]["text"], found["decided_by"]["how"]) == ("4.0", "source")
    [statement] = found["statements"]
    assert statement["record"]["source_key"] == "R2"
    assert orjson.loads(statement["record"]["payload"])[1][1] == "R-2"


def test_a_corrected_fact_points_at_its_newest_record_and_remembers_what_it_was(plant: Plant) -> None:
    plant.now = NOW + timedelta(hours=1)
    plant.say("lims", "R2", *result_of(2, "T2", "4.2"), version=2)
    found = chain(plant, "test_result", "lims/R-2", "value", history=True)
    assert found["statements"][0]["record"]["seq"] == 2
    assert [state["value"]["value_text"] for state in found["history"]] == ["4.0", "4.2"]


def test_movements_that_were_counted_together_lead_to_each_other(disputed: Plant) -> None:
    disputed.say(
        "erp",
        "MOVE",
        MaterialActual(
            key="4900/1",
            batch=named("B26-0007", "mes", "batch"),
            lot=named(LOT.value, "mes", "material_lot"),
            material=named(PRODUCT.value, "mes", "material_definition"),
            use="Produced",
            quantity=Quantity.of("10", "kg"),
        ),
    )
    second = chain(disputed, "material_actual", "erp/4900/1", "quantity")
    assert {(part["source"], part["key"]) for part in second["made_of"]} == {("mes", "B26-0007/out")}
    first = chain(disputed, "material_actual", "mes/B26-0007/out", "count_state")
    assert {(part["source"], part["key"]) for part in first["made_of"]} == {("erp", "4900/1")}
    assert first["made_of"][0]["lineage"] == "material_actual/erp%2F4900%2F1/record"
    assert first["statements"][0]["value"] is None, "no source states how something is counted"


def test_an_edge_of_the_genealogy_leads_to_the_movements_it_was_drawn_from(plant: Plant) -> None:
    plant.say(
        "mes",
        "IN",
        MaterialActual(
            key="B26-0007/in",
            batch=BATCH,
            lot=Identifier(value="RAW-1"),
            material=Identifier(value="RAW"),
            use="Consumed",
            quantity=Quantity.of("12", "kg"),
        ),
    )
    found = chain(plant, "lot_genealogy", f"RAW-1/{LOT.value}", "quantity")
    assert [(edge["quantity"], edge["unit"], edge["batch"]["code"]) for edge in found["value"]] == [
        (12.0, "kg", "B26-0007")
    ]
    assert {(part["what"], part["key"]) for part in found["made_of"]} == {
        ("went_in", "B26-0007/in"),
        ("came_out", "B26-0007/out"),
    }


@pytest.mark.parametrize(
    ("kind", "name", "attribute", "says"),
    [
        ("nonsense", "x", "y", "There is no such type; there are .*batch"),
        ("batch", "B26-0007", "colour", "A batch has no such attribute; it has .*actual_size"),
        ("test_result", "lims/none", "value", "write `<source>/<key>`"),
        ("test_result", "lims/R-1", "colour", "A test_result has no such attribute; it has .*verdict"),
        ("lot_genealogy", "B26-0007-DS/B26-0007-DS", "quantity", "did not go straight into"),
    ],
)
def test_what_does_not_exist_is_said_with_what_does(
    plant: Plant, kind: str, name: str, attribute: str, says: str
) -> None:
    with pytest.raises(Unknown, match=says):
        chain(plant, kind, name, attribute)


def test_a_thing_that_nobody_knows_is_not_found(plant: Plant) -> None:
    with pytest.raises(NotFound):
        chain(plant, "batch", "B99-9999", "status")


def test_a_batch_stated_anew_without_change_keeps_its_chain(plant: Plant) -> None:
    before = chain(plant, "batch", "B26-0007", "actual_end")
    plant.say("lims", "R1", *result_of(1, "T1", "3.0"))
    plant.say("mes", "EBR-3", batch())
    after = chain(plant, "batch", "B26-0007", "actual_end")
    assert before["value"] == after["value"] == END
    assert said(before) == said(after)
