"""Where cold runs lie, noted in the store at each fold: whoever opens it elsewhere is told where to look."""

import platform
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from hub.store.bookmarks import keep_bookmark, read_bookmark
from hub.store.lake.cellar import NoPlace
from hub.store.lake.place import LakeUnreachable, Place
from hub.store.past.reading import then_of

_NAME = "samples.place"
"""The bookmark: `root`, and the `host` by name where the root is a folder of it."""


def note_place(connection: Connection, place: Place, *, now: datetime) -> None:
    """Note where cold runs are folded to, when it is another place than before."""
    told = {"root": _without_login(place), "host": platform.node() if place.is_local else ""}
    if read_bookmark(connection, _NAME) != told:
        keep_bookmark(connection, _NAME, told, now=now)


@contextmanager
def telling_where(connection: Connection) -> Generator[None]:
    """Let `NoPlace` and `LakeUnreachable` say, too, where the cold runs were folded to last."""
    try:
        yield
    except (NoPlace, LakeUnreachable) as error:
        noted = None if then_of(connection) is not None else read_bookmark(connection, _NAME)
        if not noted:  # nothing was folded since places are noted, or a past state is read, which has none
            raise
        host = f" on the host {noted['host']}" if noted["host"] else ""
        raise type(error)(f"{error}; they were last folded into {noted['root']}{host}") from error


def _without_login(place: Place) -> str:
    """Give the root as others may read it: an address may hold a user's name and secret."""
    if place.is_local:
        return place.root
    parts = urlsplit(place.root)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
