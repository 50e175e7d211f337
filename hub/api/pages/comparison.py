"""Golden facts with who says so, and every system's version of them side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.api.pages.rendering import show_amount, show_number, show_time, show_unit, show_value
from hub.model.mastered import MASTERED
from hub.model.shape import fields_of

_OWN_SCHEMES = frozenset({"batch", "lot", "material_lot"})


@dataclass(frozen=True)
class Voice:
    """A source and the record in which it says something; how that reads where it is not what counts."""

    source: str
    record: int
    text: str = ""
    is_settled: bool = False


@dataclass(frozen=True)
class Golden:
    """A golden value: what it is called, how it reads, where it leads, who says so, and who says otherwise.

    `decided` is what let it count: a version of a rule, or a person with their reason.
    """

    name: str
    text: str
    link: str
    sources: list[Voice]
    others: list[Voice]
    decided: str
    why: str


@dataclass(frozen=True)
class Cell:
    """What one system says about one attribute."""

    value: Any
    record: int
    is_winner: bool
    in_conflict: bool
    is_settled: bool


@dataclass(frozen=True)
class Row:
    """One attribute in every system's words, in the order of the columns."""

    name: str
    golden: str
    cells: list[Cell | None]
    in_conflict: bool


@dataclass(frozen=True)
class Sighting:
    """What the systems call a thing, or how much of one kind of fact each has seen of it."""

    name: str
    cells: list[str]


@dataclass(frozen=True)
class Comparison:
    """A table: one column a system; names first, then a row an attribute, then how much each has seen."""

    sources: list[str]
    names: list[Sighting]
    rows: list[Row]
    seen: list[Sighting]


def list_golden(
    entity_type: str, thing: dict[str, Any], said: list[dict[str, Any]], *, bases: dict[str, str]
) -> list[Golden]:
    """Give the golden values that are known, in the order of the model; `bases` are pages of references."""
    voices: dict[str, list[dict[str, Any]]] = {}
    for one in said:
        voices.setdefault(one["attribute"], []).append(one)
    golden: list[Golden] = []
    for name in _attributes(entity_type):
        value = _golden(thing, name)
        if value is None or name == "description":  # the description stands above the facts
            continue
        some = voices.get(name, [])
        counting = [one for one in some if one["is_winner"]]
        link = f"{bases[name]}{value['uid']}" if name in bases else ""
        golden.append(
            Golden(
                name,
                _text(value),
                link,
                [Voice(one["source"], one["source_record"]) for one in counting],
                [_other(o) for o in some if not o["is_winner"] and (o["in_conflict"] or o["is_settled"])],
                *_decided(counting),
            )
        )
    return golden


def _other(one: dict[str, Any]) -> Voice:
    apart = one["difference"]
    unit = show_unit(apart["unit"]) if apart else ""
    more = f" ({apart['value']:+.4g} {unit}".rstrip() + ")" if apart else ""
    return Voice(
        one["source"], one["source_record"], f"{show_value(one['value'])}{more}", is_settled=one["is_settled"]
    )


def _decided(counting: list[dict[str, Any]]) -> tuple[str, str]:
    """Give what let a value count in few words, and why in more."""
    for one in counting:
        decision, rule = one["decision"], one["rule"]
        if decision is not None:
            when = show_time(decision["decided_at"])
            return f"decided by {decision['decided_by']}", f"{when}: {decision['reason']}"
        if rule is not None:
            return f"rule v{rule['version']}", f"{rule['entity_type']}/{rule['attribute']}"
    return "", ""


def compare(
    entity_type: str,
    thing: dict[str, Any],
    said: list[dict[str, Any]],
    *,
    names: Sequence[dict[str, Any]] = (),
    facts: Mapping[str, Sequence[dict[str, Any]]] | None = None,
) -> Comparison:
    """Give what each system says, attribute by attribute, in the order of the model.

    `names` give what each calls it; `facts` are lists of observed facts by what they are, to be counted.
    """
    called = _names_by_source(names)
    counted = {
        what: Counter(_source(fact["source"]) for fact in some) for what, some in (facts or {}).items()
    }
    sources = sorted(
        {one["source"] for one in said} | called.keys() | {s for count in counted.values() for s in count}
    )
    order = {name: at for at, name in enumerate(_attributes(entity_type))}
    stated: dict[str, dict[str, dict[str, Any]]] = {}
    for one in said:
        stated.setdefault(one["attribute"], {})[one["source"]] = one
    rows: list[Row] = []
    for name in sorted(stated, key=lambda n: (order.get(n, len(order)), n)):
        cells = [_cell(stated[name].get(source)) for source in sources]
        value = _golden(thing, name)
        in_conflict = any(cell is not None and cell.in_conflict for cell in cells)
        rows.append(Row(name, "" if value is None else _text(value), cells, in_conflict))
    return Comparison(
        sources,
        [Sighting("name", [", ".join(called.get(source, ())) for source in sources])] if called else [],
        rows,
        [
            Sighting(what, [str(count[source]) if count[source] else "" for source in sources])
            for what, count in counted.items()
        ],
    )


def _names_by_source(names: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Give what each system calls a thing; another system's key that it only repeats is not its name."""
    called: dict[str, list[str]] = {}
    for name in names:
        source, _, scheme = name["scheme"].partition(":")
        if scheme in _OWN_SCHEMES:
            called.setdefault(_source(source), []).append(name["label"])
    return called


def _source(code: str) -> str:
    """Give the system behind a source: what is found in a historian's signals is the historian's."""
    return code.removesuffix(".frames")


def _cell(one: dict[str, Any] | None) -> Cell | None:
    if one is None:
        return None
    return Cell(one["value"], one["source_record"], one["is_winner"], one["in_conflict"], one["is_settled"])


def _attributes(entity_type: str) -> list[str]:
    return [field.name for field in fields_of(MASTERED[entity_type])]


def _golden(thing: dict[str, Any], name: str) -> Any:
    """Give the value that counts; a value on none of the standards' lists as it was written."""
    return thing.get(f"{name}_text") or thing.get(name)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value["code"]) if "code" in value else show_amount(value)  # pyright: ignore[reportUnknownArgumentType] # a golden amount
    if hasattr(value, "tzinfo"):
        return show_time(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return show_number(value) if isinstance(value, int | float) else str(value)
