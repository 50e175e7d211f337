"""Which tag measures what on which unit: an exact table first, then rules; what matches nothing is listed."""

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from hub.model import Identifier, Tag, UnknownUnitError, find_unit
from hub.sdk import Misconfigured

COLUMNS = ("tag", "equipment", "property", "unit", "step", "low", "high", "criticality")
"""Of a map; the first three are needed."""


class TagRule(BaseModel):
    """A regular expression over tag names; `equipment` and `property` may use its named groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    equipment: str
    property: str
    unit: str | None = None
    step: bool | None = None


class TagMapSettings(BaseModel):
    """The `tags` part of a source file: a CSV (tag,equipment,property,unit,step) and rules after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    map: str | None = None
    rules: tuple[TagRule, ...] = ()
    equipment_scheme: str = ""


@dataclass(frozen=True)
class TagMap:
    """A loaded map."""

    exact: dict[str, dict[str, str]]
    rules: tuple[tuple[re.Pattern[str], TagRule], ...]
    equipment_scheme: str
    file: Path | None = None
    """The table, where there is one."""

    @property
    def digest(self) -> str:
        """SHA-256 of the table and the rules, in hex: another one means another map."""
        rules = [rule.model_dump() for _, rule in self.rules]
        content = [sorted((tag, sorted(row.items())) for tag, row in self.exact.items()), rules]
        return hashlib.sha256(orjson.dumps([*content, self.equipment_scheme])).hexdigest()

    def apply(self, tag: Tag) -> Tag:
        """Complete what the source says of a tag with what the map knows; an unknown tag stays as it is."""
        row = self.exact.get(tag.id.value) or self._by_rule(tag.id.value)
        if row is None:
            return tag
        told: dict[str, Any] = {}
        if tag.equipment is None and row.get("equipment"):
            told["equipment"] = Identifier(scheme=self.equipment_scheme, value=row["equipment"])
        if tag.property is None and row.get("property"):
            told["property"] = row["property"]
        if row.get("unit"):
            told["unit"] = find_unit(row["unit"]).code
        if row.get("step"):
            told["is_step"] = row["step"].casefold() in ("1", "true", "yes")
        for name in ("low", "high"):
            if row.get(name):
                told[name] = float(row[name])
        if row.get("criticality"):
            told["criticality"] = row["criticality"]
        return tag.model_copy(update=told)

    def _by_rule(self, name: str) -> dict[str, str] | None:
        for pattern, rule in self.rules:
            found = pattern.fullmatch(name)
            if found:
                groups = {k: v or "" for k, v in found.groupdict().items()}
                return {
                    "equipment": rule.equipment.format(**groups),
                    "property": rule.property.format(**groups),
                    "unit": rule.unit or "",
                    "step": "" if rule.step is None else str(rule.step),
                }
        return None


def load_tag_map(folder: Path, settings: TagMapSettings) -> TagMap:
    """Read the CSV and compile the rules; `Misconfigured` names the line or the rule, and the fault."""
    exact: dict[str, dict[str, str]] = {}
    file = folder / settings.map if settings.map else None
    if file is not None:
        if not file.is_file():
            raise Misconfigured(f"tag map {file} does not exist")
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not {"tag", "equipment", "property"} <= set(reader.fieldnames or ()):
                raise Misconfigured(f"tag map {file} needs the columns tag, equipment, property")
            exact = _read_rows(reader, file)
    rules = tuple((_compile(rule, number), rule) for number, rule in enumerate(settings.rules, start=1))
    return TagMap(exact, rules, settings.equipment_scheme, file)


def _read_rows(reader: "csv.DictReader[str]", file: Path) -> dict[str, dict[str, str]]:
    exact: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for row in reader:
        line = reader.line_num
        cells = {k: (v or "").strip() for k, v in row.items() if k}
        _check(cells, f"{file}:{line}")
        tag = cells["tag"]
        if tag in exact:
            raise Misconfigured(
                f"{file}: tag {tag!r} has a row in line {lines[tag]} and another in line {line}",
                remedy="keep the one that is right: a tag measures one property of one equipment",
            )
        exact[tag], lines[tag] = cells, line
    return exact


def _compile(rule: TagRule, number: int) -> re.Pattern[str]:
    """Compile a rule that can be applied to whatever it matches, or say what is wrong with it."""
    where = f"tag rule {number} ({rule.pattern!r})"
    try:
        pattern = re.compile(rule.pattern)
    except re.error as error:
        raise Misconfigured(f"{where} is no regular expression: {error}") from error
    for name in ("equipment", "property"):
        _check_template(getattr(rule, name), pattern, f"{where}: {name}")
    try:
        if rule.unit:
            find_unit(rule.unit)
    except UnknownUnitError as error:
        raise Misconfigured(f"{where}: {error}", remedy="write `unit` as a UCUM code, such as Cel") from error
    return pattern


def _check_template(text: str, pattern: re.Pattern[str], where: str) -> None:
    """Refuse holes that no group of the pattern fills."""
    try:
        holes = [hole for hole in Formatter().parse(text) if hole[1] is not None]
    except ValueError as error:
        raise Misconfigured(
            f"{where} {text!r} cannot be filled: {error}",
            remedy="write a brace that is meant as `{{` or `}}`",
        ) from error
    for _, group, form, conversion in holes:
        if group not in pattern.groupindex or form or conversion:
            known = f"it has {', '.join(pattern.groupindex) or 'none'}"
            raise Misconfigured(
                f"{where} {text!r} uses {{{group}}}, which is no named group of the pattern ({known})",
                remedy=f"name the group with (?P<{group or 'name'}>…), or correct the name in the braces",
            )


def append_rows(file: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows at the end of a map, in its own columns; what stands there stays as it is, to the byte.

    A file that is not there is begun. `Misconfigured` when it lacks a column that cannot be left out.
    """
    text = file.read_text(encoding="utf-8-sig") if file.is_file() else ""
    columns = next(csv.reader(text.splitlines()), None) or list(COLUMNS)
    if not {"tag", "equipment", "property"} <= set(columns):
        raise Misconfigured(f"tag map {file} needs the columns tag, equipment, property")
    with file.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
        if not text:
            writer.writeheader()
        elif not text.endswith("\n"):
            stream.write("\n")
        writer.writerows(rows)


def _check(cells: dict[str, str], where: str) -> None:
    if not cells["tag"]:
        raise Misconfigured(f"{where}: a row without a tag")
    try:
        if cells.get("unit"):
            find_unit(cells["unit"])
        for name in ("low", "high"):
            if cells.get(name):
                float(cells[name])
        if cells.get("criticality"):
            Tag.model_validate({"id": cells["tag"], "criticality": cells["criticality"]})
    except ValidationError as error:
        told = cells["criticality"]
        raise Misconfigured(f"{where}: criticality {told!r} is not CPP, KPP or other") from error
    except ValueError as error:
        raise Misconfigured(f"{where}: {error}") from error
