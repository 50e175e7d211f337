"""Text columns into times and values, in Arrow: never a Python object a sample."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow.compute

from connectors.files.localtime import Micros
from connectors.files.settings import SeriesTable
from hub.model import SAMPLE_SCHEMA, quality
from hub.sdk import Misconfigured

Column: TypeAlias = Any
"""A `pyarrow.Array`; its stubs leave so much unknown that naming the type says nothing."""
pa: Any = pyarrow
pc: Any = pyarrow.compute

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_OFFSET = r"(Z|z|[+-]\d\d:?\d\d)$"
_EPOCHS = {"epoch_s": 1e6, "epoch_ms": 1e3, "epoch_us": 1.0}
_FLOAT = pa.float64()
_MOST_BYTES = 2**30
"""A column of names that is longer has offsets that do not fit; Arrow says so itself."""


@dataclass(frozen=True, slots=True)
class Times:
    """Times of a block: microseconds, whether they are UTC already, and which rows had one."""

    micros: Micros
    is_utc: bool
    known: npt.NDArray[np.bool_]


def read_times(columns: list[Column], pattern: str | None, where: str) -> Times:
    """Read the time column, or date and time columns; cells that are no time leave their row out."""
    if len(columns) == 1 and pa.types.is_timestamp(columns[0].type):
        stamps = columns[0].cast(pa.timestamp("us", columns[0].type.tz), safe=False)
        return _times(stamps, is_utc=columns[0].type.tz is not None)
    if len(columns) == 1 and not _is_text(columns[0].type):
        return _epochs(columns[0], pattern or "epoch_s")
    texts = [pc.utf8_trim_whitespace(_text(column)) for column in columns]
    text = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, " ")
    if pattern in _EPOCHS:
        numbers = pc.if_else(pc.match_substring_regex(text, _NUMBER), text, pa.scalar(None, pa.string()))
        return _epochs(numbers.cast(pa.float64()), pattern)
    if pattern is not None:
        return _patterned(text, pattern)
    zoned = pc.match_substring_regex(text, _OFFSET)
    any_zoned, all_zoned = pc.any(zoned).as_py(), pc.all(zoned).as_py()
    if any_zoned and not all_zoned:
        raise Misconfigured(
            f"{where}: some times have an offset and some have none", remedy="set `time_format`"
        )
    return _iso(text, is_utc=bool(any_zoned))


def _iso(text: Column, *, is_utc: bool) -> Times:
    kind = pa.timestamp("us", "UTC") if is_utc else pa.timestamp("us")
    try:
        return _times(text.cast(kind), is_utc=is_utc)
    except pa.ArrowInvalid:
        likely = pc.match_substring_regex(
            text, r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?" + _OFFSET[:-1] + "?$"
        )
        clean = pc.if_else(likely, text, pa.scalar(None, pa.string()))
        try:
            return _times(clean.cast(kind), is_utc=is_utc)
        except pa.ArrowInvalid:
            return _one_by_one(text, kind, is_utc=is_utc)


def _one_by_one(text: Column, kind: Any, *, is_utc: bool) -> Times:
    """Find the impossible dates (30 February) of a block that Arrow refuses as a whole."""
    parts: list[Column] = []
    for number in range(len(text)):
        try:
            parts.append(text.slice(number, 1).cast(kind))
        except pa.ArrowInvalid:
            parts.append(pa.nulls(1, kind))
    return _times(pa.concat_arrays(parts), is_utc=is_utc)


def _patterned(text: Column, pattern: str) -> Times:
    """Read by strptime; Arrow's knows no %f, so a fraction is read apart."""
    head, fraction = text, None
    for sign in (".", ","):
        if pattern.endswith(f"{sign}%f"):
            pattern = pattern.removesuffix(f"{sign}%f")
            found = pc.extract_regex(text, rf"^(?P<head>.*?)(?:[{sign}](?P<fraction>\d{{1,6}})\d*)?$")
            head = pc.struct_field(found, "head")
            digits = pc.utf8_rpad(pc.fill_null(pc.struct_field(found, "fraction"), ""), 6, "0")
            fraction = np.asarray(digits.cast(pa.int64()))
    zoned = "%z" in pattern
    stamps = pc.strptime(head, format=pattern, unit="us", error_is_null=True)
    times = _times(stamps, is_utc=zoned)
    return times if fraction is None else Times(times.micros + fraction, times.is_utc, times.known)


def _epochs(numbers: Column, pattern: str) -> Times:
    factor = _EPOCHS.get(pattern, 1e6)
    values = np.asarray(pc.fill_null(numbers.cast(pa.float64(), safe=False), 0.0))
    known = np.asarray(pc.is_valid(numbers), dtype=np.bool_)
    return Times(np.rint(values * factor).astype(np.int64), is_utc=True, known=known)


def _times(stamps: Column, *, is_utc: bool) -> Times:
    micros = stamps.cast(pa.timestamp("us", stamps.type.tz)).view(pa.int64())
    known = np.asarray(pc.is_valid(micros), dtype=np.bool_)
    return Times(np.asarray(pc.fill_null(micros, 0)), is_utc, known)


@dataclass(slots=True)
class Values:
    """Values of a block: number or text, and the quality; `present` says which rows are samples, None all."""

    number: Column
    text: Column
    quality: Column
    present: Column | None

    def add_quality(self, codes: Column) -> None:
        """Take the source's codes where the cell itself was good; a bad or doubtful blank is a sample."""
        self.quality = pc.if_else(pc.equal(self.quality, quality.GOOD), codes, self.quality)
        if self.present is not None:
            self.present = pc.or_(self.present, pc.not_equal(pc.shift_right(codes, 30), 0))


def read_values(column: Column, table: SeriesTable, value_type: str) -> Values:
    """Read one value column: numbers, or texts where the cell is no number."""
    none, good = _blanks(len(column))
    if value_type != "string" and _is_plain(column):
        return Values(column, none, good, None)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if value_type != "string" and not _is_text(column.type):
        number = column.cast(pa.float64(), safe=False)
        number = pc.if_else(pc.is_finite(number), number, pa.scalar(None, pa.float64()))
        return Values(number, none, good, pc.is_valid(number))
    text = pc.utf8_trim_whitespace(_text(column))
    blank = pc.or_(pc.equal(text, ""), pc.is_in(text, pa.array(table.missing, pa.string())))
    text = pc.if_else(pc.fill_null(blank, fill_value=True), pa.scalar(None, pa.string()), text)
    bad = pc.and_(pc.is_in(text, pa.array(table.bad, pa.string())), pc.is_valid(text))
    codes = pc.if_else(bad, pa.scalar(quality.BAD, pa.uint32()), pa.scalar(quality.GOOD, pa.uint32()))
    present = pc.is_valid(text)
    if value_type == "string":
        return Values(pa.nulls(len(column), pa.float64()), text, codes, present)
    plain = pc.replace_substring(text, ",", ".") if table.decimal == "," else text
    if value_type == "boolean":
        word = pc.utf8_lower(plain)
        plain = pc.if_else(pc.is_in(word, pa.array(["true", "yes", "on"])), "1", plain)
        plain = pc.if_else(pc.is_in(word, pa.array(["false", "no", "off"])), "0", plain)
    numeric = pc.and_(pc.match_substring_regex(plain, _NUMBER), pc.invert(bad))
    number = pc.if_else(numeric, plain, pa.scalar(None, pa.string())).cast(pa.float64())
    return Values(number, pc.if_else(numeric, pa.scalar(None, pa.string()), text), codes, present)


def read_quality(column: Column, table: SeriesTable, where: str) -> Column:
    """Read the quality column: status codes, or words of the `quality` table."""
    if not _is_text(column.type):
        return pc.fill_null(column.cast(pa.int64()), quality.GOOD).cast(pa.uint32())
    words = pc.fill_null(pc.utf8_trim_whitespace(_text(column)), "").dictionary_encode()
    codes: list[int] = []
    for word in words.dictionary.to_pylist():
        code = table.quality.get(str(word), int(str(word)) if str(word).isdigit() else table.quality.get("*"))
        if code is None:
            raise Misconfigured(
                f"{where}: quality {word!r} is not known",
                remedy='add it, or "*" for all others, to `quality`',
            )
        codes.append(code)
    return pa.array(codes, pa.uint32()).take(words.indices)


@lru_cache(maxsize=1)
def _blanks(count: int) -> tuple[Column, Column]:
    """Give no texts, and good qualities: the columns of a block that holds numbers share them."""
    return pa.nulls(count, pa.string()), pa.array(np.full(count, quality.GOOD, np.uint32))


def to_stamps(micros: Micros) -> Column:
    """Give UTC microseconds as a column of times."""
    return pa.array(micros, pa.int64()).view(pa.timestamp("us", tz="UTC"))


def repeat_tag(tag: str, count: int) -> Column:
    """Give a column of one name; Arrow's own `repeat` takes thrice as long."""
    name = tag.encode()
    size = len(name)
    if not 0 < size * count <= _MOST_BYTES:
        return pa.repeat(pa.scalar(tag), count)
    offsets = np.arange(0, size * (count + 1), size, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(name * count))


def sample_batch(tags: Column, stamps: Column, values: Values) -> pyarrow.RecordBatch:
    """Make a batch of `SAMPLE_SCHEMA` from columns of one length, without the rows that are no sample."""
    arrays = [tags, stamps, values.number, values.text, values.quality]
    batch = pa.RecordBatch.from_arrays(arrays, schema=SAMPLE_SCHEMA)
    present = values.present
    return batch if present is None or present.true_count == len(present) else batch.filter(present)


def _is_plain(column: Column) -> bool:
    """Whether a column holds numbers as samples have them, and nothing else."""
    return bool(column.type == _FLOAT and column.null_count == 0 and np.isfinite(column.to_numpy()).all())


def _is_text(kind: Any) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)


def _text(column: Column) -> Column:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())
