"""What every connector to an HTTP source promises when it does not answer as it should.

The kit puts a stand-in before the small world's own server and lets it fail; a suite need do nothing for it.
"""

import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from pydantic import BaseModel

from hub.sdk.config import Config
from hub.sdk.contract import Connector
from hub.sdk.errors import ConnectorError, Unavailable
from hub.sdk.testing.faults import BROKEN, BUSY, LOGIN_PAGE, Standin, always, at, cut, stand_before
from hub.sdk.testing.loopback import Answered, origin
from hub.sdk.testing.promises import ConnectorSuite
from hub.sdk.testing.session import MOST, Session
from hub.sdk.testing.verdict import NotOffered, NotTried, fail, require

_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_TRIED = 5
"""So many questions of a reading are let go wrong, one after the other."""


class ReachSuite(ConnectorSuite):
    """The promises about a source that is busy, broken, cut off, or shows a login page."""

    def make_at(self, url: str) -> Connector[Any] | None:
        """Give the connector on the same world, reached at `url` (scheme, host and port) instead.

        Without being overridden it moves every setting that is an HTTP address on loopback.
        """
        with Session(self.make()) as session:
            kind, config = type(session.connector), session.connector.config
        moved = {
            name: url + value.removeprefix(origin(value))
            for name, value in _addresses(config).items()
            if value.startswith(_LOOPBACK)
        }
        return kind(config.model_copy(update=moved)) if moved else None

    def drain(self, session: Session[Any]) -> set[Any]:
        """Read all that the world has; give what can be compared. Part of the suites below."""
        raise NotImplementedError

    # -------------------------------------------------------------- promises

    def test_a_source_that_asks_to_wait_is_waited_for(self) -> None:
        with self._standin() as standin:
            standin.begin(always(BUSY))
            for what, error in self._errors(standin.url):
                require(
                    isinstance(error, Unavailable),
                    f"{what} made {_told(error)} of a 429: a source that is busy must raise Unavailable, "
                    "or what was not read looks as if it were not there",
                )
                require(
                    cast("Unavailable", error).retry_after == 7,
                    f"{what} raised Unavailable without the source's Retry-After (7 s): pass it on as "
                    "retry_after, and the hub waits as long as the source asks for",
                )

    def test_a_source_that_fails_never_looks_empty(self) -> None:
        with self._standin() as standin:
            standin.begin(always(BROKEN))
            for what, error in self._errors(standin.url):
                require(
                    isinstance(error, Unavailable),
                    f"{what} made {_told(error)} of status 500; a source that fails must raise Unavailable",
                )

    def test_an_answer_that_fails_under_way_ends_the_reading(self) -> None:
        self._each_question_goes_wrong(_break, "status 500")

    def test_an_answer_that_is_cut_off_ends_the_reading(self) -> None:
        self._each_question_goes_wrong(cut, "a connection that was cut off")

    def test_a_page_for_people_never_looks_like_an_empty_source(self) -> None:
        with self._standin() as standin:
            standin.begin(always(LOGIN_PAGE))
            with self._session(standin.url) as session:
                try:
                    given = self.drain(session)
                except ConnectorError:
                    return
                except Exception as error:  # noqa: BLE001  whatever else it raises is the finding
                    fail(f"reading raised {error!r} at an HTML page; raise Misconfigured or Unauthorized")
            require(
                given,
                "reading made nothing at all of an HTML page with status 200 (often a login page): the "
                "source would look empty; raise Misconfigured or Unauthorized",
            )

    def test_a_source_that_is_not_there_is_unavailable(self) -> None:
        with self._standin():
            pass
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        for what, error in self._errors(url):
            require(
                isinstance(error, Unavailable),
                f"{what} made {_told(error)} of a source that is not there; raise Unavailable",
            )

    def test_a_reading_gives_what_it_has_before_it_has_all(self) -> None:
        with self._standin() as standin:
            with self._session(standin.url) as session:
                first = next(session.each(self.begin(session)), None)
                asked = standin.asked
            with self._session(standin.url) as session:
                standin.begin()
                for _ in session.each(self.begin(session), most=MOST):
                    pass
            require(
                first is None or standin.asked < 4 or asked < standin.asked,
                f"all {standin.asked} questions were asked before the first page was given: the whole source "
                "is held in memory; yield each page when it has come",
            )

    def begin(self, session: Session[Any]) -> Any:
        """Begin a reading of what is largest; part of the suites below."""
        raise NotImplementedError

    # -------------------------------------------------------------- tools

    def _each_question_goes_wrong(self, answer: Callable[[Answered], Answered], fault: str) -> None:
        with self._standin() as standin:
            with self._session(standin.url) as session:
                standin.begin()
                whole = self.drain(session)
                questions = standin.asked
            for number in range(1, min(questions, _TRIED) + 1):
                standin.begin(at(number, answer))
                with self._session(standin.url) as session:
                    try:
                        given = self.drain(session)
                    except ConnectorError:
                        continue
                    except Exception as error:  # noqa: BLE001  whatever else it raises is the finding
                        fail(f"reading raised {error!r} after {fault}; raise Unavailable")
                require(
                    whole <= given,
                    f"reading ended as if all were well although the answer to question {number} of "
                    f"{questions} was {fault}: {len(whole - given)} of {len(whole)} pieces are missing and "
                    "nobody would know; let the error out (Unavailable)",
                )

    @contextmanager
    def _standin(self) -> Generator[Standin]:
        with Session(self.make()) as session:
            addresses = list(_addresses(session.connector.config).values())
        here = [url for url in addresses if url.startswith(_LOOPBACK)]
        if not addresses:
            raise NotOffered("no setting is an HTTP address")
        if not here:
            raise NotTried(f"{type(self).__name__}: its world is not on loopback, so faults are not tried")
        with stand_before(here[0]) as standin:
            yield standin

    def _session(self, url: str) -> Session[Any]:
        made = self.make_at(url)
        if made is None:
            raise NotTried(f"{type(self).__name__}: make_at() gives no connector, so faults are not tried")
        return Session(made)

    def _errors(self, url: str) -> Sequence[tuple[str, Exception | None]]:
        """Give what `check` and a reading raise."""
        found: list[tuple[str, Exception | None]] = []
        for what in ("check()", "reading"):
            with self._session(url) as session:
                try:
                    if what == "reading":
                        self.drain(session)
                    else:
                        session.wait(session.connector.check())
                except Exception as error:  # noqa: BLE001  whatever it raises is the finding
                    found.append((what, error))
                else:
                    found.append((what, None))
        return found


def _break(given: Answered) -> Answered:
    del given
    return BROKEN


def _told(error: Exception | None) -> str:
    return "nothing at all" if error is None else repr(error)


def _addresses(config: Config) -> dict[str, str]:
    """Give the settings of the first level that are HTTP addresses."""
    values: Mapping[str, Any] = {
        name: getattr(config, name) for name in type(cast("BaseModel", config)).model_fields
    }
    return {
        name: str(value) for name, value in values.items() if str(value).startswith(("http://", "https://"))
    }
