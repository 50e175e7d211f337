"""The query options of a request; what is unknown, stands twice or cannot be read is refused by its name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from hub.api.answer import PARAMETER
from hub.model import parse_instant
from hub.odata.model import EntitySet, find_set
from hub.odata.refusals import Refusal, not_compiled
from hub.odata.settings import OdataSettings
from hub.store.questions.expression import Expression, FilterError, NotCompiled, Ordering
from hub.store.questions.grammar import (
    Expansion,
    parse_expand,
    parse_filter,
    parse_order,
    parse_select,
)
from hub.store.questions.grouping import Step, list_columns, parse_apply

KNOWN = (
    "$filter",
    "$select",
    "$orderby",
    "$top",
    "$skip",
    "$count",
    "$expand",
    "$apply",
    "$search",
    "$skiptoken",
    "$format",
)
_NOT_COMPILED = ("$compute", "$levels", "$deltatoken", "$id", "$index", "$schemaversion", "$inlinecount")
_JSON = ("json", "application/json")
_LEVELS = ("none", "minimal")
_LARGEST = 2**31 - 1
Read = TypeVar("Read")


@dataclass(frozen=True)
class Options:
    """What was asked for; `expand` and `select` name members of the set."""

    condition: Expression | None = None
    select: tuple[str, ...] = ()
    order: tuple[Ordering, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: tuple[Expansion, ...] = ()
    apply: tuple[Step, ...] = ()
    search: str | None = None
    skiptoken: str | None = None
    as_known_at: datetime | None = None
    level: str = "minimal"


def read_options(
    pairs: Iterable[tuple[str, str]],
    accept: str,
    one: EntitySet | None,
    *,
    takes: Iterable[str],
    settings: OdataSettings,
) -> Options:
    """Give the options of a request for a set, or for what has none. Raises `Refusal`, `NotCompiled`."""
    told = _by_name(pairs, set(takes))
    level = _level(told.get("$format"), accept)
    apply = _parse(told, "$apply", parse_apply, ())
    select = _parse(told, "$select", parse_select, ())
    return Options(
        condition=_parse(told, "$filter", parse_filter, None),
        select=_columns(apply, select) if list_columns(apply) else _names(one, select),
        order=_parse(told, "$orderby", parse_order, ()),
        top=_number(told, "$top", most=_LARGEST),
        skip=_number(told, "$skip", most=settings.skipped) or 0,
        count=_truth(told, "$count"),
        expand=_expansions(one, _parse(told, "$expand", parse_expand, ())),
        apply=apply,
        search=told.get("$search"),
        skiptoken=told.get("$skiptoken"),
        as_known_at=_parse(told, PARAMETER, _instant, None),
        level=level,
    )


def _by_name(pairs: Iterable[tuple[str, str]], takes: set[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in pairs:
        if name in _NOT_COMPILED:
            raise not_compiled(name, target=name)
        if name in told:
            raise Refusal(400, "invalid-query", f"{name} stands twice; say it once.", target=name)
        if name not in KNOWN and name != PARAMETER:
            hint = f" Did you mean ${name}?" if f"${name}" in KNOWN else ""
            raise Refusal(
                400,
                "invalid-query",
                f"There is no query option {name[:40]}.{hint} Known are {', '.join(KNOWN)}, {PARAMETER}.",
            )
        if name not in takes and name not in ("$format", PARAMETER):
            raise Refusal(400, "invalid-query", f"{name} has no meaning at this address.", target=name)
        told[name] = value
    return told


def _parse(  # noqa: PLR0917 - an option, how it is read, what it is when nothing is said
    told: Mapping[str, str], name: str, parse: Callable[[str], Read], nothing: Read
) -> Read:
    if name not in told:
        return nothing
    try:
        return parse(told[name])
    except NotCompiled as error:
        raise Refusal(501, "not-compiled", f"{error}.", target=name) from error
    except FilterError as error:
        raise Refusal(400, "invalid-query", f"{name}: {error}.", target=name) from error


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise FilterError("expected a time with its zone, such as 2026-03-01T00:00:00Z") from error


def _number(told: Mapping[str, str], name: str, *, most: int) -> int | None:
    if name not in told:
        return None
    text = told[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
        hint = " Go on by @odata.nextLink instead." if name == "$skip" else ""
        raise Refusal(400, "invalid-query", f"{name} is a whole number from 0 to {most}.{hint}", target=name)
    return int(text)


def _truth(told: Mapping[str, str], name: str) -> bool:
    if told.get(name, "false") not in ("true", "false"):
        raise Refusal(400, "invalid-query", f"{name} is true or false.", target=name)
    return told.get(name) == "true"


def _columns(apply: tuple[Step, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the selected columns of groups."""
    known = list_columns(apply)
    if unknown := [name for name in names if name not in known]:
        raise Refusal(
            400,
            "invalid-query",
            f"$select: $apply makes no {unknown[0][:60]}; it makes {', '.join(known)}.",
            target="$select",
        )
    return names


def _names(one: EntitySet | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the structural members of a selection; navigations are shown by `$expand`."""
    if one is None or not names:
        return ()
    ways = {way.name for way in one.ways}
    known = {member.name for member in one.members}
    if unknown := [name for name in names if name not in known and name not in ways]:
        raise Refusal(
            400,
            "invalid-query",
            f"$select: {one.name} has no property {unknown[0][:60]}; it has {', '.join(sorted(known))}.",
            target="$select",
        )
    return tuple(dict.fromkeys(name for name in names if name in known)) or one.key


def _expansions(one: EntitySet | None, found: tuple[Expansion, ...]) -> tuple[Expansion, ...]:
    ways = {} if one is None else {way.name: way for way in one.ways}
    made: list[Expansion] = []
    for expansion in found:
        way = ways.get(expansion.name)
        target = find_set(way.target) if way else None
        if target is None:
            listed = ", ".join(sorted(ways)) or "none"
            raise Refusal(
                400,
                "invalid-query",
                f"$expand: there is no navigation {expansion.name[:60]}; known are {listed}.",
                target="$expand",
            )
        if expansion.name in {one.name for one in made}:
            raise Refusal(400, "invalid-query", f"$expand: {expansion.name} stands twice.", target="$expand")
        inner = _expansions(target, expansion.expand)
        made.append(replace(expansion, select=_names(target, expansion.select), expand=inner))
    return tuple(made)


def _level(format: str | None, accept: str) -> str:
    """Give how much metadata an answer has. Raises `Refusal` when it must not be JSON."""
    asked = [format] if format is not None else [part for part in accept.split(",") if part.strip()]
    offered = [found for one in asked if (found := _level_of(one)) is not None]
    if asked and not offered:
        raise Refusal(
            406 if format is None else 415,
            "not-acceptable",
            "This service answers in application/json with odata.metadata=minimal or none, $metadata in XML.",
            target="$format" if format is not None else "Accept",
        )
    return max(offered, key=lambda one: one[0])[1] if offered else "minimal"


def _level_of(media: str) -> tuple[float, str] | None:
    """Give how much a media type is wanted and its level of metadata; None for what is not offered."""
    name, *rest = [part.strip().lower() for part in media.split(";")]
    told = {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in rest)}
    try:
        quality = float(told.get("q", "1"))
    except ValueError:
        return None
    if name not in (*_JSON, "*/*", "application/*") or quality <= 0:
        return None
    level = told.get("odata.metadata", told.get("metadata", "minimal"))
    return (quality, level) if level in _LEVELS else None
