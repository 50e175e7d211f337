from datetime import timedelta
from itertools import pairwise

from hub.store.tables import lot_genealogy
from tests.api.conftest import Counter
from tests.api.factories import START, add, add_assertion, add_fact, add_samples, add_thing


def test_conflicts_of_all_things_come_by_pages(counter: Counter) -> None:
    plant = counter.plant
    with counter.database.begin("test") as connection:
        for kind, thing in (("material_lot", plant["lot"]), ("equipment", plant["reactor"])):
            for system, record, wins in (
                (plant["mes"], plant["record_mes"], True),
                (plant["erp"], plant["record_erp"], False),
            ):
                add_assertion(
                    connection,
                    kind,
                    thing,
                    "description",
                    system=system,
                    record=record,
                    value=f"{system}",
                    is_winner=wins,
                    in_conflict=True,
                )
    found, cursor = [], None
    while True:
        page = counter.get("/v1/conflicts", limit=1, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [(c["entity_type"], c["entity"]["code"], c["attribute"], len(c["statements"])) for c in found] == [
        ("batch", "B26-0117", "actual_size", 2),
        ("equipment", "BR2000-01", "description", 2),
        ("material_lot", "B26-0117-DS", "description", 2),
    ]


def test_disputed_movements_are_conflicts_too(looked_at: Counter) -> None:
    moves = looked_at.get("/v1/conflicts/movements")["items"]
    assert [(m["source"], m["quantity"]["value"]) for m in moves] == [("mes", 117.3)]


def test_completeness_tells_results_without_process_data(either_counter: Counter) -> None:
    counter, plant = either_counter, either_counter.plant
    with counter.database.begin("test") as connection:
        silent = add_thing(
            connection,
            "batch",
            "SILENT",
            equipment_id=plant["reactor"],
            actual_start=START - timedelta(days=90),
            actual_end=START - timedelta(days=80),
        )
        sample = add_fact(
            connection,
            "sample",
            system=plant["lims"],
            record=plant["record_lims"],
            code="S1",
            batch_id=silent,
        )
        add_fact(
            connection,
            "test_result",
            system=plant["lims"],
            record=plant["record_lims"],
            sample_id=sample,
            sample_key="S1",
            test_code="T",
            kind="measured",
            value_text="1",
        )
    report = counter.get("/v1/completeness", having="results", missing="samples")
    assert [batch["code"] for batch in report["items"]] == ["SILENT"]
    assert report["summary"]["results_without_samples"] == 1
    assert report["summary"]["batches"] == 5


def test_a_hole_inside_one_put_is_no_data(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        press = add_thing(connection, "equipment", "PRESS", level="Unit")
        tag = add_thing(connection, "tag", "FORCE", equipment_id=press)
        first, second, third = (
            add_thing(
                connection,
                "batch",
                code,
                equipment_id=press,
                actual_start=START + timedelta(hours=at),
                actual_end=START + timedelta(hours=at + 1),
            )
            for code, at in (("P1", 0), ("P2", 2), ("P3", 4))
        )
        values = [1.0] * 2
        add_samples(connection, tag, values, start=START, step_s=4 * 3600 + 60)
    lacking = {batch["code"] for batch in counter.get("/v1/completeness", missing="samples")["items"]}
    assert "P2" in lacking
    assert not {"P1", "P3"} & lacking
    assert first < second < third


def test_a_lot_is_traced_both_ways_within_bounds(looked_at: Counter) -> None:
    back = looked_at.get("/v1/lots/B260117/genealogy")
    assert [(lot["depth"], lot["code"]) for lot in back["lots"]] == [
        (0, "B26-0117-DS"),
        (1, "MP-26-0012"),
        (2, "WCB-214-07"),
    ]
    assert len(back["edges"]) == 2
    assert back["is_complete"]
    forth = looked_at.get("/v1/lots/WCB-214-07/genealogy", direction="forward", depth=1)
    assert [lot["code"] for lot in forth["lots"]] == ["WCB-214-07", "MP-26-0012"]
    assert not forth["is_complete"]
    cut = looked_at.get("/v1/lots/B260117/genealogy", limit=1)
    assert (len(cut["lots"]), cut["is_complete"]) == (2, False)


def test_a_trace_meets_each_lot_once_even_in_a_ring_and_a_mesh(either_counter: Counter) -> None:
    counter = either_counter
    with counter.database.begin("test") as connection:
        layers = [
            [add_thing(connection, "material_lot", f"L{layer}-{at}") for at in range(6)] for layer in range(8)
        ]
        for upper, lower in pairwise(layers):
            for one in upper:
                for two in lower:
                    add(connection, lot_genealogy, input_lot_id=one, output_lot_id=two, kind="consume")
        add(connection, lot_genealogy, input_lot_id=layers[-1][0], output_lot_id=layers[0][0], kind="rework")
    found = counter.get("/v1/lots/L7-0/genealogy")
    assert len(found["lots"]) == 43
    assert max(lot["depth"] for lot in found["lots"]) <= 8
    assert found["is_complete"]


def test_equipment_is_a_tree_with_paths(looked_at: Counter) -> None:
    nodes = looked_at.get("/v1/equipment")["items"]
    assert [(node["depth"], node["path"]) for node in nodes] == [
        (0, "CRK"),
        (1, "CRK/CRK-DS1"),
        (2, "CRK/CRK-DS1/BR2000-01"),
        (2, "CRK/CRK-DS1/CH-01"),
    ]
    assert nodes[2]["parent"] == nodes[1]["uid"]
    assert nodes[2]["tags"] == 4


def test_sources_show_rows_lag_and_what_is_held(looked_at: Counter) -> None:
    sources = {source["code"]: source for source in looked_at.get("/v1/sources")["items"]}
    assert sources["mes"]["quarantined"] == 1
    assert sources["pi"]["streams"][0]["samples"] == 58_320
    assert sources["mes"]["streams"][0]["lag_s"] >= 0


def test_quarantine_gives_the_payload_word_for_word(looked_at: Counter) -> None:
    listed = looked_at.get("/v1/quarantine", source="mes")["items"]
    assert "payload" not in listed[0]
    held = looked_at.get(f"/v1/quarantine/{listed[0]['id']}")
    assert held["payload"].startswith("<BatchProductionRecord><ID>EBR-2026-0131")
    assert held["remedy"]
    assert looked_at.get("/v1/quarantine", state="resolved")["items"] == []


def test_units_are_listed_with_their_spellings(looked_at: Counter) -> None:
    units = {unit["code"]: unit for unit in looked_at.get("/v1/units")["items"]}
    assert "G" in units["g"]["aliases"]
