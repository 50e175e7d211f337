"""The star: tables come in; dimensions and facts go out, with equal numbers on both engines.

Each view is one query over the tables, so the same query also answers about the past. As views they are
derived objects, made anew after every migration.
"""

from collections.abc import Callable

from hub.store.mart.calendar import write_dim_time
from hub.store.mart.dimensions import (
    write_dim_batch,
    write_dim_equipment,
    write_dim_lot,
    write_dim_material,
    write_dim_order,
    write_dim_recipe,
    write_dim_segment,
    write_dim_site,
)
from hub.store.mart.facts import (
    write_fact_batch,
    write_fact_equipment_time,
    write_fact_event,
    write_fact_kpi,
    write_fact_material_movement,
    write_fact_phase,
    write_fact_test_result,
)
from hub.store.sets import AnySelect

STAR: dict[str, Callable[[], AnySelect]] = {
    "dim_time": write_dim_time,
    "dim_site": write_dim_site,
    "dim_equipment": write_dim_equipment,
    "dim_material": write_dim_material,
    "dim_recipe": write_dim_recipe,
    "dim_segment": write_dim_segment,
    "dim_order": write_dim_order,
    "dim_lot": write_dim_lot,
    "dim_batch": write_dim_batch,
    "fact_batch": write_fact_batch,
    "fact_phase": write_fact_phase,
    "fact_material_movement": write_fact_material_movement,
    "fact_test_result": write_fact_test_result,
    "fact_event": write_fact_event,
    "fact_equipment_time": write_fact_equipment_time,
    "fact_kpi": write_fact_kpi,
}
"""The query of each view by name."""

__all__ = ["STAR"]
