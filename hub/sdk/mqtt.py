"""The one MQTT client of the connectors: a session at a broker, messages in order, acknowledged on our word.

The library (paho-mqtt, extra `mqtt`) is loaded when a session is opened. Version 5 of the protocol is
spoken: only there a client says for how long its session is kept and how many messages it takes unstored.
"""

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.sdk.errors import ConnectorError, Misconfigured, Unauthorized, Unavailable

_REFUSED_LOGIN = frozenset({0x86, 0x87, 0x8A, 0x8C})
"""CONNACK reasons (MQTT 5, 3.2.2.2): bad user or password, not authorized, banned, bad method."""
_NOT_NOW = frozenset({0x88, 0x89, 0x97, 0x9F})
"""CONNACK reasons: server unavailable, busy, quota exceeded, connection rate exceeded."""


class Broker(BaseModel):
    """Where a broker is and who we are there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = Field(default=8883, ge=1, le=65535)
    tls: bool = Field(default=True, description="false only on a network that is a zone of its own")
    ca_file: str | None = Field(
        default=None, description="certificates that we trust; the system's without it"
    )
    certificate: str | None = Field(default=None, description="our certificate (PEM), where the broker asks")
    private_key: str | None = Field(default=None, description="path of its key (PEM)")
    user: str | None = None
    password: SecretStr | None = None
    client_id: str = Field(
        default="plantwide", min_length=1, description="the session's name; no other client may have it"
    )
    session_expiry_s: int = Field(
        default=604_800, ge=0, description="for how long the broker keeps our session while we are away"
    )
    keepalive_s: int = Field(default=15, ge=1, description="longest silence before the line counts as cut")
    timeout_s: float = Field(default=20.0, gt=0, description="longest wait for an answer of the broker")
    max_unacknowledged: int = Field(
        default=20_000, ge=1, le=65_535, description="messages taken before the first of them is stored"
    )

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Message:
    """What came: `mid` and `qos` are for its acknowledgement."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Testament:
    """What the broker says for us once the line is cut."""

    topic: str
    payload: bytes


@dataclass
class _Inbox:
    """Messages between the network's thread and ours; what needs no acknowledgement is bounded here.

    Waking a loop from another thread costs as much as reading a message, so it is done once for all that come
    until they are taken.
    """

    limit: int
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    end: ConnectorError | None = None
    _waiting: deque[Message] = field(default_factory=deque[Message])
    _lost: int = 0
    _is_announced: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def put(self, message: Message) -> bool:
        """Keep a message, from the network's thread; say whether our loop has to be told that some came."""
        with self._turn:
            if len(self._waiting) >= self.limit and message.qos == 0:
                self._lost += 1
            else:
                self._waiting.append(message)
            is_news, self._is_announced = not self._is_announced, True
        return is_news

    def take(self) -> list[Message]:
        """Give what has come; what comes from now on is announced again."""
        with self._turn:
            some, self._waiting = list(self._waiting), deque()
            self._is_announced = False
        return some

    async def wait(self) -> None:
        """Come back when there is something to take, or the line has ended."""
        while not self._waiting and self.end is None:
            await self.arrived.wait()
            self.arrived.clear()

    def take_lost(self) -> int:
        """Give how many were dropped since this was last asked."""
        with self._turn:
            lost, self._lost = self._lost, 0
        return lost

    def close(self, error: ConnectorError) -> None:
        """Say, on our loop, that nothing comes any more."""
        self.end = self.end or error
        self.arrived.set()


class MqttSession:
    """A session at a broker; use it as an asynchronous context.

    A `lasting` one is kept by the broker while we are away: what comes then, by QoS 1 or 2, is told when
    we are back, and so is what was told and never acknowledged. `was_kept` says whether the broker had one.
    """

    def __init__(
        self,
        broker: Broker,
        topics: Sequence[str],
        *,
        client_id: str = "",
        is_lasting: bool = True,
        testament: Testament | None = None,
    ) -> None:
        self._broker = broker
        self._topics = list(topics)
        self._client_id = client_id or broker.client_id
        self._is_lasting = is_lasting
        self._testament = testament
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._inbox = _Inbox(limit=broker.max_unacknowledged)
        self.was_kept = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._inbox = _Inbox(limit=self._broker.max_unacknowledged)
        try:
            await self._connect()
            if self._topics:
                await self._subscribe()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    async def messages(self, patience_s: float | None = None) -> AsyncGenerator[Sequence[Message]]:
        """Give what has come, in order, as it comes; an empty list when nothing came for `patience_s`.

        Raises `Unavailable` when the line is cut.
        """
        inbox = self._inbox
        while True:
            await asyncio.sleep(0)  # the loop gets its turn, however fast messages come
            some = inbox.take()
            if not some and inbox.end is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(inbox.wait(), patience_s)
                some = inbox.take()
            if not some and inbox.end is not None:
                raise inbox.end
            yield some

    def take_lost(self) -> int:
        """Give how many messages were dropped here since it was last asked: more came than were taken."""
        return self._inbox.take_lost()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Let the broker forget these; from any thread. After the line was cut it is without effect."""
        for message in messages:
            if message.qos:
                self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Say a protocol's own words (Sparkplug's rebirth and state); never anything that moves a plant."""
        self._client.publish(topic, payload, qos=qos, retain=retain)

    # ------------------------------------------------------------------ the library's side

    async def _connect(self) -> None:
        mqtt, properties = _load()
        broker = self._broker
        client = self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        if broker.user is not None:
            client.username_pw_set(
                broker.user, broker.password.get_secret_value() if broker.password else None
            )
        if broker.tls:
            client.tls_set_context(_context(broker))
        if self._testament is not None:
            client.will_set(self._testament.topic, self._testament.payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        told = properties.Properties(properties.PacketTypes.CONNECT)
        told.SessionExpiryInterval = broker.session_expiry_s if self._is_lasting else 0
        told.ReceiveMaximum = broker.max_unacknowledged
        answer = self._expect("connect")
        client.connect_async(
            broker.host,
            broker.port,
            keepalive=broker.keepalive_s,
            clean_start=not self._is_lasting,
            properties=told,
        )
        client.loop_start()
        flags, reason = await self._answered(answer, f"the broker {broker.address}")
        if reason.is_failure:
            raise self._judge(reason)
        self.was_kept = bool(flags.session_present)

    async def _subscribe(self) -> None:
        mqtt, _ = _load()
        options = mqtt.SubscribeOptions(qos=1, retainHandling=0)
        answer = self._expect("subscribe")
        self._client.subscribe([(topic, options) for topic in self._topics])
        reasons = await self._answered(answer, f"the broker {self._broker.address}, asked to subscribe,")
        refused = [t for t, r in zip(self._topics, reasons, strict=True) if r.is_failure]
        if refused:
            raise Unauthorized(
                f"the broker {self._broker.address} does not let us subscribe to {', '.join(refused[:5])}",
                remedy="grant the user to read these topics, or correct them",
            )

    async def _leave(self) -> None:
        client, self._client = self._client, self._client
        if client is None:
            return
        client.on_disconnect = None
        with suppress(ValueError):
            client.disconnect()
        await asyncio.to_thread(client.loop_stop)

    def _expect(self, what: str) -> "asyncio.Future[Any]":
        self._answers[what] = asyncio.get_running_loop().create_future()
        return self._answers[what]

    async def _answered(self, answer: "asyncio.Future[Any]", who: str) -> Any:
        try:
            return await asyncio.wait_for(answer, self._broker.timeout_s)
        except TimeoutError as error:
            raise Unavailable(
                f"{who} did not answer within {self._broker.timeout_s:.0f} s",
                remedy="check host, port and `tls`",
            ) from error

    def _tell(self, act: Callable[..., None], *given: Any) -> None:
        """Let our loop do something; the library calls from its own thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *given)

    def _answer(self, what: str, given: Any) -> None:
        answer = self._answers.pop(what, None)
        if answer is None or answer.done():
            return
        if isinstance(given, ConnectorError):
            answer.set_exception(given)
        else:
            answer.set_result(given)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self._tell(self._answer, "connect", (flags, reason))

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        error = Unavailable(
            f"the broker {self._broker.address} cannot be reached",
            remedy="check that it is up, host and port, and that both ends agree about `tls`",
        )
        self._tell(self._answer, "connect", error)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        error = Unavailable(f"the broker {self._broker.address} ended the session: {reason}")
        for what in ("connect", "subscribe"):
            self._tell(self._answer, what, error)
        self._tell(self._inbox.close, error)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
        self._tell(self._answer, "subscribe", reasons)

    def _on_message(self, _client: Any, _data: Any, got: Any) -> None:
        message = Message(got.topic, bytes(got.payload), got.mid, got.qos, bool(got.retain))
        if self._inbox.put(message):
            self._tell(self._inbox.arrived.set)

    def _judge(self, reason: Any) -> ConnectorError:
        what = f"the broker {self._broker.address} refused the session: {reason}"
        if reason.value in _REFUSED_LOGIN:
            return Unauthorized(what, remedy="check the user, the password and the client's certificate")
        if reason.value in _NOT_NOW:
            return Unavailable(what)
        return Misconfigured(what, remedy="check that the broker speaks MQTT 5, and `client_id`")


def _load() -> tuple[Any, Any]:
    try:
        import paho.mqtt.client as mqtt  # noqa: PLC0415 - an extra, loaded when it is needed
        from paho.mqtt import packettypes, properties  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Misconfigured("MQTT needs the extra `mqtt`", remedy="pip install 'plantwide[mqtt]'") from error
    words: Any = properties
    words.PacketTypes = packettypes.PacketTypes
    library: Any = mqtt
    return library, words


def _context(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
        if broker.certificate:
            context.load_cert_chain(broker.certificate, broker.private_key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"the certificates for {broker.address} cannot be read: {error}",
            remedy="check `ca_file`, `certificate` and `private_key`",
        ) from error
    return context
