"""A journal's text as rows: by a header or the documented order; tab, semicolon or comma between."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from connectors.batch_events.settings import BatchEventsConfig
from connectors.batch_events.shapes import COLUMNS, HEADERLESS, NEEDED
from hub.sdk import BadRecord

_SEPARATORS = "\t;,"


@dataclass(frozen=True)
class Row:
    """One event as written: values by our names of columns, and its line."""

    line: int
    values: Mapping[str, str] = field(default_factory=dict[str, str])

    def __getitem__(self, name: str) -> str:
        """Give a value without blanks around it; "" when there is none."""
        return self.values.get(name, "").strip()


def read_rows(text: str, config: BatchEventsConfig) -> Iterator[Row]:
    """Give the rows of a journal. Raises `BadRecord` when it has not the columns that are needed."""
    kind = "inbatch" if config.shape == "inbatch" else "journal"
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    lines = csv.reader(
        io.StringIO(text),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL,
    )
    head = [name.strip().lower() for name in first.strip("\r").split(separator)]
    places, has_header = _place(kind, head, config.columns), True
    if config.shape == "factorytalk" and not places:
        places, has_header = _place(kind, list(HEADERLESS), {}), False
        if len(head) != len(HEADERLESS):
            places = {}
    if lacking := [name for name in NEEDED[kind] if name not in places]:
        raise BadRecord(
            f"the header has no column for {', '.join(lacking)}; it has {', '.join(head)[:300]}",
            where="line 1",
            remedy="name the site's own columns under `columns`, or correct `shape`",
        )
    for cells in lines:
        if lines.line_num == 1 and has_header:
            continue
        if any(cell.strip() for cell in cells):
            yield Row(lines.line_num, {n: cells[at] for n, at in places.items() if at < len(cells)})


def _place(kind: str, head: list[str], renamed: Mapping[str, str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for name, known in COLUMNS[kind].items():
        for spelling in (renamed[name].lower(),) if name in renamed else known:
            if spelling in head:
                places[name] = head.index(spelling)
                break
    return places
