"""The `benchling` connector: reads what changed of the schemas that the settings name, says what it means."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import orjson

from connectors.benchling.client import BenchlingClient, Item
from connectors.benchling.config import BenchlingConfig, EntitySchema, TestSchema
from connectors.benchling.meaning import read_entity, read_tests
from connectors.benchling.reading import ENTITIES, RESULTS, Reader, changed_at
from hub.sdk import (
    BadRecord,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    Stream,
)
from hub.sdk.statements import ObjectSource, Statements


class Benchling(ObjectSource[BenchlingConfig]):
    """Reads registered entities, assay results and assay runs of a Benchling tenant."""

    name = "benchling"
    version = "1.0.0"
    config_class = BenchlingConfig

    def __init__(self, config: BenchlingConfig) -> None:
        super().__init__(config)
        self._benchling = BenchlingClient(config)
        self._entities = {schema.schema_id: schema for schema in config.entities}
        self._tests = {schema.schema_id: schema for schema in config.tests}

    def check(self) -> Health:
        """Prove that the login works and that each schema may be read."""
        for schema in self.config.entities:
            self._benchling.page(
                ENTITIES.path, ENTITIES.held_in, {"schemaId": schema.schema_id, "pageSize": "1"}
            )
        for schema in self.config.tests:
            path, held_in = (
                ("assay-runs", "assayRuns") if schema.of == "runs" else (RESULTS.path, RESULTS.held_in)
            )
            self._benchling.page(path, held_in, {"schemaId": schema.schema_id, "pageSize": "1"})
        return Health(system="Benchling", version="v2", detail=", ".join([*self._entities, *self._tests]))

    def close(self) -> None:
        """Close the connections."""
        self._benchling.close()

    def streams(self) -> Sequence[Stream]:
        """One stream a schema."""
        return [
            *(
                Stream(name=s.schema_id, description=f"{s.becomes}s", every_s=300.0)
                for s in self.config.entities
            ),
            *(
                Stream(name=s.schema_id, description=f"assay {s.of}", every_s=300.0)
                for s in self.config.tests
            ),
        ]

    # -------------------------------------------------------------------------------------- reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Give changed objects, oldest change first; of runs, the last days' again each time."""
        schema = self._entities.get(stream) or self._tests.get(stream)
        if schema is None:
            known = ", ".join([*self._entities, *self._tests])
            raise Misconfigured(f"there is no stream {stream!r}", remedy=f"use one of {known}")
        reader = Reader(
            client=self._benchling,
            schema_id=stream,
            size=self.config.page_size,
            overlap=timedelta(seconds=self.config.overlap_s),
        )
        if isinstance(schema, TestSchema) and schema.of == "runs":
            pages = reader.runs(self.config.runs_look_back_days, cursor or {})
        else:
            kind = ENTITIES if isinstance(schema, EntitySchema) else RESULTS
            pages = reader.changes(kind, cursor or {})
        for items, mark in pages:
            yield Page(documents=[_document(stream, item) for item in items], cursor=mark)

    # -------------------------------------------------------------------------------------- meaning
    def tell(self, facts: Statements, item: Item, kind: str) -> None:
        """Say what an object states."""
        if kind in self._entities:
            read_entity(facts, item, self._entities[kind])
        elif kind in self._tests:
            read_tests(facts, item, self._tests[kind])
        else:
            raise BadRecord(
                f"no schema {kind!r} is configured any more",
                remedy="put the schema back, or drop its documents",
            )


def _document(stream: str, item: Item) -> Document:
    return Document(
        object_type=stream,
        key=str(item.get("id")),
        payload=orjson.dumps(item).decode(),
        changed_at=None if "modifiedAt" not in item else changed_at(item),
    )
