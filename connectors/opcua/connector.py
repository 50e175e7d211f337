"""The connector class: the variables of an OPC UA server as tags, their history and changes as samples."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from connectors.opcua.settings import OpcUaConfig
from hub.model import Tag
from hub.sdk import Config, ConnectorError, Health, Misconfigured, Rejected, SampleSource, Whole, Window

if TYPE_CHECKING:
    from connectors.opcua.browsing import Signal
    from connectors.opcua.session import UaSession

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class OpcUa(SampleSource[OpcUaConfig]):
    """An OPC UA server: history (HistoryRead, raw) and changes (a subscription). asyncua is loaded late."""

    name: ClassVar[str] = "opcua"
    version: ClassVar[str] = "1.1.0"
    config_class: ClassVar[type[Config]] = OpcUaConfig

    def __init__(self, config: OpcUaConfig) -> None:
        super().__init__(config)
        self._session: UaSession | None = None
        self._signals: dict[str, Signal] | None = None
        self._faults: dict[str, str] = {}

    async def check(self) -> Health:
        """Log in, find the variables, read a moment of one's history, and subscribe to one if that is set."""
        try:
            session = await self._open()
            product, version = await self._read_product(session)
            signals = await self._find(again=True)
            if not signals:
                raise Misconfigured(
                    f"{self.config.endpoint} has no variable with readable history below {self.config.root}",
                    remedy="correct `root`, grant the user HistoryRead, or set `variables` for live ones",
                )
            await self._probe(session, signals)
            await self._probe_changes(session, signals)
        except Exception as error:
            raise self._judge(error) from error
        return Health(system=product, version=version, detail=self._detail(signals, session))

    async def tags(self) -> AsyncIterator[Tag]:
        try:
            signals = await self._find(again=True)
        except Exception as error:
            raise self._judge(error) from error
        for signal in signals.values():
            yield signal.to_tag()

    def branches(self) -> dict[str, tuple[str, ...]]:
        """Give the browse names from below the root down to each variable."""
        return {name: signal.path for name, signal in (self._signals or {}).items()}

    async def samples(self, tags: Sequence[str], window: Window) -> AsyncIterator[pa.RecordBatch | Rejected]:
        """Give raw history; a tag that has vanished, has none or is closed to us is given as rejected."""
        from connectors.opcua.history import HistoryReader  # noqa: PLC0415 - asyncua loads when it is needed

        reader: HistoryReader | None = None
        try:
            session = await self._open()
            signals = await self._find()
            known = {tag: signals[tag] for tag in tags if tag in signals and signals[tag].keeps_history}
            gone = [tag for tag in tags if tag not in known]
            reader = HistoryReader(session, window, values_per_node=self.config.values_per_node)
            reader.faults.update(dict.fromkeys(gone, "no variable with history"))
            async with aclosing(reader.read(known, self.config.nodes_per_read)) as batches:
                async for batch in batches:
                    yield batch
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._judge(error) from error
        for rejected in self._note(tags, reader.faults):
            yield rejected

    async def extent(self) -> Window:
        """Give all time up to the server's own clock.

        Its clock and not ours says where its history ends for now; where it begins only the archive knows, so
        a source sets `history.start`.
        """
        try:
            session = await self._open()
            return Window(_BEGINNING, await session.read_clock())
        except Exception as error:
            raise self._judge(error) from error

    def can_subscribe(self) -> bool:
        return self.config.live is not None

    def keeps_history(self, tag: str) -> bool:
        """Say whether the server has history of a tag; one that is not there is asked for, and named then."""
        signal = (self._signals or {}).get(tag)
        return signal is None or signal.keeps_history

    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[pa.RecordBatch | Whole | Rejected]:
        """Give the server's messages about these tags; one that has vanished is given as rejected."""
        from connectors.opcua.live import follow  # noqa: PLC0415 - as above

        try:
            if self.config.live is None:
                raise Misconfigured("there is no `live` in the settings, so nothing is followed")
            session = await self._open()
            signals = await self._find()
            for tag in tags:
                if tag not in signals:
                    yield self._reject(tag, "it cannot be followed: no such variable")
            known = {tag: signals[tag] for tag in tags if tag in signals}
            async with aclosing(follow(session, known, self.config)) as told:
                async for item in told:
                    yield item
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._judge(error) from error

    async def close(self) -> None:
        """End the session, if there is one on this event loop."""
        session, self._session = self._session, None
        if session is not None and session.loop is asyncio.get_running_loop():
            await session.close()

    # ------------------------------------------------------------------ session

    async def _open(self) -> "UaSession":
        """Give the session, a new one when the old one has ended."""
        from connectors.opcua.session import open_session  # noqa: PLC0415 - as above

        session = self._session
        if session is not None and session.loop is asyncio.get_running_loop():
            if await session.is_alive():
                return session
            await self.close()
        self._session = await open_session(self.config)
        return self._session

    async def _find(self, *, again: bool = False) -> "dict[str, Signal]":
        from connectors.opcua.browsing import find_signals  # noqa: PLC0415 - as above

        if self._signals is None or again:
            self._signals = await find_signals(await self._open(), self.config)
        return self._signals

    async def _read_product(self, session: "UaSession") -> tuple[str, str]:
        """Give product name and version of the server's build (OPC UA Part 5, 12.4)."""
        from hub.sdk.opcua.stack import ua  # noqa: PLC0415 - as above

        nodes = [ua.NodeId(ua.Int32(number)) for number in (2261, 2264)]
        product, version = await session.read(nodes, ua.AttributeIds.Value)
        return str(product or "OPC UA server"), str(version or "")

    async def _probe(self, session: "UaSession", signals: "dict[str, Signal]") -> None:
        """Read a moment of one tag's history: browsing does not prove the right to it."""
        from connectors.opcua.history import HistoryReader, moment_ago  # noqa: PLC0415 - as above
        from hub.sdk.opcua.faults import judge_status  # noqa: PLC0415 - as above

        name, signal = next(((n, s) for n, s in signals.items() if s.keeps_history), ("", None))
        if signal is None:
            return
        reader = HistoryReader(session, moment_ago(), values_per_node=1)
        async with aclosing(reader.read({name: signal}, 1)) as batches:
            async for _ in batches:
                break
        if name in reader.faults:
            raise judge_status(reader.faults[name], f"{self.config.endpoint}, {name}")

    async def _probe_changes(self, session: "UaSession", signals: "dict[str, Signal]") -> None:
        """Subscribe to one tag and take it back: the server may offer no subscriptions, or none to us."""
        from connectors.opcua.subscription import Subscription  # noqa: PLC0415 - as above

        if self.config.live is None:
            return
        subscription = Subscription(session, self.config)
        try:
            await subscription.open(dict([next(iter(signals.items()))]))
        finally:
            await subscription.close()

    # ------------------------------------------------------------------ what to tell

    def _detail(self, signals: "dict[str, Signal]", session: "UaSession") -> str:
        kept = sum(signal.keeps_history for signal in signals.values())
        said = f"{kept} variables with history, {session.limits.history} nodes a history request"
        if kept < len(signals):
            said += f"; {len(signals) - kept} without, followed only"
        missing = [
            node for node in self.config.nodes if node not in {s.node.to_string() for s in signals.values()}
        ]
        if missing:
            said += f"; not found or without history: {', '.join(missing[:20])}"
        if self._faults:
            shown = [f"{tag} ({why})" for tag, why in list(self._faults.items())[:20]]
            said += f"; not readable: {', '.join(shown)}"
        return said

    def _note(self, tags: Sequence[str], faults: dict[str, str]) -> Iterator[Rejected]:
        for tag in tags:
            self._faults.pop(tag, None)
        self._faults.update(faults)
        for tag, why in faults.items():
            yield self._reject(tag, f"its history cannot be read: {why}")

    def _reject(self, tag: str, reason: str) -> Rejected:
        return Rejected(
            key=tag,
            where=f"{self.config.endpoint}, {tag}",
            reason=reason,
            remedy="check the node on the server and what the user may read",
        )

    def _judge(self, error: Exception) -> ConnectorError:
        from hub.sdk.opcua.faults import judge  # noqa: PLC0415 - as above

        return judge(error, self.config.endpoint)
