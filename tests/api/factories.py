"""One function a row, with explicit defaults, and a small plant whose mess every list can show."""

import itertools
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, insert, update

from hub.model import SAMPLE_SCHEMA, normalise
from hub.resolve.precedence import DEFAULT_RULES
from hub.store.rules import add_missing_rules
from hub.store.samples import put_samples
from hub.store.schemes import save_scheme_groups
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    assertion,
    identifier,
    link_decision,
    lot_genealogy,
    quarantine,
    source,
    source_record,
    source_system,
    stream,
)

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
START = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def add(connection: Connection, table: Any, /, **values: Any) -> int:
    """Insert a row, give its key."""
    return int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())


def add_system(connection: Connection, code: str = "mes", kind: str = "MES", **values: Any) -> int:
    system = add(
        connection,
        source_system,
        code=code,
        kind=kind,
        connector=values.pop("connector", "b2mml"),
        recorded_at=NOW,
    )
    add(connection, source, source_system_id=system, state="ok", system=f"{code} 1.0", checked_at=NOW)
    return system


def add_stream(connection: Connection, system: int, name: str = "records", **values: Any) -> int:
    row: dict[str, Any] = {
        "kind": "records",
        "state": "idle",
        "due_at": NOW,
        "updated_at": NOW,
        "last_success_at": NOW - timedelta(minutes=3),
        "documents": 12,
        "records": 140,
    }
    return add(connection, stream, source_system_id=system, name=name, **{**row, **values})


def add_record(connection: Connection, system: int, payload: str = '{"id": "1"}', **values: Any) -> int:
    row: dict[str, Any] = {
        "object_type": "BatchProductionRecord",
        "source_key": f"doc-{next(_numbers)}",
        "seq": 1,
        "op": "U",
        "content_hash": "0" * 64,
        "media_type": "application/json",
        "received_at": NOW,
        "mapping_version": "b2mml 1.0",
    }
    return add(connection, source_record, source_system_id=system, payload=payload, **{**row, **values})


def add_thing(connection: Connection, kind: str, code: str = "B26-0117", /, **values: Any) -> int:
    row: dict[str, Any] = {
        "uid": str(uuid.uuid4()),
        "lifecycle": "active",
        "version": 1,
        "recorded_at": NOW,
        "has_conflict": False,
    }
    return add(connection, ENTITY_TABLES[kind], code=code, **{**row, **values})


def add_name(connection: Connection, kind: str, thing: int, value: str = "B26-0117", /, **values: Any) -> int:
    label = values.get("label", value)
    row: dict[str, Any] = {
        "scheme": "mes:batch",
        "label": label,
        "value_norm": normalise(label),
        "method": "native",
        "recorded_at": NOW,
        "origin_entity_id": thing,
    }
    return add(connection, identifier, entity_type=kind, entity_id=thing, value=value, **{**row, **values})


def add_assertion(
    connection: Connection,
    kind: str,
    thing: int,
    attribute: str,
    /,
    *,
    system: int,
    record: int,
    **values: Any,
) -> int:
    row: dict[str, Any] = {"value": "x", "recorded_at": NOW, "is_winner": True, "in_conflict": False}
    return add(
        connection,
        assertion,
        entity_type=kind,
        entity_id=thing,
        attribute=attribute,
        source_system_id=system,
        source_record_id=record,
        **{**row, **values},
    )


def add_link(connection: Connection, kind: str, one: int, other: int, /, **values: Any) -> int:
    said = [{"source": "mes", "record": "doc 1", "value": "mes:material_lot|L-1"}]
    row: dict[str, Any] = {
        "method": "rule",
        "state": "proposed",
        "score": 0.93,
        "evidence": {"rules": [{"rule": "same output lot", "said": said}]},
        "decided_by": "hub.resolve",
        "decided_at": NOW,
    }
    pair = {"identifier_id": min(one, other), "candidate_id": max(one, other)}
    return add(connection, link_decision, entity_type=kind, **pair, **{**row, **values})


def add_fact(connection: Connection, kind: str, /, *, system: int, record: int, **values: Any) -> int:
    row: dict[str, Any] = {
        "source_key": f"{kind}-{next(_numbers)}",
        "content_hash": "0" * 64,
        "recorded_at": NOW,
        "is_retracted": False,
        "version": 1,
    }
    return add(
        connection,
        FACT_TABLES[kind],
        source_system_id=system,
        source_record_id=record,
        **{**row, **values},
    )


def add_held(connection: Connection, system: int, **values: Any) -> int:
    row: dict[str, Any] = {
        "stream": "records",
        "object_type": "document",
        "source_key": "EBR-2026-0131.xml",
        "part": "document",
        "reason": "not well-formed XML: line 41, column 9: tag SegmentResponse is not closed",
        "remedy": "send the document again from the MES; it replaces this one",
        "payload": "<BatchProductionRecord><ID>EBR-2026-0131</ID><SegmentResponse>",
        "media_type": "application/xml",
        "content_hash": "0" * 64,
        "connector": "b2mml 1.0",
        "state": "open",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    return add(connection, quarantine, source_system_id=system, **{**row, **values})


def add_samples(
    connection: Connection,
    tag: int,
    values: Sequence[float | None],
    *,
    start: datetime = START,
    step_s: float = 60.0,
    bad: range = range(0),
    seq: int = 1,
    now: datetime = NOW,
) -> int:
    """Put one sample each `step_s` seconds; those whose number is in `bad` have the status Bad."""
    times = [start + timedelta(seconds=step_s * at) for at in range(len(values))]
    table = pa.table(
        {
            "tag": pa.array(["t"] * len(values), pa.string()),
            "ts": pa.array(times, pa.timestamp("us", tz="UTC")),
            "value": pa.array([None if at in bad else v for at, v in enumerate(values)], pa.float64()),
            "text": pa.array([None] * len(values), pa.string()),
            "quality": pa.array([0x80000000 if at in bad else 0 for at in range(len(values))], pa.uint32()),
        },
        schema=SAMPLE_SCHEMA,
    )
    return put_samples(connection, f"historian.{tag}", seq, table, {"t": tag}, now=now)


def add_plant(connection: Connection) -> dict[str, int]:
    """Fill a store with one batch as four systems see it, and a few things that need a person.

    The batch is named three ways; MES and ERP disagree on its size; the ERP posting of the medium was
    reversed; one result failed and was repeated; a tag belongs nowhere; a document is broken.
    """
    add_missing_rules(connection, DEFAULT_RULES, by="plantwide", now=NOW)
    mes = add_system(connection, "mes", "MES")
    erp = add_system(connection, "sap.prd", "ERP", connector="sap_odata")
    lims = add_system(connection, "lims", "LIMS", connector="rest")
    historian = add_system(connection, "pi", "HISTORIAN", connector="opcua")
    for system in (mes, erp, lims):
        add_stream(connection, system)
    add_stream(connection, historian, "history", kind="samples", records=0, samples=58_320)
    said = {
        "mes": add_record(connection, mes, "<ID>B26-0117</ID>", media_type="application/xml"),
        "erp": add_record(
            connection, erp, '{"ManufacturingOrder":"000001004711","MfgOrderItemGoodsReceiptQty":"118.200"}'
        ),
        "lims": add_record(connection, lims, '{"sampleId":"S-2026-004811","batchRef":"b26 0117"}'),
        "pi": add_record(connection, historian, '{"Name":"B26-0117 BR2000-01 FedBatch"}'),
    }
    site = add_thing(
        connection, "equipment", "CRK", level="Site", description="Cork", timezone="Europe/Dublin"
    )
    cell = add_thing(connection, "equipment", "CRK-DS1", level="ProcessCell", parent_id=site)
    reactor = add_thing(
        connection, "equipment", "BR2000-01", level="Unit", parent_id=cell, description="2000 L bioreactor"
    )
    column = add_thing(
        connection, "equipment", "CH-01", level="Unit", parent_id=cell, description="Protein A skid"
    )
    product = add_thing(
        connection,
        "material_definition",
        "300214",
        description="mAb 214 drug substance",
        stage="drug_substance",
    )
    medium = add_thing(
        connection, "material_definition", "MEDIA-PRD", description="Production medium", stage="raw"
    )
    add_name(connection, "material_definition", product, "300214", scheme="sap.prd:material")
    add_name(
        connection, "material_definition", product, "MAB214-DS", scheme="mes:material", method="declared"
    )
    order = add_thing(
        connection,
        "operations_request",
        "1004711",
        state="Completed",
        product_id=product,
        planned_start=START - timedelta(days=8),
    )
    recipe = add_thing(connection, "recipe", "MAB214-CTL", kind="control", recipe_version="7")
    lot = add_thing(
        connection,
        "material_lot",
        "B26-0117-DS",
        kind="lot",
        material_id=product,
        quantity=118.2,
        quantity_unit="kg",
        disposition="UnRestricted",
    )
    medium_lot = add_thing(connection, "material_lot", "MP-26-0012", kind="lot", material_id=medium)
    cells = add_thing(connection, "material_lot", "WCB-214-07", kind="starting")
    add_name(connection, "material_lot", lot, "300214|1010|B260117", label="B260117", scheme="sap.prd:batch")
    batch = add_thing(
        connection,
        "batch",
        "B26-0117",
        description="Fed-batch, campaign C26-03",
        kind="batch",
        status="Complete",
        product_id=product,
        operations_request_id=order,
        recipe_id=recipe,
        output_lot_id=lot,
        equipment_id=reactor,
        planned_start=START - timedelta(days=8),
        actual_start=START - timedelta(days=8, hours=2),
        actual_end=START + timedelta(days=18),
        planned_size=120.0,
        planned_size_unit="kg",
        actual_size=118.2,
        actual_size_unit="kg",
        has_conflict=True,
    )
    add_name(connection, "batch", batch, "B26-0117")
    add_name(connection, "batch", batch, "b26 0117", scheme="lims:batch", method="normalised")
    add_name(connection, "batch", batch, "B260117", scheme="sap.prd:batch_text", method="normalised")
    for code, offset, status in (("B26-0118", 5, "Running"), ("B26-0119", 9, "Complete")):
        other = add_thing(
            connection,
            "batch",
            code,
            kind="batch",
            status=status,
            product_id=product,
            actual_start=START + timedelta(days=offset),
        )
        running = add_name(connection, "batch", other, code)
    stub = add_thing(connection, "batch", "B26-0199", lifecycle="stub")
    lonely = add_name(connection, "batch", stub, "B26-0199", scheme="lims:batch")

    add_link(connection, "batch", lonely, running)
    save_scheme_groups(connection, {"batch": [["mes:batch", "lims:batch"]]}, now=NOW)

    amount: Any = {"value": 117.3, "unit": "kg", "text": "117.30", "source_unit": "kg"}
    add_assertion(
        connection,
        "batch",
        batch,
        "actual_size",
        system=mes,
        record=said["mes"],
        value=amount,
        is_winner=False,
        in_conflict=True,
    )
    add_assertion(
        connection,
        "batch",
        batch,
        "actual_size",
        system=erp,
        record=said["erp"],
        value={"value": 118.2, "unit": "kg", "text": "118200.000", "source_unit": "G"},
        in_conflict=True,
    )
    add_assertion(connection, "batch", batch, "status", system=mes, record=said["mes"], value="Complete")
    add_assertion(
        connection,
        "batch",
        batch,
        "actual_start",
        system=mes,
        record=said["mes"],
        value="2026-03-02T06:00:00Z",
    )
    add_assertion(
        connection,
        "batch",
        batch,
        "actual_start",
        system=erp,
        record=said["erp"],
        value="2026-03-02T00:00:00Z",
        is_winner=False,
    )
    add_assertion(
        connection,
        "batch",
        batch,
        "product",
        system=erp,
        record=said["erp"],
        value={"scheme": "sap.prd:material", "value": "300214", "label": "300214"},
    )
    add_assertion(
        connection,
        "batch",
        batch,
        "product",
        system=mes,
        record=said["mes"],
        value={"scheme": "mes:material", "value": "MAB214-DS", "label": "MAB214-DS"},
        is_winner=False,
    )

    add_phases(connection, batch, mes=mes, record=said["mes"], reactor=reactor, column=column)
    add_fact(
        connection,
        "segment_response",
        system=historian,
        record=said["pi"],
        batch_id=batch,
        name="FedBatch",
        level="unit_procedure",
        occurrence=1,
        equipment_id=reactor,
        actual_start=START - timedelta(seconds=99),
        actual_end=START + timedelta(days=13, hours=21),
        same_as_id=2,
    )
    add_materials(
        connection,
        batch,
        lots=(medium_lot, lot),
        materials=(medium, product),
        systems=(mes, erp),
        records=(said["mes"], said["erp"]),
    )
    add_results(connection, batch, lims=lims, record=said["lims"])
    add_fact(
        connection,
        "operations_event",
        system=mes,
        record=said["mes"],
        batch_id=batch,
        event_type="Alarm",
        subtype="Process",
        at=START + timedelta(days=6, hours=3),
        priority="high",
        equipment_id=reactor,
        comment="Dissolved oxygen below 30 % for 11 min",
        value_num=28.4,
        value_text="28.4",
        unit="%",
    )

    tags: dict[str, int] = {}
    for code, name, unit, low, high in (
        ("BR2000-01.TEMP", "temperature", "Cel", 36.5, 37.5),
        ("BR2000-01.DO", "dissolved oxygen", "%", 30.0, None),
        ("BR2000-01.PH", "pH", "[pH]", 6.8, 7.2),
        ("BR2000-01.VCD", "viable cell density", "10*6/mL", None, None),
    ):
        tags[code] = add_thing(
            connection, "tag", code, equipment_id=reactor, property=name, unit=unit, low=low, high=high
        )
    rng = np.random.default_rng(7)
    minutes = np.arange(0, 14 * 24 * 60, 10)
    days = minutes / 1440
    curves = {
        "BR2000-01.TEMP": 37 + 0.08 * rng.standard_normal(minutes.size) - 1.5 * (days > 7),
        "BR2000-01.DO": 40
        + 6 * np.sin(days * 3)
        + rng.standard_normal(minutes.size)
        - 9 * ((days > 6.1) & (days < 6.2)),
        "BR2000-01.PH": 7 + 0.05 * np.sin(days) + 0.01 * rng.standard_normal(minutes.size),
        "BR2000-01.VCD": 25 / (1 + np.exp(-(days - 5))) * np.exp(-np.maximum(days - 10, 0) / 8),
    }
    for code, curve in curves.items():
        bad = range(700, 820) if code.endswith("PH") else range(0)
        add_samples(connection, tags[code], [float(v) for v in curve], step_s=600, bad=bad)
    stray = add_thing(connection, "tag", "PLC7.AI_0042", source_unit="mbar", description="(no text)")
    add_samples(connection, stray, [1.0, 2.0, 3.0])
    held = add_held(connection, mes)
    for one, two, kind in ((cells, medium_lot, "consume"), (medium_lot, lot, "consume")):
        add(
            connection,
            lot_genealogy,
            input_lot_id=one,
            output_lot_id=two,
            batch_id=batch,
            kind=kind,
            quantity=1500.0,
            unit="kg",
        )
    return {
        "batch": batch,
        "lot": lot,
        "medium_lot": medium_lot,
        "cells": cells,
        "reactor": reactor,
        "stub": stub,
        "product": product,
        "held": held,
        "stray": stray,
        "mes": mes,
        "erp": erp,
        "lims": lims,
        **tags,
        "record_mes": said["mes"],
        "record_erp": said["erp"],
        "record_lims": said["lims"],
    }


def add_phases(
    connection: Connection, batch: int, *, mes: int, record: int, reactor: int, column: int
) -> None:
    """Add unit procedures with operations and phases in them."""
    spans = (
        ("N-1 expansion", -8, -0.2, column, ()),
        (
            "Fed-batch 2000 L",
            0,
            13.9,
            reactor,
            (("Inoculate", 0, 0.3), ("Growth", 0.3, 6.9), ("Production", 7, 13.5), ("Harvest", 13.5, 13.9)),
        ),
        ("Protein A capture", 14.2, 15.4, column, (("Load", 14.2, 14.8), ("Elute", 14.9, 15.4))),
    )
    for name, first, last, unit, inner in spans:
        parent = add_fact(
            connection,
            "segment_response",
            system=mes,
            record=record,
            batch_id=batch,
            name=name,
            level="unit_procedure",
            occurrence=1,
            equipment_id=unit,
            state="Completed",
            actual_start=START + timedelta(days=first),
            actual_end=START + timedelta(days=last),
        )
        for number, (label, begin, end) in enumerate(inner):
            add_fact(
                connection,
                "segment_response",
                system=mes,
                record=record,
                batch_id=batch,
                name=label,
                level="operation",
                occurrence=1,
                equipment_id=unit,
                state="Aborted" if number == 3 and label == "Harvest" else "Completed",
                parent_key=name,
                parent_id=parent,
                actual_start=START + timedelta(days=begin),
                actual_end=START + timedelta(days=end),
            )


def add_materials(
    connection: Connection,
    batch: int,
    *,
    lots: tuple[int, int],
    materials: tuple[int, int],
    systems: tuple[int, int],
    records: tuple[int, int],
) -> None:
    """Add MES consumption, the ERP's issue, its reversal and its second issue, and the receipt."""
    mes, erp = systems
    base: dict[str, Any] = {
        "batch_id": batch,
        "at": START,
        "lot_id": lots[0],
        "material_id": materials[0],
        "use": "Consumed",
        "unit": "kg",
        "source_unit": "KG",
    }
    seen = add_fact(
        connection,
        "material_actual",
        system=mes,
        record=records[0],
        **base,
        quantity=1500.0,
        quantity_text="1500",
        count_state="counted",
        count_quantity=1500.0,
        count_unit="kg",
    )
    for number, quantity in enumerate((1550.0, -1550.0, 1500.0)):
        row = {
            **base,
            "quantity": quantity,
            "quantity_text": f"{quantity:.3f}",
            "count_state": "same_as",
            "same_as_id": seen,
        }
        add_fact(
            connection,
            "material_actual",
            system=erp,
            record=records[1],
            source_key=f"4900000{number}",
            reverses_key="49000000" if number == 1 else None,
            **row,
        )
    out = {
        **base,
        "lot_id": lots[1],
        "material_id": materials[1],
        "use": "Produced",
        "at": START + timedelta(days=18),
    }
    received = add_fact(
        connection,
        "material_actual",
        system=erp,
        record=records[1],
        **{**out, "source_unit": "G"},
        quantity=118.2,
        quantity_text="118200.000",
        count_state="counted",
        count_quantity=118.2,
        count_unit="kg",
    )
    add_fact(
        connection,
        "material_actual",
        system=mes,
        record=records[0],
        **out,
        quantity=117.3,
        quantity_text="117.30",
        count_state="disputed",
        count_difference=-0.9,
        disputes_id=received,
    )


def add_results(connection: Connection, batch: int, *, lims: int, record: int) -> None:
    """Add a failed result with its repeat, a censored one and a corrected one."""
    specification = add_thing(connection, "test_specification", "SPEC-214-DS", specification_version="3")
    criteria = {
        test: add_fact(
            connection,
            "test_criterion",
            system=lims,
            record=record,
            specification_id=specification,
            test_code=test,
            lower=low,
            upper=high,
            unit=unit,
            is_cqa=True,
            method=f"M-{test}",
        )
        for test, low, high, unit in (
            ("HCP", None, 100.0, "ng/mg"),
            ("ENDO", None, 0.5, "[EU]/mg"),
            ("TITRE", 2.0, 6.0, "g/L"),
        )
    }
    sample = add_fact(
        connection,
        "sample",
        system=lims,
        record=record,
        code="S-2026-004811",
        batch_id=batch,
        taken_at=START + timedelta(days=16),
        status="approved",
    )
    base: dict[str, Any] = {
        "system": lims,
        "record": record,
        "sample_id": sample,
        "sample_key": "S-2026-004811",
        "kind": "measured",
        "measured_at": START + timedelta(days=17),
    }
    failed = add_fact(
        connection,
        "test_result",
        **base,
        source_key="R-91203",
        test_code="HCP",
        criterion_id=criteria["HCP"],
        replicate=1,
        value_num=118.0,
        value_text="118",
        unit="ng/mg",
        verdict="fail",
    )
    add_fact(
        connection,
        "test_result",
        **base,
        source_key="R-91250",
        test_code="HCP",
        criterion_id=criteria["HCP"],
        replicate=2,
        retest_of_key="R-91203",
        retest_of_id=failed,
        value_num=41.0,
        value_text="41",
        unit="ng/mg",
        verdict="pass",
    )
    add_fact(
        connection,
        "test_result",
        **base,
        test_code="ENDO",
        criterion_id=criteria["ENDO"],
        replicate=1,
        value_num=0.05,
        value_text="<0.05",
        comparator="<",
        unit="[EU]/mg",
        verdict="pass",
    )
    add_fact(
        connection,
        "test_result",
        **base,
        test_code="TITRE",
        criterion_id=criteria["TITRE"],
        replicate=1,
        value_num=3.1,
        value_text="3.10",
        unit="g/L",
        source_unit="mg/mL",
        verdict="pass",
        version=2,
    )


def merge(connection: Connection, kind: str, loser: int, survivor: int) -> None:
    """Mark a thing as merged into another."""
    table = ENTITY_TABLES[kind]
    connection.execute(
        update(table).where(table.c.id == loser).values(lifecycle="merged", merged_into_id=survivor)
    )
