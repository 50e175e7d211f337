"""Values of many tags at the same instants: at one, or aligned to a grid, one column a tag."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hub.insight.course import Column, Course

Method = Literal["auto", "interpolated", "stepped"]
_STAMP = pa.timestamp("us", tz="UTC")


def align(courses: Mapping[str, Course], instants: Column, *, method: Method = "auto") -> pa.Table:
    """Give `ts` and a column a tag: its number at each instant, a text where the tag holds texts; else null.

    `auto` goes by the tag's kind; `stepped` takes the last value for all; `interpolated` asks that no tag is
    a step tag. Raises `ValueError` for a step tag that should be interpolated.
    """
    columns: dict[str, Any] = {"ts": pa.array(instants, pa.int64()).cast(_STAMP)}
    for name, course in courses.items():
        columns[name] = _column(name, course, instants, method=method)
    return pa.table(columns)


def look_up(courses: Mapping[str, Course], instant: int, *, method: Method = "auto") -> list[dict[str, Any]]:
    """Give each tag at an instant (µs): value or text, whether it is good, its sample's time and status."""
    at = np.asarray([instant])
    return [{"tag": name, **_look_up(name, course, at, method=method)} for name, course in courses.items()]


def _look_up(name: str, course: Course, at: Column, *, method: Method) -> dict[str, Any]:
    found: Any = _column(name, course, at, method=method)[0].as_py()
    number = int(course.before(at)[0]) if len(course.times) else -1
    has = number >= 0
    is_text = isinstance(found, str)
    exact = has and int(course.times[number]) == int(at[0])
    return {
        "value": None if is_text else found,
        "text": found if is_text else None,
        "is_good": found is not None,
        "is_interpolated": found is not None and not is_text and not exact and _is_sloped(course, method),
        "sampled_at": pa.scalar(int(course.times[number]), _STAMP).as_py() if has else None,
        "quality": int(course.quality[number]) if has else None,
    }


def _is_sloped(course: Course, method: Method) -> bool:
    return method != "stepped" and not course.is_step


def _column(name: str, course: Course, instants: Column, *, method: Method) -> Any:
    if method == "interpolated" and course.is_step:
        msg = f"{name} only changes in steps; ask for `method=auto` or `method=stepped`"
        raise ValueError(msg)
    if course.texts is not None:
        return _texts(course, instants)
    numbers = course.at(instants, stepped=method == "stepped")
    return pa.array(numbers, pa.float64(), mask=np.isnan(numbers))


def _texts(course: Course, instants: Column) -> Any:
    at = course.before(instants)
    known = (at >= 0) & (instants - course.times[at] < course.follows[at])
    return course.texts.take(pa.array(at, pa.int64(), mask=~known))


def make_grid(start: int, end: int, every: int) -> Column:
    """Give the whole multiples of `every` since 1970 in [start, end), in microseconds."""
    return np.arange(-(-start // every) * every, end, every, dtype=np.int64)
