"""Whether a question is put to the star's files or to its views."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from hub.store.mart import STAR
from hub.store.past.reading import then_of
from hub.store.questions.scope import scope_of
from hub.store.star.freshness import define, is_current, views_about
from hub.store.star.generations import Manifest

if TYPE_CHECKING:
    from hub.store.star.reading import Star


@dataclass(frozen=True)
class Choice:
    """Files that may answer a question; `is_current` when they say what the views say now."""

    star: "Star"
    manifest: Manifest
    is_current: bool

    @contextmanager
    def read(self, connection: Connection) -> Generator[Connection]:
        """Give a connection to the files, or `connection` when others have taken their place just now."""
        with self.star.read(self.manifest) as files:
            yield connection if files is None else files


def choose(
    star: "Star | None",
    connection: Connection,
    view: str,
    *,
    older: timedelta = timedelta(),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Choice | None:
    """Give the files that answer a question about a view as the store would, or that are at most `older`.

    None when the views must be asked: about the past, for whoever sees only some rows, without files, or
    when something has been written since that these would not tell.
    """
    if star is None or view not in STAR:
        return None
    if scope_of(connection) is not None or then_of(connection) is not None:
        return None
    manifest, views = star.manifest(), views_about(view)
    if manifest is None or any(_is_other(manifest, name) for name in views):
        return None
    if is_current(connection, views, since=manifest.known_at):
        return Choice(star, manifest, is_current=True)
    if clock() - manifest.written_at <= older:
        return Choice(star, manifest, is_current=False)
    return None


def _is_other(manifest: Manifest, name: str) -> bool:
    return name not in manifest.views or manifest.views[name].definition != define(name)
