"""All of 100,000 objects as i3X lists them, against what FastAPI's encoder makes of the same objects."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import orjson
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import insert

from hub.i3x.envelope import answer_printed
from hub.i3x.space import print_elements
from hub.store.database import Connection, Database
from hub.store.tables import ENTITY_TABLES
from tests.bench.laboratory import NOW
from tests.bench.ruler import Row, judge, seconds, seconds_side_by_side
from tests.bench.stores import embedded

LOTS, BATCHES, TAGS = 60_000, 25_000, 15_000
LIMIT = 1_000_000


def bench_i3x(folder: Path) -> Iterator[Row]:
    """The list from the database to the bytes of the answer, nothing remembered; theirs has its objects."""
    with embedded(folder / "data") as database:
        _fill(database)

        def ours() -> bytes:
            with database.read() as connection:
                printed, _ = print_elements(connection, type_id=None, metadata=False, limit=LIMIT)
            return bytes(answer_printed(printed).body)

        document = orjson.loads(ours())
        number = len(document["result"])

        def theirs() -> bytes:
            return bytes(JSONResponse(jsonable_encoder(document)).body)

        one, other = seconds_side_by_side(ours, theirs, runs=5)
        name = f"i3X list of {number:,} objects"
        yield judge(name, seconds(ours), "s", at_most=0.5)
        yield judge(f"{name}, FastAPI's encoder against ours", other, "s", against=one, at_least=10)


def _fill(database: Database) -> None:
    with database.begin("bench") as connection:
        material = _add(connection, "material_definition", 1, {})[0]
        unit = _add(connection, "equipment", 1, {"level": "Unit"})[0]
        _add(connection, "material_lot", LOTS, {"material_id": material})
        _add(connection, "batch", BATCHES, {"product_id": material, "equipment_id": unit})
        _add(connection, "tag", TAGS, {"equipment_id": unit, "value_type": "float"})


def _add(connection: Connection, kind: str, count: int, more: dict[str, object]) -> list[int]:
    table = ENTITY_TABLES[kind]
    same = {"lifecycle": "active", "version": 1, "recorded_at": NOW, "has_conflict": False, **more}
    rows = [{"uid": str(uuid.uuid4()), "code": f"{kind} {at}", **same} for at in range(count)]
    if count > 1:
        connection.execute(insert(table), rows)
        return []
    return [int(connection.execute(insert(table).values(rows[0]).returning(table.c.id)).scalar_one())]
