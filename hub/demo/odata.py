"""OData V2 query options over rows in memory: `$filter`, `$orderby`, `$select`, `$expand`, paging, printing.

Grammar: OData 2.0 "URI Conventions" and "JSON Format"; error bodies as SAP Gateway writes them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from hub.demo.erp_types import ENTITY_TYPES, EntityType

Row = dict[str, Any]
Test = Callable[[Row], bool]
PAGE_SIZE = 50
"""The most rows a page has; what is left follows under `__next`."""


class QueryError(ValueError):
    """A query the service cannot answer; the message is what SAP Gateway would put in its error body."""


# ------------------------------------------------------------------------------------------------ filter
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<typed>(?:datetimeoffset|datetime|time|guid)'[^']*')"
    r"|(?P<number>-?\d+(?:\.\d+)?[mMdDfFlL]?)"
    r"|(?P<word>[A-Za-z_][A-Za-z_0-9/]*)"
    r"|(?P<mark>[(),]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a is not None and b is not None and a > b,
    "ge": lambda a, b: a is not None and b is not None and a >= b,
    "lt": lambda a, b: a is not None and b is not None and a < b,
    "le": lambda a, b: a is not None and b is not None and a <= b,
}
_FUNCTIONS: dict[str, Callable[[Any, Any], bool]] = {
    "substringof": lambda part, text: str(part) in str(text),
    "startswith": lambda text, part: str(text).startswith(str(part)),
    "endswith": lambda text, part: str(text).endswith(str(part)),
}


def compile_filter(text: str, kind: EntityType) -> Test:
    """Give the row test of a `$filter`; `QueryError` for syntax, unknown fields or unknown functions."""
    parser = _Parser(_tokens(text), kind)
    test = parser.alternatives()
    if parser.rest:
        raise QueryError(f"Invalid filter expression near '{parser.rest[0][1]}'")
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise QueryError(f"Invalid token detected at position {position + 1}")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


class _Parser:
    """A recursive descent over the tokens; `rest` is what has not been read."""

    def __init__(self, tokens: list[tuple[str, str]], kind: EntityType) -> None:
        self.rest = tokens
        self._kind = kind

    def alternatives(self) -> Test:
        tests = [self._conjunction()]
        while self._accept("or"):
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _conjunction(self) -> Test:
        tests = [self._negation()]
        while self._accept("and"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _negation(self) -> Test:
        if self._accept("not"):
            test = self._negation()
            return lambda row: not test(row)
        if self._accept("("):
            test = self.alternatives()
            self._demand(")")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        left = self._operand()
        word = self.rest[0][1] if self.rest else ""
        if word not in _COMPARE:
            return lambda row: bool(left(row))
        self.rest = self.rest[1:]
        compare, right = _COMPARE[word], self._operand()
        return lambda row: compare(_comparable(left(row)), _comparable(right(row)))

    def _operand(self) -> Callable[[Row], Any]:
        if not self.rest:
            raise QueryError("Invalid filter expression: operand expected at the end")
        (group, token), self.rest = self.rest[0], self.rest[1:]
        if group != "word":
            value = read_literal(token)
            return lambda _: value
        if token in {"true", "false", "null"}:
            constant = {"true": True, "false": False, "null": None}[token]
            return lambda _: constant
        if token in _FUNCTIONS:
            return self._call(_FUNCTIONS[token])
        if token not in self._kind.fields:
            raise QueryError(f"Property {token} not found in type {self._kind.name}Type")
        return lambda row: row.get(token)

    def _call(self, function: Callable[[Any, Any], bool]) -> Callable[[Row], bool]:
        self._demand("(")
        first = self._operand()
        self._demand(",")
        second = self._operand()
        self._demand(")")
        return lambda row: function(first(row), second(row))

    def _accept(self, token: str) -> bool:
        if self.rest and self.rest[0][1] == token and self.rest[0][0] in {"word", "mark"}:
            self.rest = self.rest[1:]
            return True
        return False

    def _demand(self, token: str) -> None:
        if not self._accept(token):
            raise QueryError(f"Invalid filter expression: '{token}' expected")


_DURATION = re.compile(r"^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?$")


def read_literal(token: str) -> Any:
    """Give the value of an OData V2 literal; `QueryError` when it is none."""
    try:
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.startswith("datetimeoffset'"):
            return datetime.fromisoformat(token[15:-1]).astimezone(UTC)
        if token.startswith("datetime'"):
            return datetime.fromisoformat(token[9:-1]).replace(tzinfo=UTC)
        if token.startswith("time'"):
            found = _DURATION.match(token[5:-1])
            hours, minutes, seconds = (int(g or 0) for g in found.groups()) if found else (-1, 0, 0)
            return time(hours, minutes, seconds)
        return Decimal(token.rstrip("mMdDfFlL"))
    except (ValueError, ArithmeticError) as error:
        raise QueryError(f"Invalid literal {token}") from error


def _comparable(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


# -------------------------------------------------------------------------------------------------- page
@dataclass(frozen=True)
class Page:
    """Rows of one answer, how many the filter let through, and where the next page begins (None: nowhere)."""

    rows: list[Row]
    total: int
    next_skip: int | None


def select_page(rows: list[Row], kind: EntityType, options: Mapping[str, str]) -> Page:
    """Apply `$filter`, `$orderby`, `$skip`/`$skiptoken` and `$top`; at most `PAGE_SIZE` rows a page."""
    if options.get("$filter"):
        test = compile_filter(options["$filter"], kind)
        rows = [row for row in rows if test(row)]
    rows = _sort(rows, kind, options.get("$orderby", ""))
    skip = _count(options, "$skip")
    at = _count(options, "$skiptoken")
    top = _count(options, "$top", len(rows))
    wanted = rows[skip : skip + top][at:]
    has_more = len(wanted) > PAGE_SIZE
    return Page(wanted[:PAGE_SIZE], len(rows), at + PAGE_SIZE if has_more else None)


def _count(options: Mapping[str, str], name: str, default: int = 0) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise QueryError(f"Invalid value for {name}: '{text}'")
    return int(text)


def _sort(rows: list[Row], kind: EntityType, order: str) -> list[Row]:
    rows = sorted(rows, key=lambda row: tuple(str(row[key]) for key in kind.keys))
    for part in reversed([p.strip() for p in order.split(",") if p.strip()]):
        name, _, direction = part.partition(" ")
        if name not in kind.fields:
            raise QueryError(f"Property {name} not found in type {kind.name}Type")
        if direction.strip() not in {"", "asc", "desc"}:
            raise QueryError(f"Invalid sort direction '{direction}'")
        rows = sorted(
            rows,
            key=lambda row, n=name: (row[n] is not None, _comparable(row[n]) if row[n] is not None else 0),
            reverse=direction.strip() == "desc",
        )
    return rows


# ----------------------------------------------------------------------------------------------- printing
def print_row(row: Row, kind: EntityType, *, base: str, options: Mapping[str, str]) -> Row:
    """Give the JSON of an entity: V2 dates and times, decimals as text, links expanded or deferred."""
    expanded = [name for name in options.get("$expand", "").split(",") if name]
    selected = [name.strip() for name in options.get("$select", "").split(",") if name.strip()]
    for name in expanded:
        if name.split("/")[0] not in kind.links:
            raise QueryError(f"Invalid $expand: {name} is no navigation property of {kind.name}Type")
    for name in selected:
        if name.split("/")[0] not in kind.fields and name.split("/")[0] not in kind.links:
            raise QueryError(f"Property {name} not found in type {kind.name}Type")
    uri = f"{base}/{kind.name}({_key(row, kind)})"
    printed: Row = {"__metadata": {"id": uri, "uri": uri, "type": f"{kind.service}.{kind.name}Type"}}
    wanted = selected or [*kind.fields, *kind.links]
    printed |= {name: print_value(row.get(name)) for name in kind.fields if name in wanted}
    for link, target in kind.links.items():
        if link in expanded:
            printed[link] = _print_linked(row.get(link), ENTITY_TYPES[target], base)
        elif link in wanted:
            printed[link] = {"__deferred": {"uri": f"{uri}/{link}"}}
    return printed


def _print_linked(linked: Row | list[Row] | None, kind: EntityType, base: str) -> Row:
    if isinstance(linked, list):
        return {"results": [print_row(row, kind, base=base, options={}) for row in linked]}
    return print_row(linked or {}, kind, base=base, options={})


def _key(row: Row, kind: EntityType) -> str:
    parts = [(key, str(row.get(key, "")).replace("'", "''")) for key in kind.keys]
    return f"'{parts[0][1]}'" if len(parts) == 1 else ",".join(f"{key}='{text}'" for key, text in parts)


def print_value(value: Any) -> Any:
    """Give a value as OData V2 JSON writes it."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return f"/Date({int(value.timestamp() * 1000)}+0000)/"
    if isinstance(value, date):
        return f"/Date({int(datetime.combine(value, time(), UTC).timestamp() * 1000)})/"
    if isinstance(value, time):
        length = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second).seconds
        return f"PT{length // 3600:02d}H{length % 3600 // 60:02d}M{length % 60:02d}S"
    if isinstance(value, Decimal):
        return f"{value:.3f}"
    return str(value)


def print_page(page: Page, kind: EntityType, *, base: str, options: Mapping[str, str]) -> Row:
    """Give the body of a collection answer."""
    body: Row = {"results": [print_row(row, kind, base=base, options=options) for row in page.rows]}
    if options.get("$inlinecount") == "allpages":
        body["__count"] = str(page.total)
    if page.next_skip is not None:
        following = {k: v for k, v in options.items() if k != "$skiptoken"} | {
            "$skiptoken": str(page.next_skip)
        }
        body["__next"] = f"{base}/{kind.name}?{urlencode(following)}"
    return {"d": body}


def print_error(code: str, message: str) -> Row:
    """Give an error body as SAP Gateway writes it."""
    return {
        "error": {
            "code": code,
            "message": {"lang": "en", "value": message},
            "innererror": {
                "application": {"component_id": "", "service_namespace": "/SAP/", "service_version": "0001"},
                "transactionid": "",
                "errordetails": [],
            },
        }
    }


def read_key(text: str, kind: EntityType) -> dict[str, Any]:
    """Give the key fields of `Set('x')` or `Set(A='x',B='y')`; `QueryError` when they do not fit."""
    named = dict(re.findall(r"([A-Za-z_]\w*)=('(?:[^']|'')*'|[^,]+)", text))
    if not named and len(kind.keys) == 1:
        named = {kind.keys[0]: text}
    if set(named) != set(kind.keys):
        raise QueryError(f"Key of {kind.name} must be {', '.join(kind.keys)}")
    return {name: read_literal(token) for name, token in named.items()}
