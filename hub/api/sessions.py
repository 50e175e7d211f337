"""Sessions of people at the pages: random tokens, kept here only as SHA-256, gone when the process ends."""

import hashlib
import secrets
import time
from collections.abc import Callable
from threading import Lock

_TOKEN_BYTES = 32
_MOST = 1000


class Sessions:
    """Open sessions and one-time logins by key id; `clock` gives seconds that never run backwards."""

    def __init__(
        self, *, session_s: float, login_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.session_s = session_s
        self._login_s = login_s
        self._clock = clock
        self._lock = Lock()
        self._open: dict[str, tuple[str, float]] = {}
        self._logins: dict[str, tuple[str, float]] = {}

    def open(self, public_id: str) -> str:
        """Give the token of a new session for a key."""
        return self._keep(self._open, public_id, self.session_s)

    def find(self, token: str) -> str | None:
        """Give the key id of an open session."""
        return self._look(self._open, token)

    def close(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(_digest(token), None)

    def issue_login(self, public_id: str) -> str:
        """Give a token that opens one session, once, for a short time."""
        return self._keep(self._logins, public_id, self._login_s)

    def redeem(self, login: str) -> str | None:
        """Give the key id of a one-time login and forget it."""
        found = self._look(self._logins, login)
        with self._lock:
            self._logins.pop(_digest(login), None)
        return found

    def _keep(self, store: dict[str, tuple[str, float]], public_id: str, seconds: float) -> str:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock()
        with self._lock:
            for old in [key for key, (_, until) in store.items() if until <= now]:
                del store[old]
            while len(store) >= _MOST:
                del store[next(iter(store))]
            store[_digest(token)] = (public_id, now + seconds)
        return token

    def _look(self, store: dict[str, tuple[str, float]], token: str) -> str | None:
        with self._lock:
            found = store.get(_digest(token))
        return found[0] if found and found[1] > self._clock() else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
