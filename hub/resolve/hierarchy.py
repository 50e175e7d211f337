"""The equipment hierarchy as materialised paths of ids: renames are free, a subtree is one range."""

from hub.store.database import Connection
from hub.store.hierarchy import load_parents, write_paths


def lay_paths(connection: Connection) -> None:
    """Bring every equipment path in line with its parents; a loop ends at where it closes."""
    parents, standing = load_parents(connection)
    paths = {one: _path(one, parents) for one in parents}
    write_paths(connection, {i: p for i, p in paths.items() if standing[i] != p})


def _path(one: int, parents: dict[int, int | None]) -> str:
    chain: list[int] = []
    at: int | None = one
    while at is not None and at not in chain:
        chain.append(at)
        at = parents.get(at)
    return "/" + "/".join(str(i) for i in reversed(chain)) + "/"
