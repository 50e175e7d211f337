"""Templates and the few words they need: times, numbers, amounts, values as people read them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_SIGNIFICANT = 6


def render(template: str, status: int = 200, **context: Any) -> Response:
    """Give a page; everything put into it is escaped."""
    body = _templates.get_template(template).render(**context)
    return Response(body, status, media_type="text/html; charset=utf-8")


def show_time(moment: datetime | None) -> str:
    """Give a time as `2026-03-10 08:00:00`, UTC (the pages say so once)."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def show_number(number: float | None) -> str:
    """Give a number without noise digits."""
    if number is None:
        return ""
    if number == int(number) and abs(number) < 1e15:
        return f"{int(number):,}".replace(",", " ")
    return f"{number:.{_SIGNIFICANT}g}"


def show_amount(amount: dict[str, Any] | None) -> str:
    """Give an amount or measurement: the text as reported when there is one, with its unit."""
    if not amount:
        return ""
    unit = amount.get("unit") or amount.get("source_unit") or ""
    said = amount.get("text") or show_number(amount.get("value"))
    return f"{said} {'' if unit == '1' else unit}".strip()


def show_value(value: Any) -> str:
    """Give the value of an assertion: scalar, amount or reference."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case {"scheme": _}:
            reference: dict[str, Any] = value
            return str(reference.get("label") or reference.get("value"))
        case dict():
            return show_amount(cast("dict[str, Any]", value))
        case int() | float():
            return show_number(value)
        case list():
            return ", ".join(show_value(part) for part in cast("list[Any]", value))
        case _:
            return _tidy(str(value))


def show_age(seconds: float | None) -> str:
    """Give a time span as people say it."""
    if seconds is None:
        return "never"
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def show_words(name: str) -> str:
    """Give a member's name as words."""
    return name.replace("_", " ")


def _tidy(text: str) -> str:
    """Show an instant of an assertion like every other time."""
    if len(text) >= 20 and text[4:5] == "-" and text[10:11] == "T":
        try:
            return show_time(datetime.fromisoformat(text))
        except ValueError:
            return text
    return text


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_words: dict[str, Any] = {
    "time": show_time,
    "number": show_number,
    "amount": show_amount,
    "value": show_value,
    "age": show_age,
    "words": show_words,
}
cast("Any", _templates).filters.update(_words)
