"""One tag's samples in tables that fit in memory, however many there are."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pyarrow as pa

from hub.store.coverage import Span
from hub.store.database import Connection
from hub.store.samples import count_at_most, read_samples

PIECE = 1_000_000
"""A table has about so many rows, and no more than twice as many."""
_SHORT = timedelta(seconds=1)
"""So short a time is not cut any more."""


def read_pieces(connection: Connection, tag_id: int, span: Span) -> Iterator[pa.Table]:
    """Give the samples of a tag as `read_samples` does, in tables that follow each other in time."""
    start, end = span
    count = count_at_most(connection, [tag_id], start=start, end=end, roughly=True)
    if count > 2 * PIECE:
        count = count_at_most(connection, [tag_id], start=start, end=end)
    if count <= 2 * PIECE or end - start <= _SHORT:
        table = read_samples(connection, [tag_id], start, end)
        if table.num_rows:
            yield table
        return
    number = -(-count // PIECE)
    step = (end - start) / number
    edges = [start + step * at for at in range(number)] + [end]
    for part in pairwise(edges):
        yield from read_pieces(connection, tag_id, part)
