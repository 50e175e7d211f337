"""Templates and the few words they need: times, numbers, amounts, values as people read them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.api.moment import moment_of_page
from hub.api.pages.instant import keep_instant
from hub.api.problems import KINDS, Problem

_SIGNIFICANT = 6
_WRITTEN = (
    ("{rev}/min", "rpm"),
    ("10*-3{AU}", "mAU"),
    ("{gauge}", " (g)"),
    ("10*6", "10⁶"),
    ("10*3", "10³"),
    ("Cel", "°C"),
    ("ug", "µg"),
    ("uL", "µL"),
    ("uS", "µS"),
    *((c, "") for c in "[]{}"),
)


def render(template: str, status: int = 200, **context: Any) -> Response:
    """Give a page; everything put into it is escaped."""
    moment = moment_of_page.get()
    body = _templates.get_template(template).render(moment=moment, **context)
    return Response(keep_instant(body, moment), status, media_type="text/html; charset=utf-8")


def render_problem(problem: Problem, path: str) -> Response:
    """Give a problem as a page; candidates of an ambiguous name lead to theirs."""
    status, title = KINDS[problem.kind]
    base = "/lots/" if path.startswith("/lots/") else "/batches/"
    candidates = problem.members.get("candidates", [])
    return render(
        "problem.html", status, title=title, detail=problem.detail, candidates=candidates, base=base
    )


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
    """Give an amount or measurement in its unit: as written (`<0.05`, `3.10`) unless it was converted."""
    if not amount:
        return ""
    said = amount.get("text")
    number = show_number(amount.get("value"))
    return f"{number if not said or is_converted(amount) else said} {show_unit(amount.get('unit'))}".strip()


def show_reported(amount: dict[str, Any] | None) -> str:
    """Give an amount as its source wrote it, when that reads differently; else nothing."""
    if not amount or not is_converted(amount):
        return ""
    return f"{amount['text']} {amount['source_unit'] or ''}".strip()


def is_converted(amount: dict[str, Any]) -> bool:
    """Tell whether the number is no longer the one that the source wrote."""
    try:
        return amount.get("value") is not None and float(amount.get("text") or "nan") != amount["value"]
    except ValueError:
        return False


def show_unit(code: str | None) -> str:
    """Give a UCUM code as people write it: °C for `Cel`, 10⁶/mL for `10*6/mL`, nothing for `1`."""
    if code is None or code == "1":
        return ""
    for ucum, written in _WRITTEN:
        code = code.replace(ucum, written)
    return code


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
            amount = cast("dict[str, Any]", value)
            reported = show_reported(amount)
            return f"{show_amount(amount)} ({reported})" if reported else show_amount(amount)
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


def show_evidence(evidence: Any) -> str:
    """Give what a link of names rests on as `name: value`, one after the other."""
    match evidence:
        case None:
            return ""
        case dict():
            given = cast("dict[str, Any]", evidence)
            return ", ".join(
                f"{show_words(str(key))}: {show_evidence(value)}" for key, value in given.items()
            )
        case list():
            return ", ".join(show_evidence(part) for part in cast("list[Any]", evidence))
        case _:
            return show_value(evidence)


def quote_part(text: str) -> str:
    """Give a text as one part of an address, slashes and all."""
    return quote(text, safe="")


def show_words(name: str | None) -> str:
    """Give a member's name as words."""
    return "" if name is None else name.replace("_", " ")


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
    "reported": show_reported,
    "unit": show_unit,
    "value": show_value,
    "age": show_age,
    "evidence": show_evidence,
    "part": quote_part,
    "words": show_words,
}
cast("Any", _templates).filters.update(_words)
