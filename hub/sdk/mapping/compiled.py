"""A mapping ready for use: one source object in, records and rejected parts out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from hub.model import Measurement, Quantity, Record
from hub.sdk.document import Place, Placed, Rejected
from hub.sdk.mapping.path import (
    Constant,
    Expression,
    Jmes,
    Path,
    Scope,
    Template,
    each_item,
    parse_each,
    parse_expression,
)
from hub.sdk.mapping.schema import RECORD_TYPES, Condition, FieldKind, FieldRule, Rule, field_kinds
from hub.sdk.mapping.value import Reader


class _FaultError(ValueError):
    """A field could not be made; carries where."""

    def __init__(self, field: str, source: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.source = source


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: FieldKind
    rule: FieldRule
    source: Expression
    unit: Expression | None
    scheme: Expression | None
    match: Expression | None
    zone: ZoneInfo | None

    @classmethod
    def compile(cls, name: str, kind: FieldKind, rule: FieldRule) -> "_Field":
        return cls(
            name=name,
            kind=kind,
            rule=rule,
            source=_source(rule),
            unit=parse_expression(rule.unit_path) if rule.unit_path else None,
            scheme=_text_or_template(rule.scheme),
            match=parse_expression(rule.match) if rule.match else None,
            zone=ZoneInfo(rule.zone) if rule.zone else None,
        )

    def build(self, scope: Scope, reader: Reader) -> Any:
        """Give the field's value, or None when the source says nothing."""
        try:
            given = self._given(scope, reader)
            return None if given is None else self._value(given, scope, reader)
        except ValueError as error:
            raise _FaultError(self.name, self.source.text, _first_line(error)) from error

    def text(self, scope: Scope, reader: Reader) -> str:
        """Give the text of a stated value as the source wrote it."""
        return reader.text(self._given(scope, reader))

    def _given(self, scope: Scope, reader: Reader) -> Any:
        given = reader.stated(self.source.find(scope))
        if given is None:
            return self.rule.default
        if self.rule.map is None:
            return given
        key = reader.text(given)
        if key in self.rule.map:
            return self.rule.map[key]
        if "*" in self.rule.map:
            return self.rule.map["*"]
        msg = f'{key!r} is not in the map; add it, or "*" for all others'
        raise ValueError(msg)

    def _value(self, given: Any, scope: Scope, reader: Reader) -> Any:
        rule = self.rule
        match self.kind:
            case "identifier" | "identifiers":
                return self._identifier(given, scope, reader)
            case "quantity":
                return self._amount(Quantity, given, scope=scope, reader=reader)
            case "measurement":
                return self._amount(Measurement, given, scope=scope, reader=reader)
            case "instant":
                return reader.instant(given, pattern=rule.format, zone=self.zone)
            case "number":
                return reader.number(given, decimal=rule.decimal, thousands=rule.thousands)
            case "flag":
                return given if isinstance(given, bool) else reader.flag(given)
            case "text":
                return reader.text(given)

    def _amount(
        self, kind: type[Quantity] | type[Measurement], given: Any, *, scope: Scope, reader: Reader
    ) -> Any:
        unit = reader.stated(self.unit.find(scope)) if self.unit else None
        return reader.amount(
            kind, given, unit or self.rule.unit, decimal=self.rule.decimal, thousands=self.rule.thousands
        )

    def _identifier(self, given: Any, scope: Scope, reader: Reader) -> dict[str, Any]:
        scheme = self.scheme.find(scope) if self.scheme else None
        match = reader.stated(self.match.find(scope)) if self.match else None
        return {
            "value": reader.text(given),
            "scheme": scheme or "",
            "match": None if match is None else reader.text(match),
        }


@dataclass(frozen=True, slots=True)
class _Test:
    rule: Condition
    path: Expression
    pattern: re.Pattern[str] | None

    def holds(self, scope: Scope, reader: Reader) -> bool:
        given = reader.stated(self.path.find(scope))
        if given is None:
            return not self.rule.stated
        if not self.rule.stated:
            return False
        text = reader.text(given) if not isinstance(given, dict | list) else ""
        rule = self.rule
        return (
            (rule.equals is None or text == reader.text(rule.equals) or _same_number(text, rule.equals))
            and (rule.one_of is None or text in rule.one_of)
            and (rule.not_in is None or text not in rule.not_in)
            and (self.pattern is None or self.pattern.match(text) is not None)
        )


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    kind: type[Record]
    steps: tuple[Path, ...]
    tests: tuple[_Test, ...]
    fields: tuple[_Field, ...]

    @classmethod
    def compile(cls, rule: Rule) -> "_Compiled":
        kind = RECORD_TYPES[rule.record]
        kinds = field_kinds(kind)
        fields = [
            _Field.compile(name, kinds[name], one)
            for name, written in rule.fields.items()
            for one in (written if isinstance(written, tuple) else (written,))
        ]
        tests = tuple(
            _Test(c, parse_expression(c.path), re.compile(c.matches) if c.matches else None)
            for c in rule.when
        )
        return cls(rule, kind, parse_each(rule.each) if rule.each else (), tests, tuple(fields))

    def scopes(self, scope: Scope, reader: Reader) -> Iterator[Scope]:
        for item in each_item(scope, self.steps):
            for cell in _cells(item, self.rule.columns, reader):
                if all(test.holds(cell, reader) for test in self.tests):
                    yield cell

    def places(self, scope: Scope, reader: Reader) -> dict[str, Place]:
        """Give where the fields of a scope's record stand, as far as paths tell."""
        found: dict[str, Place] = {}
        for one in self.fields:
            given = reader.stated(one.source.find(scope))
            place = one.source.place(scope)
            if given is not None and place and not isinstance(given, dict | list):
                found.setdefault(one.name, Place(path=place, text=reader.text(given)))
        return found

    def record(self, scope: Scope, reader: Reader) -> Record | Rejected:
        values: dict[str, Any] = {}
        try:
            for one in self.fields:
                value = one.build(scope, reader)
                if value is None:
                    continue
                if one.kind == "identifiers":
                    values.setdefault(one.name, []).append(value)
                else:
                    values[one.name] = value
                    if one.name in self.kind.verbatim:
                        values.setdefault(f"{one.name}_text", one.text(scope, reader))
            return self.kind(**values)
        except _FaultError as fault:
            where = _where(scope, f"{self.rule.record}.{fault.field}", fault.source)
            return Rejected(reason=f"{fault.field}: {fault}", where=where)
        except ValidationError as error:
            return self._reject(error, scope)

    def _reject(self, error: ValidationError, scope: Scope) -> Rejected:
        sources = {one.name: one.source.text for one in self.fields}
        faults: list[str] = []
        first = ""
        for fault in error.errors(include_url=False, include_context=False):
            name = str(fault["loc"][0]) if fault["loc"] else ""
            first = first or name
            said = (
                "not stated by the source, but required"
                if fault["type"] == "missing"
                else str(fault["msg"]).removeprefix("Value error, ")
            )
            faults.append(f"{name}: {said}" if name else said)
        target = f"{self.rule.record}.{first}" if first else self.rule.record
        where = _where(scope, target, sources.get(first, ""))
        return Rejected(reason="; ".join(faults), where=where)


class RecordMapping:
    """Rules compiled once. `apply` is pure: the same object gives the same records."""

    def __init__(self, rules: Sequence[Rule], reader: Reader | None = None) -> None:
        self.reader = reader or Reader()
        self._rules = [_Compiled.compile(rule) for rule in rules]

    def apply(self, item: Any, attributes: Mapping[str, Any] | None = None) -> Iterator[Record | Rejected]:
        """Give what one object states; a part that cannot be read is a `Rejected` naming path and field.

        `attributes` are reachable as `@name` (a document's key, for one).
        """
        scope = Scope(item, None, attributes or {})
        for rule in self._rules:
            try:
                for at in rule.scopes(scope, self.reader):
                    yield rule.record(at, self.reader)
            except ValueError as error:
                yield Rejected(reason=str(error), where=f"{rule.rule.record} (condition)")

    def locate(self, item: Any, attributes: Mapping[str, Any] | None = None) -> Iterator[Placed]:
        """Give the records that `apply` gives, with the places at which they and their fields stand."""
        scope = Scope(item, None, attributes or {})
        for rule in self._rules:
            with suppress(ValueError):  # `apply` reports a condition that cannot be judged
                for at in rule.scopes(scope, self.reader):
                    record = rule.record(at, self.reader)
                    if isinstance(record, Record):
                        yield Placed(record=record, at=at.place, fields=rule.places(at, self.reader))

    def sources(self) -> set[str]:
        """Name the top-level keys of the object that the rules read: what a table's header must have."""
        named: set[str] = set()
        for rule in self._rules:
            nested = bool(rule.steps)
            for path in _paths(rule):
                top = path.parts[0] if path.parts and path.attribute is None else None
                outer = path.from_root or path.up >= len(rule.steps)
                if isinstance(top, str) and (not nested or outer):
                    named.add(top)
            named.update(str(row["column"]) for row in rule.rule.columns or ())
            if rule.steps and rule.steps[0].parts:
                named.add(str(rule.steps[0].parts[0]))
        return named


def _paths(rule: _Compiled) -> Iterable[Path]:
    expressions: list[Expression | None] = [test.path for test in rule.tests]
    for one in rule.fields:
        expressions += [one.source, one.unit, one.scheme, one.match]
    for expression in expressions:
        if isinstance(expression, Path):
            yield expression
        elif isinstance(expression, Template):
            yield from (piece for piece in expression.pieces if isinstance(piece, Path))


def _cells(scope: Scope, columns: tuple[dict[str, Any], ...] | None, reader: Reader) -> Iterator[Scope]:
    if columns is None:
        yield scope
        return
    item: Any = scope.item
    row = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    for column in columns:
        value = reader.stated(row.get(column["column"]))
        if value is not None:
            place = f"{scope.place}.{column['column']}".lstrip(".")
            attributes = {**scope.attributes, **column, "value": value}
            yield Scope(item, scope.parent, attributes, place)


def _source(rule: FieldRule) -> Expression:
    if rule.path is not None:
        return parse_expression(rule.path)
    if rule.jmespath is not None:
        return Jmes.parse(rule.jmespath)
    return Constant(rule.const)


def _text_or_template(text: str | None) -> Expression | None:
    if text is None:
        return None
    return Template.parse(text) if "{" in text else Constant(text)


def _where(scope: Scope, target: str, source: str) -> str:
    at = source if not scope.place else f"{scope.place}: {source}" if source else scope.place
    return f"{at} -> {target}" if at else target


def _same_number(text: str, wanted: object) -> bool:
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        return False
    try:
        return float(text) == float(wanted)
    except ValueError:
        return False


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_context=False)
        return "; ".join(str(f["msg"]).removeprefix("Value error, ") for f in faults)
    return str(error)
