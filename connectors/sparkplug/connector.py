"""The connector class: metrics of edge nodes as tags, what is told of them as live samples, with promises."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, cast

import orjson
import pyarrow as pa

from connectors.sparkplug.edge import EdgeNodes, Known
from connectors.sparkplug.settings import SparkplugConfig
from connectors.sparkplug.wire import write_rebirth
from hub.model import Tag
from hub.sdk import Config, Health, Receipt, Rejected, SampleSource, Unavailable, Whole, Window
from hub.sdk.clock import utc_now
from hub.sdk.mqtt import MqttSession, Testament

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = ("NBIRTH/+", "NDATA/+", "NDEATH/+", "DBIRTH/+/+", "DDATA/+/+", "DDEATH/+/+")
_ASK_AGAIN = 10_000_000
"""Microseconds after which a node is asked for its birth again."""
_PROMISE = 1_000_000
"""Microseconds between two promises at least."""
_KNOWN: dict[tuple[str, str], dict[str, Known]] = {}
"""What births have told since this process began, by broker and session: nodes tell it only once."""
Told = pa.RecordBatch | Whole | Rejected | Receipt


class Sparkplug(SampleSource[SparkplugConfig]):
    """A listening Sparkplug B host application. A broker keeps no past: samples come by subscription."""

    name: ClassVar[str] = "sparkplug"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = SparkplugConfig

    async def check(self) -> Health:
        """Log in, subscribe, and listen for edge nodes for a while."""
        found = await self._discover()
        nodes = sorted(_all_nodes(found))
        heard = ", ".join(nodes[:10]) or "none heard yet"
        return Health(
            system=f"MQTT broker {self.config.broker.address}",
            detail=f"{len(found)} metrics of {len(nodes)} edge node(s): {heard}",
        )

    async def tags(self) -> AsyncIterator[Tag]:
        for known in (await self._discover()).values():
            yield known.to_tag(self.config.units)

    async def samples(
        self,
        tags: Sequence[str],  # noqa: ARG002 - there is no past to ask for
        window: Window,  # noqa: ARG002 - as above
    ) -> AsyncIterator[pa.RecordBatch | Rejected]:
        """Give nothing: a broker keeps no history."""
        return
        yield

    def keeps_history(self, tag: str) -> bool:  # noqa: ARG002 - of none
        return False

    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[Told]:
        """Give what nodes tell. Messages are acknowledged once they are stored.

        A metric that was not known when tags were listed ends the subscription, before its message is
        acknowledged: the hub lists the tags again and subscribes anew.
        """
        session = MqttSession(
            self.config.broker,
            _topics(self.config),
            testament=_testament(self.config.host_id, is_online=False),
        )
        async with session:
            self._announce(session, is_online=True)
            try:
                async with aclosing(self._follow(session, frozenset(tags))) as told:
                    async for item in told:
                        yield item
            finally:
                self._announce(session, is_online=False)

    async def _follow(self, session: MqttSession, asked: frozenset[str]) -> AsyncGenerator[Told]:
        known = self._known()
        edge = EdgeNodes()
        edge.unborn.update(_all_nodes(asked) & _all_nodes(known))
        edge.unborn.update(self.config.nodes)
        self._ask_births(session, edge, _micros(utc_now()))
        promised = 0
        async for some in session.messages(patience_s=0.5):
            now = _micros(utc_now())
            for item in edge.take(some, now):
                kept = _only(item, asked)
                if kept is not None:
                    yield kept
            lost = session.take_lost()
            if lost:
                for name in list(edge.nodes):
                    for rejected in edge.lose(name, f"{lost} message(s) came faster than they were taken"):
                        yield rejected
            self._ask_births(session, edge, now)
            fresh = edge.known().keys() - known.keys()
            if fresh:
                known.update(edge.known())
                raise Unavailable(
                    f"{len(fresh)} new metric(s), e.g. {min(fresh)}; they are followed once they are listed",
                    retry_after=0,
                )
            owed = [message for message in edge.settled if message.qos]
            edge.settled.clear()
            if owed:
                yield Receipt(stored=partial(session.acknowledge, owed))
            if now - promised >= _PROMISE:
                promised = now
                for promise in self._promise(edge, asked, now):
                    yield promise

    def _promise(self, edge: EdgeNodes, asked: frozenset[str], now: int) -> Iterator[Whole]:
        """Promise what was told without a gap, up to when the line was surely whole."""
        end = now - 2 * self.config.broker.keepalive_s * 1_000_000
        for node in edge.nodes.values():
            if node.whole_from is None or node.whole_from >= end:
                continue
            tags = tuple(tag for tag in node.known() if tag in asked)
            window = Window(_instant(node.whole_from), _instant(end))
            node.whole_from = end
            if tags:
                yield Whole(tags=tags, window=window)

    async def _discover(self) -> dict[str, Known]:
        """Listen for births for a while, beside whoever follows; nodes heard for the first time are asked."""
        known = self._known()
        edge = EdgeNodes()
        edge.unborn.update(set(self.config.nodes) - _all_nodes(known))
        client_id = f"{self.config.broker.client_id}-list"
        end = _micros(utc_now()) + int(self.config.discover_s * 1e6)
        async with MqttSession(
            self.config.broker, _topics(self.config), client_id=client_id, is_lasting=False
        ) as session:
            self._ask_births(session, edge, _micros(utc_now()))
            async with aclosing(session.messages(patience_s=min(0.25, self.config.discover_s))) as given:
                async for some in given:
                    now = _micros(utc_now())
                    for _ in edge.take(some, now):
                        pass
                    session.acknowledge(some)
                    edge.unborn -= _all_nodes(known)
                    self._ask_births(session, edge, now)
                    if now >= end:
                        break
        known.update(edge.known())
        return known

    def _ask_births(self, session: MqttSession, edge: EdgeNodes, now: int) -> None:
        if not self.config.rebirth:
            return
        for name in sorted(edge.unborn):
            node = edge.nodes.get(name)
            asked_at = node.asked_at if node is not None else None
            if asked_at is None or now - asked_at >= _ASK_AGAIN:
                edge.mark_asked(name, now)
                group, _, node_name = name.partition("/")
                session.publish(f"spBv1.0/{group}/NCMD/{node_name}", write_rebirth(now // 1000), qos=0)

    def _announce(self, session: MqttSession, *, is_online: bool) -> None:
        """Say as primary host whether we listen (Sparkplug 3.0, 5.4)."""
        said = _testament(self.config.host_id, is_online=is_online)
        if said is not None:
            session.publish(said.topic, said.payload, qos=1, retain=True)

    def _known(self) -> dict[str, Known]:
        broker = self.config.broker
        return _KNOWN.setdefault((broker.address, f"{broker.client_id} {self.config.groups}"), {})


def _testament(host_id: str | None, *, is_online: bool) -> Testament | None:
    if host_id is None:
        return None
    said = {"online": is_online, "timestamp": _micros(utc_now()) // 1000}
    return Testament(f"spBv1.0/STATE/{host_id}", orjson.dumps(said))


def _topics(config: SparkplugConfig) -> list[str]:
    return [f"spBv1.0/{group}/{kind}" for group in config.groups for kind in _KINDS]


def _all_nodes(tags: Iterable[str]) -> set[str]:
    """Give the edge nodes (`group/node`) of tags."""
    return {"/".join(tag.partition(":")[0].split("/")[:2]) for tag in tags}


def _only(item: pa.RecordBatch | Rejected, asked: frozenset[str]) -> pa.RecordBatch | Rejected | None:
    """Give what of it is about the tags that were asked for."""
    if isinstance(item, Rejected):
        return item if not item.key or item.key in asked else None
    names = cast("list[str]", item.to_pydict()["tag"])
    if all(name in asked for name in names):
        return item
    kept = item.filter(pa.array([name in asked for name in names]))
    return kept if kept.num_rows else None


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
