"""Where the rows of a table lie in the file of an SQLite database (its file format, 1.6: B-tree pages)."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

LEAF, INTERIOR = 13, 5


def find_cells(file: Path, table: str) -> dict[int, tuple[int, int]]:
    """Give where each row of a table starts and ends in the file, by rowid; rows that need no overflow page."""
    with sqlite3.connect(file) as stranger:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = stranger.execute(query, (table,)).fetchone()
        (size,) = stranger.execute("PRAGMA page_size").fetchone()
    stranger.close()
    return dict(_walk(file.read_bytes(), root, size))


def _walk(content: bytes, page: int, size: int) -> Iterator[tuple[int, tuple[int, int]]]:
    start = (page - 1) * size
    kind, count = content[start], int.from_bytes(content[start + 3 : start + 5], "big")
    header = 8 if kind == LEAF else 12
    for at in range(count):
        pointer = start + header + 2 * at
        cell = start + int.from_bytes(content[pointer : pointer + 2], "big")
        if kind == INTERIOR:
            yield from _walk(content, int.from_bytes(content[cell : cell + 4], "big"), size)
            continue
        length, after = _read_varint(content, cell)
        rowid, payload = _read_varint(content, after)
        assert length <= size - 35, "this row needs an overflow page"
        yield rowid, (cell, payload + length)
    if kind == INTERIOR:
        yield from _walk(content, int.from_bytes(content[start + 8 : start + 12], "big"), size)


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    while content[at] & 0x80:
        value, at = value << 7 | content[at] & 0x7F, at + 1
    return value << 7 | content[at], at + 1
