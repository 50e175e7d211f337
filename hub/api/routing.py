"""The routes of an application with all that is mounted in it, in the order in which they are tried."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.routing import BaseRoute, Mount, Route, compile_path

ANY = "*"
"""Stands for every method, where a route is an application that judges methods itself."""
_MOST = 4_096


@dataclass(frozen=True)
class Leaf:
    """A route: its methods (`*`: all) and its path as it is written, with the expression that it matches."""

    methods: frozenset[str]
    path: str
    pattern: re.Pattern[str]

    def list_names(self) -> list[str]:
        """Give the route's names, one a method: `GET /v1/batches/{name}`. HEAD is asked for like GET."""
        return [f"{method} {self.path}" for method in sorted(self.methods - {"HEAD"})]

    def name_of(self, method: str, path: str) -> str | None:
        """Give the name under which the route takes a request, None when it does not take it."""
        asked = "GET" if method == "HEAD" else method
        taken = ANY if ANY in self.methods else asked if asked in self.methods else None
        return f"{taken} {self.path}" if taken and self.pattern.match(path) else None


def list_leaves(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Leaf]:
    """Give the routes below an address; what is mounted without routes of its own is one, for all methods."""
    for route in routes:
        included: Any = getattr(route, "original_router", None)
        if included is not None:
            yield from list_leaves(included.routes, prefix)
        elif isinstance(route, Mount) and route.routes:
            yield from list_leaves(route.routes, prefix + route.path)
        elif isinstance(route, Mount):
            yield _leaf(None, f"{prefix}{route.path}/{{path:path}}")
        elif isinstance(route, Route):
            yield _leaf(route.methods, prefix + route.path)
        else:
            raise TypeError(f"{type(route).__name__} is no kind of route whose rights can be told")


class Directory:
    """Tells which route takes a request. `read` gives the routes that there are now."""

    def __init__(self, read: Callable[[], Sequence[BaseRoute]]) -> None:
        self._read = read
        self._leaves: tuple[Leaf, ...] = ()
        self._look = lru_cache(_MOST)(self._search)

    def find(self, method: str, path: str) -> str | None:
        """Give the name of the route, None when there is none, as the application will say too."""
        if not self._leaves:
            self._list()
        return self._look(method, path)

    def find_late(self, method: str, path: str) -> str | None:
        """Look again among the routes that there are now: one that came later is none that nobody serves."""
        self._list()
        return self._look(method, path)

    def _list(self) -> None:
        self._leaves = tuple(list_leaves(self._read()))
        self._look.cache_clear()

    def _search(self, method: str, path: str) -> str | None:
        named = (leaf.name_of(method, path) for leaf in self._leaves)
        return next((name for name in named if name is not None), None)


def _leaf(methods: set[str] | None, path: str) -> Leaf:
    pattern, shown, _ = compile_path(path)
    return Leaf(frozenset(methods or {ANY}), shown, pattern)
