"""The connector class: a file is a document; each value in it is a result of a sample."""

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar

from connectors.asm import cedex, flex2, model, vi_cell
from connectors.asm.conversion import Converted, convert
from connectors.asm.readings import Read, Reading, Specimen, Unreadable, specimens
from connectors.asm.settings import AsmConfig
from hub.model import Record, Sample, TestResult
from hub.sdk import (
    BadRecord,
    Config,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    RecordSource,
    Rejected,
    Stream,
    Unauthorized,
    attempt,
    reject,
)
from hub.sdk.folder import Listed, Listing, list_files

_READERS: dict[str, Read] = {
    "asm": model.read_model,
    "flex2": flex2.read_flex2,
    "cedex_bioht": cedex.read_cedex,
    "vi_cell_blu": vi_cell.read_vi_cell,
}
_TABLES = {"flex2": flex2.MARK, "vi_cell_blu": vi_cell.MARK}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_TIE_NS = 2_000_000_000
"""Looked at again each time: as coarse as file systems keep time, so that no second write hides."""
_LOOKED_AT = 4096
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_DATES = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y"}


class Asm(RecordSource[AsmConfig]):
    """Files of laboratory instruments: Allotrope Simple Model, and what some write themselves."""

    name: ClassVar[str] = "asm"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = AsmConfig

    def check(self) -> Health:
        """Look for files, read the newest, and have allotropy started where it is to convert."""
        files = self._find()
        if self.config.vendor is not None or self.config.form == "allotropy":
            convert(self.config, [])
        if (newest := files.newest) and self.config.form != "allotropy":
            with suppress(FileNotFoundError):
                text = self._text(newest)
                form = text if isinstance(text, Rejected) else self._form(text)
                if isinstance(form, str) and form != "allotropy":
                    try:
                        next(_READERS[form](text if isinstance(text, str) else ""), None)
                    except BadRecord as error:
                        raise Misconfigured(f"{newest.name}: {error.reason}", remedy=error.remedy) from error
        return Health(system="instrument files", detail=f"{len(files)} file(s) in {self.config.root}")

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="results", every_s=self.config.every_s)]

    # ------------------------------------------------------------------------------------ reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        if stream != "results":
            raise Misconfigured(f"there is no stream {stream!r}", remedy="streams: results")
        since = int((cursor or {}).get("changed_ns", 0)) - _TIE_NS
        files = self._find(since)
        coming = iter(files)
        while some := list(islice(coming, self.config.page_files)):
            found = self._page(some)
            yield Page(
                documents=[one for one in found if isinstance(one, Document)],
                rejected=[one for one in found if isinstance(one, Rejected)],
                cursor={"changed_ns": files.reached(some[-1])},
                total=len(files),
            )

    def _page(self, files: Sequence[Listed]) -> list[Document | Rejected]:
        found: dict[str, Document | Rejected] = {}
        foreign: list[Listed] = []
        for file in files:
            if file.size > self.config.max_mib * 1024 * 1024:
                found[file.name] = Rejected(
                    reason=f"the file has {file.size:,} bytes", key=file.name, remedy="raise `max_mib`"
                )
                continue
            if self.config.form == "allotropy":
                foreign.append(file)
                continue
            with suppress(FileNotFoundError):  # moved away since it was listed
                text = self._text(file)
                form = "" if isinstance(text, Rejected) else self._form(text)
                if form in _READERS and isinstance(text, str):
                    found[file.name] = self._document(file, form, text)
                elif self.config.vendor is not None:
                    foreign.append(file)
                else:
                    found[file.name] = text if isinstance(text, Rejected) else _unknown(file)
        for file, converted in zip(foreign, self._convert(foreign), strict=True):
            if converted.model is None:
                remedy = "see whether `vendor` names the instrument that wrote the file"
                found[file.name] = Rejected(reason=converted.error, key=file.name, remedy=remedy)
            else:
                found[file.name] = self._document(file, "asm", converted.model)
        return [found[file.name] for file in files if file.name in found]

    def _convert(self, files: Sequence[Listed]) -> list[Converted]:
        return convert(self.config, [Path(self.config.root) / f.name for f in files]) if files else []

    @staticmethod
    def _document(file: Listed, form: str, text: str) -> Document:
        return Document(
            object_type=form,
            key=file.name,
            payload=text,
            media_type="application/json" if form == "asm" else "text/plain",
            seq=file.changed_ns // 1000,
        )

    def _form(self, text: str) -> str:
        """Tell what a file is: by the settings, or by what it begins with."""
        if self.config.form != "auto":
            return self.config.form
        begin = text[:_LOOKED_AT].lstrip()
        if begin.startswith("{"):
            return "asm" if model.MARK in text else ""
        line = begin.partition("\n")[0]
        if cedex.MARK in line:
            return "cedex_bioht"
        return next((form for form, mark in _TABLES.items() if all(name in line for name in mark)), "")

    # ------------------------------------------------------------------------------------ meaning
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        read = _READERS.get(document.object_type)
        if read is None:
            raise BadRecord(f"nothing reads {document.object_type}", where=document.key)
        parts = list(read(document.payload))
        for specimen in specimens(parts):
            yield self._sample(document, specimen)
        used: dict[tuple[str, str], int] = {}
        for part in parts:
            if isinstance(part, Unreadable):
                yield Rejected(reason=part.reason, where=part.where)
            elif isinstance(part, Reading):
                yield self._result(document, part, used)

    def _sample(self, document: Document, specimen: Specimen) -> Record | Rejected:
        return attempt(
            Sample,
            specimen.code,
            key=f"{document.key}/{specimen.key}",
            code=specimen.code,
            batch=specimen.batch or self._batch_in(specimen.code),
            equipment=specimen.vessel,
            sample_type=specimen.role,
        )

    def _result(
        self, document: Document, part: Reading, used: dict[tuple[str, str], int]
    ) -> Record | Rejected:
        what = part.specimen.key, f"{part.name}|{part.quantity}"
        used[what] = used.get(what, 0) + 1
        try:
            value = self.measurement(part.text, part.unit)
            at = self._instant(part)
        except ValueError as error:
            return reject(error, part.key)
        return attempt(
            TestResult,
            part.key,
            key=f"{document.key}/{part.specimen.key}/{part.key}",
            sample=f"{document.key}/{part.specimen.key}",
            test_code=part.name[:120],
            property=part.quantity,
            kind="calculated" if part.is_calculated else "measured",
            replicate=used[what],
            value=value,
            status=part.status,
            measured_at=at,
            analyst=part.analyst,
        )

    def _batch_in(self, code: str) -> str | None:
        found = re.search(self.config.batch_pattern, code) if self.config.batch_pattern else None
        return found.group("batch") if found else None

    def _instant(self, part: Reading) -> datetime | None:
        """Give a time as instruments write it: ISO 8601, or a date with the year last and a clock."""
        if part.at is None:
            return None
        date, _, clock = " ".join(part.at.split()).partition(" ")
        if "/" not in date and len(date.partition("-")[0]) == 4:
            return self.instant(part.at)
        told, order = f"{date.replace('-', '/')} {clock}", _DATES[self.config.date_order]
        for form in _CLOCKS:
            with suppress(ValueError):
                naive = datetime.strptime(told, f"{order} {form}")  # noqa: DTZ007 - `instant` knows the zone
                break
        else:
            raise ValueError(f"{part.at!r} is no time with `date_order` {self.config.date_order}")
        return self.instant(naive)

    # -------------------------------------------------------------------------------------- files
    def _find(self, since_ns: int | None = None) -> Listing:
        root = Path(self.config.root)
        if not root.is_dir():
            raise Misconfigured(f"{root} is no folder", remedy="set `root` to the instruments' folder")
        if not os.access(root, os.R_OK | os.X_OK):
            raise Unauthorized(f"{root} may not be read", remedy="grant the hub's user read access")
        return list_files(root, self.config.globs, since_ns=since_ns)

    def _text(self, file: Listed) -> str | Rejected:
        try:
            content = (Path(self.config.root) / file.name).read_bytes()
        except PermissionError as error:
            raise Unauthorized(f"{file.name} may not be read", remedy="grant read access") from error
        marked = next((name for bom, name in _BOMS if content.startswith(bom)), None)
        try:
            return content.decode(self.config.encoding or marked or "utf-8").replace("\x00", "")
        except (UnicodeDecodeError, LookupError) as error:
            return Rejected(reason=str(error), key=file.name, remedy="set `encoding`")


def _unknown(file: Listed) -> Rejected:
    return Rejected(
        reason="no reader knows a file that begins so",
        key=file.name,
        remedy="set `form`, or `vendor` to have allotropy convert it, or narrow `globs`",
    )
