"""Connectors that read records from a folder against opening each file and decoding it with the usual library."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from lxml import etree

from connectors.asm import Asm, AsmConfig
from connectors.b2mml import B2mml, B2mmlConfig
from connectors.batch_events import BatchEvents, BatchEventsConfig
from connectors.files import Files, FilesConfig
from hub.sdk import RecordSource
from tests.bench.reading import DOCUMENTS, T0, race, read_documents, weigh
from tests.bench.ruler import Row
from tests.connectors.asm.files import asm, measurement
from tests.connectors.batch_events.journals import FACTORYTALK, journal

RECORD = Path(__file__).parent.parent / "connectors" / "b2mml" / "B26-0117.xml"


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A kind of connector, and a folder of so many documents for it."""

    name: str
    count: int
    make: Callable[[Path], RecordSource[Any]]
    stream: str
    write: Callable[[Path, int], None]
    bare: Callable[[Path], int]

    def measure(self, folder: Path) -> Iterator[Row]:
        """Give its rate and its memory."""
        few, many = folder / "few", folder / "many"
        for place, count in ((few, self.count), (many, 10 * self.count)):
            place.mkdir()
            self.write(place, count)

        def read(place: Path, *, parsed: bool = False) -> int:
            return read_documents(self.make(place), self.stream, parsed=parsed)

        yield from race(
            self.name,
            DOCUMENTS,
            self.count,
            connector=partial(read, few),
            bare=partial(self.bare, few),
            stated=partial(read, few, parsed=True),
        )
        yield weigh(self.name, partial(read, few), partial(read, many))


def _write(folder: Path, number: int, suffix: str, text: str) -> None:
    path = folder / f"{number:06d}{suffix}"
    path.write_text(text, encoding="utf-8", newline="")
    at = T0.timestamp() + number
    os.utime(path, (at, at))


# ----------------------------------------------------------------------------------------------- b2mml
def _write_records(folder: Path, count: int) -> None:
    undated = "<Event><EntryID>E2</EntryID><ObjectType>Event</ObjectType>"
    dated = f"{undated}<TimeStamp>2026-03-17T02:12:00Z</TimeStamp>"
    text = RECORD.read_text(encoding="utf-8").replace(undated, dated)  # which is refused, as it should be
    for n in range(count):
        _write(folder, n, ".xml", text.replace("B26-0117", f"B{n:07d}").replace("EBR-2026-0117", f"EBR-{n}"))


def _parse_files(folder: Path) -> int:
    return sum(1 for path in sorted(folder.iterdir()) if len(etree.fromstring(path.read_bytes())))


def _b2mml(folder: Path) -> B2mml:
    return B2mml(B2mmlConfig.model_validate({"folder": str(folder)}))


def bench_b2mml(folder: Path) -> Iterator[Row]:
    """Batch production records of 7 kB each, against lxml."""
    yield from Filed(
        name="b2mml",
        count=500,
        make=_b2mml,
        stream="documents",
        write=_write_records,
        bare=_parse_files,
    ).measure(folder)


# ---------------------------------------------------------------------------------------- batch_events
def _write_journals(folder: Path, count: int) -> None:
    for n in range(count):
        _write(folder, n, ".evt", journal([line.replace("B26-1", f"B{n:05d}") for line in FACTORYTALK * 5]))


def _read_journals(folder: Path) -> int:
    rows = 0
    for path in sorted(folder.iterdir()):
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows += len(list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)))
    return rows


def _batch_events(folder: Path) -> BatchEvents:
    told = {"root": str(folder), "shape": "factorytalk", "timezone": "UTC", "units": {"Deg C": "Cel"}}
    return BatchEvents(BatchEventsConfig.model_validate(told))


def bench_batch_events(folder: Path) -> Iterator[Row]:
    """Journals of 70 events each, against the csv module."""
    yield from Filed(
        name="batch_events",
        count=200,
        make=_batch_events,
        stream="journals",
        write=_write_journals,
        bare=_read_journals,
    ).measure(folder)


# ------------------------------------------------------------------------------------------------- asm
def _write_models(folder: Path, count: int) -> None:
    value = {"value": 7.34, "unit": "pH"}
    text = asm(
        *(measurement(f"S-{n}", **{"measurement identifier": f"M{n}", "pH": value}) for n in range(30))
    )
    for n in range(count):
        _write(folder, n, ".json", text)


def _decode_files(folder: Path) -> int:
    return sum(1 for path in sorted(folder.iterdir()) if json.loads(path.read_bytes()))


def _asm(folder: Path) -> Asm:
    return Asm(AsmConfig.model_validate({"root": str(folder)}))


def bench_asm(folder: Path) -> Iterator[Row]:
    """Allotrope models of 30 measurements each, against the json module."""
    yield from Filed(
        name="asm",
        count=200,
        make=_asm,
        stream="results",
        write=_write_models,
        bare=_decode_files,
    ).measure(folder)


# ----------------------------------------------------------------------------------------------- files
def _write_table(folder: Path, count: int) -> None:
    lines = ["sample,test,batch,entry,unit,changed"]
    for n in range(count):
        at = (T0 + timedelta(seconds=n)).isoformat()
        lines.append(f"S{n // 10},T{n % 10},B{n // 50},{n / 7:.3f},mg/L,{at}")
    _write(folder, 0, ".csv", "\n".join([*lines, ""]))


def _read_table(folder: Path) -> int:
    with (folder / "000000.csv").open(newline="", encoding="utf-8-sig") as file:
        return len([json.dumps(row) for row in csv.DictReader(file)])


def _files(folder: Path) -> Files:
    fields = {
        "key": "{sample}/{test}",
        "sample": "sample",
        "test_code": "test",
        "value": {"path": "entry", "unit_path": "unit"},
        "measured_at": "changed",
    }
    stream = {
        "files": "*.csv",
        "key": "{sample}/{test}",
        "changed_at": "changed",
        "records": [{"record": "test_result", "fields": fields}],
    }
    return Files(FilesConfig.model_validate({"root": str(folder), "streams": {"results": stream}}))


def bench_files(folder: Path) -> Iterator[Row]:
    """Rows of a CSV as JSON documents, against the csv and json modules."""
    yield from Filed(
        name="files CSV",
        count=5_000,
        make=_files,
        stream="results",
        write=_write_table,
        bare=_read_table,
    ).measure(folder)
