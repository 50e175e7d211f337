"""Tables as instruments export them: a header line, then a line a sample."""

import csv
import io
from collections.abc import Iterator, Mapping

from hub.sdk import BadRecord

Row = Mapping[str, str]


def read_table(text: str, required: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    """Give the rows by the names of their columns, each with its line. Raises `BadRecord`."""
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        head = [name.strip().replace("\u03bc", "\u00b5") for name in next(lines, list[str]())]
        missing = [name for name in required if name not in head]
        if missing:
            raise BadRecord(
                f"the header lacks {', '.join(missing)}", remedy="export the file with all its columns"
            )
        for cells in lines:
            if any(cell.strip() for cell in cells):
                named = zip(head, cells, strict=False)
                yield lines.line_num, {name: cell.strip() for name, cell in named if name}
    except csv.Error as error:
        raise BadRecord(
            f"line {lines.line_num} is no CSV: {error}", remedy="export the file again"
        ) from error
