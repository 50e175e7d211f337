"""The connector class: job orders, job responses and machine states, a document each."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

import orjson

from connectors.opcua_job.jobs import state_machine, state_order, state_response
from connectors.opcua_job.settings import OpcUaJobConfig
from hub.model import Record
from hub.sdk import (
    BadRecord,
    Config,
    ConnectorError,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    RecordSource,
    Rejected,
    Stream,
)

if TYPE_CHECKING:
    from connectors.opcua_job.server import Found, JobServer, State


class OpcUaJob(RecordSource[OpcUaJobConfig]):
    """A server with ISA-95 job control or PackML. It is read, no method is called. asyncua is loaded late."""

    name: ClassVar[str] = "opcua_job"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = OpcUaJobConfig

    async def check(self) -> Health:
        """Log in, find lists and machines, and read them once."""
        async with self._session() as (server, found):
            product, version = await server.product()
            orders = len(await server.read_list(found.orders))
            responses = len(await server.read_list(found.responses))
            states = await server.read_states(found.machines)
        if not (found.orders or found.responses or found.machines):
            where = f"{self.config.endpoint}, {self.config.root}"
            raise Misconfigured(
                f"{where}: there is no list of jobs and no PackML machine below it",
                remedy="correct `root` and `depth`, or grant the user to browse them",
            )
        said = ", ".join(f"{state.machine} {state.text}" for state in states[:10])
        detail = f"{orders} job orders, {responses} job responses, {len(states)} machines {said}".strip()
        return Health(system=product, version=version, detail=detail)

    def streams(self) -> Sequence[Stream]:
        return [Stream(name=name, every_s=self.config.every_s) for name in self.config.streams]

    async def read(self, stream: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Give what the server shows now; of machines, what has changed since the cursor."""
        if stream not in self.config.streams:
            raise Misconfigured(
                f"there is no stream {stream!r}", remedy=f"streams: {', '.join(self.config.streams)}"
            )
        async with self._session() as (server, found):
            if stream == "packml_states":
                states = await server.read_states(found.machines)
                pages = self._changes(states, cursor or {})
            else:
                is_order = stream == "job_orders"
                items = await server.read_list(found.orders if is_order else found.responses)
                pages = self._pages(stream, items)
        for page in pages:
            yield page

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        item = _read_item(document)
        match document.object_type:
            case "job_orders":
                return list(state_order(item))
            case "job_responses":
                return list(
                    state_response(
                        item,
                        batch_parameter=self.config.batch_parameter,
                        amount=self.quantity,
                        result=self.measurement,
                    )
                )
            case "packml_states":
                return list(state_machine(item, document.key))
            case _:
                raise BadRecord(f"{document.object_type!r} is no kind of document here", where=document.key)

    def _pages(self, stream: str, items: Sequence[dict[str, Any]]) -> Iterable[Page]:
        documents: list[Document] = []
        rejected: list[Rejected] = []
        for item in items:
            holder = cast("dict[str, Any]", item.get("JobOrder") or {}) if stream == "job_orders" else item
            key = str(holder.get("JobOrderID" if stream == "job_orders" else "JobResponseID") or "")
            payload = orjson.dumps(item).decode()
            if key:
                documents.append(Document(object_type=stream, key=key, payload=payload))
            else:
                rejected.append(Rejected(reason="it has no ID", where=stream, payload=payload))
        size = self.config.page_size
        for start in range(0, max(1, len(documents)), size):
            part = documents[start : start + size]
            # the server keeps no changes: every look begins anew
            yield Page(documents=part, rejected=rejected if not start else (), cursor={})

    def _changes(self, states: "Sequence[State]", cursor: Cursor) -> Iterable[Page]:
        """Give a page for each machine whose state has changed: the last state's end, and the new one."""
        known: dict[str, dict[str, str]] = dict(cursor.get("machines") or {})
        for state in states:
            before = known.get(state.machine)
            now = {"state": state.text, "since": state.since}
            if before == now:
                continue
            documents = [self._stretch(state.machine, now, until=None)]
            if before is not None:
                until = max(state.since, before["since"])
                documents.insert(0, self._stretch(state.machine, before, until=until))
            known[state.machine] = now
            yield Page(documents=documents, cursor={"machines": dict(known)})

    def _stretch(self, machine: str, told: dict[str, str], *, until: str | None) -> Document:
        equipment = self.config.machines.get(machine, machine)
        payload = {"equipment": equipment, **told, "until": until}
        return Document(
            object_type="packml_states",
            key=f"{machine}@{told['since']}",
            payload=orjson.dumps(payload).decode(),
            seq=1 if until is None else 2,
        )

    @asynccontextmanager
    async def _session(self) -> "AsyncGenerator[tuple[JobServer, Found]]":
        from connectors.opcua_job.server import JobServer  # noqa: PLC0415 - asyncua loads when it is needed

        try:
            server = await JobServer.open(self.config)
            try:
                yield server, await server.find()
            finally:
                await server.close()
        except Exception as error:
            raise _judge(error, self.config.endpoint) from error


def _judge(error: Exception, endpoint: str) -> ConnectorError:
    from hub.sdk.opcua.faults import judge  # noqa: PLC0415 - as above

    return judge(error, endpoint)


def _read_item(document: Document) -> dict[str, Any]:
    try:
        item = orjson.loads(document.payload)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"the text is no JSON: {error}", where=document.key) from error
    if not isinstance(item, dict):
        raise BadRecord("the item is no JSON object", where=document.key)
    return cast("dict[str, Any]", item)
