"""The worked example where nobody has declared the substance: a rule proposes, a steward decides (MODEL §5).

SAP's material 300214 and the MES's MAB214-DS share nothing that a machine could compare; both are said of the
lot that order 1004711 made.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.ingest.sources import Project
from hub.resolve.judged import judge, undo
from hub.store.answers.links import Wanted, list_links
from hub.store.tables import ENTITY_TABLES, FACT_TABLES
from tests.journeys.test_worked_example import (
    SOURCES,
    Arrivals,
    Deliveries,
    deliveries,
    names_of,
    project,
)
from tests.swift import swift

__all__ = ["deliveries", "project"]  # fixtures of the example

SAP, MES = "sap.prd:material_definition|300214", "mes:material_definition|MAB214-DS"
PAIR = {("sap.prd:material_definition", "300214"), ("mes:material_definition", "MAB214-DS")}


@pytest.fixture
def arrivals(
    migrated_url: str, project: Project, deliveries: Deliveries, tmp_path: Path
) -> Iterator[Arrivals]:
    """A store that knows the site's whitelist, and a crosswalk without the substance."""
    declared = {
        kind: [some for some in things if "300214" not in {n.value for n in some}]
        for kind, things in project.identity.declared.items()
    }
    without = replace(project, identity=project.identity.model_copy(update={"declared": declared}))
    one = Arrivals(tmp_path, without, deliveries, swift(migrated_url))
    one.settle()
    yield one
    one.database.close()


def arrive(arrivals: Arrivals, *order: str) -> None:
    for what in order:
        arrivals.take(what)
        arrivals.resolve()


def proposed(arrivals: Arrivals) -> list[dict[str, Any]]:
    with arrivals.database.read() as connection:
        return list_links(connection, Wanted("material_definition", "proposed", "rule")).items


def confirm(arrivals: Arrivals) -> int:
    return judge(
        arrivals.database,
        "material_definition",
        (SAP, MES),
        decision="same",
        reason="label of B26-0117-DS compared with the batch record",
        by="steward",
    )


def made_lot(arrivals: Arrivals) -> Any:
    table = ENTITY_TABLES["material_lot"]
    (row,) = arrivals.rows(select(table).where(table.c.code == "B26-0117-DS"))
    return row


def test_the_rule_proposes_the_two_materials_of_the_lot_that_was_made(arrivals: Arrivals) -> None:
    arrive(arrivals, *SOURCES)
    (found,) = proposed(arrivals)
    assert {found["one"]["label"], found["other"]["label"]} == {"300214", "MAB214-DS"}
    (rule,) = found["evidence"]["rules"]
    assert rule["rule"] == "same produced lot"
    (lot,) = rule["lots"]
    assert lot["lot"] == "B26-0117-DS"
    assert {(said["source"], said["value"]) for said in lot["said"]} == {("sap.prd", SAP), ("mes", MES)}


def test_nothing_is_merged_and_the_lot_is_in_conflict_until_the_steward_confirms(arrivals: Arrivals) -> None:
    arrive(arrivals, *SOURCES)
    assert names_of(arrivals, "material_definition", "300214") == {("sap.prd:material_definition", "300214")}
    assert made_lot(arrivals).has_conflict
    confirm(arrivals)
    assert names_of(arrivals, "material_definition", "300214") == PAIR
    assert not made_lot(arrivals).has_conflict
    assert proposed(arrivals) == []


def test_what_pointed_at_either_material_points_at_the_one_that_is_left(arrivals: Arrivals) -> None:
    arrive(arrivals, *SOURCES)
    confirm(arrivals)
    materials = ENTITY_TABLES["material_definition"].c
    (merged,) = arrivals.rows(select(materials.id).where(materials.lifecycle == "merged"))
    for table in (*ENTITY_TABLES.values(), *FACT_TABLES.values()):
        for column in table.c:
            target = next(iter(column.foreign_keys), None)
            if target and target.column.table is ENTITY_TABLES["material_definition"]:
                pointing = select(table.c.id).where(column == merged.id)
                assert arrivals.rows(pointing) == [], f"{table.name}.{column.name}"


def test_undoing_it_gives_back_every_byte_whatever_came_in_between(
    arrivals: Arrivals, tmp_path: Path
) -> None:
    arrive(arrivals, *SOURCES)
    before = arrivals.dump()
    made = confirm(arrivals)
    assert arrivals.dump() != before
    undo(arrivals.database, made, reason="another grade", by="steward")
    assert arrivals.dump() == before
    made = confirm(arrivals)
    arrive(arrivals, "correction")
    undo(arrivals.database, made, reason="another grade after all", by="steward")
    after = arrivals.dump()
    arrive(arrivals, *SOURCES)
    assert arrivals.dump() == after


def test_it_is_no_matter_whether_the_steward_decides_before_or_after_the_rest_arrives(
    arrivals: Arrivals,
) -> None:
    arrive(arrivals, "sap.prd", "mes")
    first = confirm(arrivals)
    arrive(arrivals, "lims", "qms", "pi")
    early = arrivals.dump()
    undo(arrivals.database, first, reason="once more", by="steward")
    confirm(arrivals)
    assert arrivals.dump() == early
