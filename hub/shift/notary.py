"""Seals what was written, and hands each new head over to the world outside, every so many seconds."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from hub.shift.settings import Settings
from hub.shift.sinks import HandoverFailed, Sink, open_sinks
from hub.store.database import Database
from hub.store.seal.heads import TreeHead, list_keys
from hub.store.seal.keeping import KeyPlace, open_signer, replace_lost_key, rotate_key
from hub.store.seal.sealing import Sealed, seal
from hub.store.seal.signing import KeyUnusable, PublicKey, Signer

log = structlog.get_logger("hub.shift")
Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Notary:
    """Signs heads of a store's audit trail with the key in its place, and hands them to sinks."""

    def __init__(
        self,
        database: Database,
        place: KeyPlace,
        sinks: Sequence[Sink],
        *,
        every_s: float = 60.0,
        clock: Clock = _utc_now,
    ) -> None:
        self.database = database
        self.place = place
        self.sinks = sinks
        self._every_s = every_s
        self._clock = clock
        self._signer: Signer | None = None
        self._handed: dict[str, TreeHead | None] = {}
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-notary", daemon=True)

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "Notary":
        """Give the notary of the settings.

        Raises `KeyUnusable` for a PostgreSQL store without `audit_key`, `ValueError` for an address that is
        none.
        """
        if settings.database and settings.audit_key is None:
            raise KeyUnusable(
                "a PostgreSQL store is sealed with a key that all its nodes share: name its PEM file in "
                "audit_key (it is made if it is not there yet), or give the PEM text as a secret"
            )
        given = settings.audit_key.get_secret_value() if settings.audit_key else None
        place = KeyPlace.of(given, default=settings.data / "keys" / "audit.pem")
        return cls(database, place, open_sinks(settings), every_s=settings.seal_s)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Seal once more, and end."""
        self._stop.set()
        self._thread.join(timeout_s)

    def seal(self) -> Sealed:
        """Seal now. Raises `KeyUnusable`; a sink that takes nothing is only named in the log."""
        if self._signer is None:
            self._signer = open_signer(self.database, self.place, clock=self._clock)
        done = seal(self.database, self._signer, clock=self._clock)
        if done.head is not None:
            self._hand_over(done.head)
        return done

    def open_key(self) -> PublicKey:
        """Give the public key of the key that signs. Raises `KeyUnusable`."""
        return open_signer(self.database, self.place, clock=self._clock).public

    def rotate(self, *, lost: bool = False) -> PublicKey:
        """Let a new key sign; the old one signs for it unless it is lost. Raises `KeyUnusable`."""
        if not lost:
            self.seal()  # the old key's last word
        change = replace_lost_key if lost else rotate_key
        key, self._signer = change(self.database, self.place, clock=self._clock)
        for sink in self.sinks:
            if not sink.is_empty:
                self._send(sink, key.as_json())
        return key.public

    def _hand_over(self, head: TreeHead) -> None:
        for sink in self.sinks:
            if self._handed.get(sink.name) == head:
                continue
            if sink.is_empty and sink.name not in self._told:
                with self.database.read() as connection:
                    keys = list_keys(connection)
                if not all(self._send(sink, key.as_json()) for key in keys):
                    continue
                self._told.add(sink.name)
            if self._send(sink, head.as_json()):
                self._handed[sink.name] = head

    def _send(self, sink: Sink, record: dict[str, object]) -> bool:
        try:
            sink.send(record)
        except HandoverFailed as error:
            log.warning("a head was not handed over; the next one covers it", error=str(error))
            return False
        return True

    def _run(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._stop.wait(self._every_s)
            try:
                self.seal()
            except KeyUnusable as error:
                log.error("the audit trail is not sealed", error=str(error))  # noqa: TRY400 - it says all
            except Exception:  # serving goes on; what is not sealed waits for the next turn
                log.exception("the audit trail is not sealed")
