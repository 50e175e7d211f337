"""The tree against every head that was ever signed: in the store, and in the files that left it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection

from hub.model import parse_instant
from hub.store.seal.findings import Report
from hub.store.seal.heads import (
    KnownKey,
    TreeHead,
    head_of,
    list_heads,
    list_keys,
    newest_head,
    read_head,
    read_key,
)
from hub.store.seal.log import STEP
from hub.store.seal.signing import PublicKey
from hub.store.seal.trail import BATCH, fetch
from hub.store.seal.tree import Frontier

_LEAVES = "SELECT id, hash FROM audit_leaf WHERE id >= {m} ORDER BY id LIMIT {m}"
_NODES = "SELECT number, hash FROM tree_node WHERE level = {m} AND number >= {m} AND number <= {m}"
_STORE = "the store"


@dataclass
class HeadsFile:
    """What a file of heads outside the store holds; `faults` are its lines that are neither head nor key."""

    name: str
    is_beside: bool = False
    """Whether it lies in the store's own data folder, where whoever rewrites the store finds it too."""
    heads: list[TreeHead] = field(default_factory=list[TreeHead])
    keys: list[KnownKey] = field(default_factory=list[KnownKey])
    faults: list[str] = field(default_factory=list[str])


def read_heads_file(file: Path, *, home: Path | None = None) -> HeadsFile:
    """Read a file of heads, one JSON object a line; `home` is the store's data folder.

    Raises `OSError` when it cannot be opened.
    """
    is_beside = home is not None and file.resolve().is_relative_to(home.resolve())
    found = HeadsFile(str(file), is_beside=is_beside)
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                given: Any = orjson.loads(line)
                if given["kind"] == "key":
                    found.keys.append(read_key(given))
                else:
                    found.heads.append(read_head(given))
            except (ValueError, TypeError, KeyError):
                found.faults.append(f"line {number} is neither a head nor a key")
    return found


def check_history(
    connection: Connection, report: Report, *, files: Sequence[HeadsFile], trusted: Sequence[str]
) -> None:
    """Check the leaves, the stored nodes, each head against the tree and its signature, and the keys."""
    outside = _check_files(report, files)
    keys = _check_keys(connection, report, files, trusted=trusted)
    sources = [_placed(_STORE, _in_order(report, list_heads(connection)))]
    sources += [_placed(file.name, sorted(file.heads, key=_size)) for file in files]
    heads = merge(*sources, key=lambda placed: placed[1].size)
    _walk(connection, report, heads, keys)
    if outside:
        _check_reach(connection, report, outside)


def _check_files(report: Report, files: Sequence[HeadsFile]) -> list[TreeHead]:
    """Name what is wrong with the files themselves; give the heads that were kept outside."""
    for file in files:
        if not file.heads:
            report.add("file", file.name, "there is no head in it")
        for fault in file.faults:
            report.add("file", file.name, fault)
        if file.is_beside:
            report.warnings.append(
                f"{file.name} lies in the data folder, which is no place outside: whoever rewrites the store "
                "can rewrite it too; let heads leave (heads_file), or give --heads a copy kept elsewhere"
            )
    outside = [head for file in files if not file.is_beside for head in file.heads]
    report.outside = len(outside)
    if not outside:
        report.warnings.append(
            "no heads outside the store were compared: whoever rewrote all of it would not be found"
        )
    return outside


def _check_reach(connection: Connection, report: Report, outside: Sequence[TreeHead]) -> None:
    """Say how far back the newest head outside lies; one that the store does not have is a finding."""
    newest, reach = newest_head(connection), max(head.size for head in outside)
    if newest is None or not 0 < reach < newest.size:
        return
    last = head_of(connection, reach)
    if last is None:
        return
    age = timedelta(seconds=round((parse_instant(newest.at) - parse_instant(last.at)).total_seconds()))
    report.warnings.append(
        f"the newest head outside is of {last.at}, {age} and {newest.size - last.size:,} rows before the "
        "store's newest: whoever rewrote what was sealed since would not be found"
    )


Placed = tuple[str, TreeHead]
"""A head and where it was found."""


def _placed(where: str, heads: Iterable[TreeHead]) -> Iterator[Placed]:
    return ((where, head) for head in heads)


def _in_order(report: Report, heads: Iterator[TreeHead]) -> Iterator[TreeHead]:
    """Give the heads of the store, which grow; one that does not is named and left out."""
    last = None
    for head in heads:
        if last is not None and (head.size < last.size or head.at <= last.at):
            report.add(
                "head", f"the head of {head.size} rows, {head.at}", "it does not follow the one before it"
            )
            continue
        last = head
        yield head


def _size(head: TreeHead) -> int:
    return head.size


def _walk(  # noqa: PLR0917 - each head is looked at with the keys
    connection: Connection, report: Report, heads: Iterator[Placed], keys: Mapping[str, PublicKey]
) -> None:
    """Grow the tree from its leaves and stop at each size that a head was signed over."""
    frontier, leaves = Frontier(step=STEP), _read_leaves(connection, report)
    good = 0
    for size, group in groupby(heads, key=lambda placed: placed[1].size):
        while frontier.size < size and (leaf := next(leaves, None)) is not None:
            _append(connection, report, frontier, leaf)
        root = frontier.root().hex() if frontier.size == size else None
        placed = list(group)
        for where, head in placed:
            report.heads += where == _STORE
            _check_head(report, where, head, keys=keys, root=root, size=frontier.size, good=good)
        _check_kept(report, placed)
        if all(head.root == root for _, head in placed):
            good = size
    for leaf in leaves:
        _append(connection, report, frontier, leaf)
    _check_nodes(connection, report, frontier.completed)
    report.sealed = frontier.size


def _check_head(
    report: Report,
    where: str,
    head: TreeHead,
    *,
    keys: Mapping[str, PublicKey],
    root: str | None,
    size: int,
    good: int,
) -> None:
    """Check a head against the root of the tree at its size (None when the tree is not that large)."""
    name = f"the head of {head.size} rows, {head.at}, in {where}"
    key = keys.get(head.key_id)
    if key is None:
        report.add("signature", name, f"it names the key {head.key_id}, which nobody knows")
    elif not key.verifies(head.message, head.signature):
        report.add("signature", name, f"the key {head.key_id} did not sign it")
    if root is None:
        report.add("tail", name, f"the log ends after {size} rows: {head.size - size} were cut off", seq=size)
    elif root != head.root:
        report.add(
            "history", name, f"a row from {good} to {head.size - 1} is not the one it covers", seq=good
        )


def _check_kept(report: Report, placed: Sequence[Placed]) -> None:
    """Check that the store still has the heads that left it."""
    kept = {head.signature for where, head in placed if where == _STORE}
    for where, head in placed:
        if head.signature not in kept:
            report.add(
                "head", f"the head of {head.size} rows, {head.at}, in {where}", "the store has it no more"
            )


def _append(  # noqa: PLR0917 - what is told, then the tree and what it grows by
    connection: Connection, report: Report, frontier: Frontier, leaf: bytes
) -> None:
    frontier.append(leaf)
    if len(frontier.completed) >= BATCH:
        _check_nodes(connection, report, frontier.completed)
        frontier.completed.clear()


def _check_nodes(connection: Connection, report: Report, nodes: Sequence[tuple[int, int, bytes]]) -> None:
    """Check that the stored nodes are those that the leaves make."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    for level in {level for level, _, _ in nodes}:
        made = {number: one for at, number, one in nodes if at == level}
        found = fetch(connection, _NODES.format(m=mark), (level, min(made), max(made)))
        stored = {number: bytes(one) for number, one in found}
        for number in sorted(made.keys() | stored.keys()):
            if made.get(number) != stored.get(number):
                place = f"node {number} of level {level}"
                report.add("node", place, "it is not what its leaves make", seq=number << level)


def _read_leaves(connection: Connection, report: Report) -> Iterator[bytes]:
    """Give the hashes of the leaves up to the first gap."""
    mark, size = ("?" if connection.dialect.name == "sqlite" else "%s"), 0
    while rows := fetch(connection, _LEAVES.format(m=mark), (size, BATCH)):
        for seq, leaf in rows:
            if seq != size:
                report.add("missing-leaf", f"leaf {size}", f"the log goes on with leaf {seq}", seq=size)
                return
            yield bytes(leaf)
            size += 1


def _check_keys(
    connection: Connection, report: Report, files: Sequence[HeadsFile], *, trusted: Sequence[str]
) -> dict[str, PublicKey]:
    """Check that each key was named by the one before it, here and outside; give all keys by id."""
    stored = list_keys(connection)
    ours = {key.public.key_id for key in stored}
    _check_succession(report, _STORE, stored, trusted=trusted)
    found = {key.public.key_id: key.public for key in stored}
    for file in files:
        _check_succession(report, file.name, file.keys, trusted=trusted)
        for key in file.keys:
            found.setdefault(key.public.key_id, key.public)
            if key.public.key_id not in ours:
                report.add("key", f"key {key.public.key_id} in {file.name}", "the store does not know it")
    return found


def _check_succession(
    report: Report, where: str, keys: Sequence[KnownKey], *, trusted: Sequence[str]
) -> None:
    known: dict[str, PublicKey] = {}
    for number, key in enumerate(keys):
        own = key.public.key_id
        former = known.get(key.endorsed_by or "")
        is_endorsed = former is not None and former.verifies(key.message, key.endorsement or "")
        if number and own not in known and own not in trusted and not is_endorsed:
            report.add("key", f"key {own} in {where}", "no earlier key signed for it")
        known[own] = key.public
