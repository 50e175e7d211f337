"""Every kind of record flows from statement to table, and none that a record accepts breaks resolution."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from hub.model import Mastered, Observed, Record
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.tables import ENTITY_TABLES, FACT_TABLES
from hub.store.tables.columns import golden_columns, observed_columns
from tests.resolve.worlds import Version, World

pytestmark = pytest.mark.hypothesis  # examples are drawn inside the tests: how many depends on the engine

START = datetime(2026, 3, 10, 8, tzinfo=UTC)
KINDS: dict[str, type[Record]] = {**MASTERED, **OBSERVED}
ALONE = {"resource_actual": ("physical_asset", "person")}
"""Fields that cannot be stated beside the others: an equipment that took part is no person."""
FIXED: dict[str, dict[str, Any]] = {
    "document": {"sha256": "0" * 64},
    "resource_actual": {"kind": "equipment"},
}


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


# ------------------------------------------------------------------------------------- whole records
def whole(name: str) -> Record:
    """Give a record of a type with every field stated."""
    kind = KINDS[name]
    order = {field: at for span in kind.spans for at, field in enumerate(span)}
    stated = {
        f.name: _value(f, order.get(f.name, 0))
        for f in fields_of(kind)
        if f.name not in ALONE.get(name, ()) and not f.name.endswith("_text")
    }
    own: dict[str, Any] = {"id": f"the {name}"} if issubclass(kind, Mastered) else {"key": f"the {name}"}
    return kind.model_validate({**own, **stated, **FIXED.get(name, {})})


def _value(field: Field, at: int) -> Any:
    match field.kind:
        case "reference":
            return {"value": f"a {field.target}", "scheme": field.scheme}
        case "peer":
            return f"a {field.target}"
        case "choice":
            return "what nobody lists"
        case "instant":
            return START + timedelta(hours=at)
        case "quantity":
            return {"text": "118.20", "source_unit": "KG"}
        case "measurement":
            return {"value": 0.05, "text": "<0.050", "comparator": "<", "unit": "g/L", "source_unit": "mg/mL"}
        case "number":
            return f"1{at}.0"
        case "integer":
            return 1
        case "flag":
            return True
        case "text":
            return field.values[0] if field.values else "said"


def columns_of(name: str) -> set[str]:
    """Give the columns that a record with every field stated fills."""
    read = golden_columns if name in MASTERED else observed_columns
    fields = [f for f in fields_of(KINDS[name]) if f.name not in ALONE.get(name, ())]
    peers = {f"{f.name}_id" for f in fields if f.kind == "peer"}  # these wait for what they name
    return {column.name for field in fields for column in read(field)} - peers


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_every_record_reaches_its_column_and_goes_when_it_is_withdrawn(
    world: World, name: str
) -> None:
    world.begin()
    record = whole(name)
    world.take([Version("mes", "doc", 1, (record,))])
    world.resolve()
    table = {**ENTITY_TABLES, **FACT_TABLES}[name]
    code = table.c.code == f"the {name}" if name in MASTERED else table.c.source_key == f"the {name}"
    with world.database.read() as connection:
        row = connection.execute(select(table).where(code)).mappings().one()
    assert {column for column in columns_of(name) if row[column] is None} == set()
    for field in fields_of(KINDS[name]):
        if field.kind == "choice":
            assert (row[field.name], row[f"{field.name}_text"]) == ("Other", "what nobody lists")
    assert any(f'["{name}"' in line for line in world.dump())
    world.take([Version("mes", "doc", 2, deleted=True)])
    world.resolve()
    assert not any(f'["{name}"' in line for line in world.dump())


def test_facts_find_their_peers_whatever_comes_first(world: World) -> None:
    for order in (1, -1):
        world.begin()
        parent = KINDS["recipe_element"].model_validate(
            {"key": "MR/UP", "recipe": "MR", "code": "UP", "name": "Culture", "level": "unit_procedure"}
        )
        parameter = KINDS["recipe_parameter"].model_validate(
            {"key": "MR/UP/T", "recipe": "MR", "element": "MR/UP", "name": "T", "lower": "36.50"}
        )
        told = [Version("mes", "a", 1, (parent,)), Version("mes", "b", 1, (parameter,))][::order]
        for version in told:
            world.take([version])
            world.resolve()
        with world.database.read() as connection:
            found = connection.execute(select(FACT_TABLES["recipe_parameter"])).one()
            element = connection.execute(select(FACT_TABLES["recipe_element"].c.id)).scalar_one()
        assert (found.element_id, found.lower, found.lower_text) == (element, 36.5, "36.50")


def test_a_class_of_equipment_and_one_of_material_of_one_id_stay_apart(world: World) -> None:
    world.begin()
    classes = [
        KINDS["resource_class"].model_validate({"id": "A", "kind": kind, "base_class": "Z"})
        for kind in ("equipment", "material")
    ]
    unit = KINDS["equipment"].model_validate({"id": "BR1", "equipment_class": "A"})
    world.take([Version("mes", "doc", 1, (*classes, unit))])
    world.resolve()
    table = ENTITY_TABLES["resource_class"]
    with world.database.read() as connection:
        rows = {r.kind: r for r in connection.execute(select(table).where(table.c.lifecycle == "active"))}
        refers = connection.execute(select(ENTITY_TABLES["equipment"].c.equipment_class_id)).scalar_one()
    assert rows.keys() == {"equipment", "material"}
    assert refers == rows["equipment"].id
    assert rows["equipment"].base_class_id != rows["material"].base_class_id


# ----------------------------------------------------------------------------------- odd plant data
_DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "reference": st.sampled_from(("A", "a ", "B")),
    "peer": st.sampled_from(("k1", "k2", "k3")),
    "choice": st.sampled_from(("Running", "Complete", "Consumed", "Production", "Kaputt", "")),
    "instant": st.integers(-2, 2).map(lambda h: START + timedelta(hours=h)),
    "quantity": st.sampled_from(
        ({"text": "1"}, {"text": "-2.50", "source_unit": "G"}, {"text": "3", "unit": "L"})
    ),
    "measurement": st.sampled_from(({"text": "n.d."}, {"text": "<0.05", "value": 0.05, "comparator": "<"})),
    "number": st.sampled_from((-1.5, 0.0, "2.50", 1e300)),
    "integer": st.sampled_from((1, 2, 10**12)),
    "flag": st.booleans(),
}


def drawn_record(name: str) -> st.SearchStrategy[Record]:
    """Records of a type with whatever a source may state, right or odd; those refused are not drawn."""
    kind = KINDS[name]
    fields = {f.name: _drawn(f) for f in fields_of(kind)}
    own = {"id": _DRAWN["reference"]} if issubclass(kind, Mastered) else {"key": _DRAWN["peer"]}
    needed = {f.name: fields.pop(f.name) for f in fields_of(kind) if f.required}

    def build(given: dict[str, Any]) -> Record | None:
        try:
            return kind.model_validate({k: v for k, v in given.items() if v is not None})
        except ValidationError:
            return None

    return (
        st.fixed_dictionaries({**own, **needed}, optional=fields).map(build).filter(lambda r: r is not None)
    )  # type: ignore[return-value] - filtered


def _drawn(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "text":
        return st.sampled_from(field.values) if field.values else st.sampled_from(("x", "ÿ", "0" * 64))
    return _DRAWN[field.kind]


def few(world: World) -> settings:
    """Fewer examples on PostgreSQL by day: each costs a dozen transactions."""
    profile = settings()
    is_quick = world.database.dialect == "sqlite" or settings.get_current_profile_name() == "nightly"
    return settings(
        max_examples=profile.max_examples // (5 if is_quick else 20),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


def test_whatever_a_record_accepts_is_resolved_in_any_order(world: World) -> None:
    records = st.one_of(*(drawn_record(name) for name in KINDS))
    told = st.lists(st.tuples(st.sampled_from(("mes", "erp")), records), min_size=1, max_size=8)

    @few(world)
    @given(drawn=told, data=st.data())
    def hold(drawn: list[tuple[str, Record]], data: st.DataObject) -> None:
        versions = [Version(s, f"d{n}", n, (r,)) for n, (s, r) in enumerate(drawn, start=1)]
        world.begin()
        world.take(versions)
        world.resolve()
        once = world.dump()
        world.begin()
        for version in data.draw(st.permutations(versions)):
            world.take([version])
            world.resolve(chunk=2)
        assert world.dump() == once

    hold()


def test_every_kind_of_record_is_either_a_thing_or_a_fact() -> None:
    assert all(issubclass(kind, Mastered) != issubclass(kind, Observed) for kind in KINDS.values())
