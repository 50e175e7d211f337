"""Places inside a source object: dotted paths, templates and JMESPath, compiled once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, cast

import jmespath
from jmespath.exceptions import JMESPathError

_SEGMENT = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>[^.\[\]"]+)|\[(?P<index>-?\d+)\]')
_HOLE = re.compile(r"\{([^{}]+)\}")
_AWKWARD = re.compile(r'[.\[\]"]')
_NOTHING: Mapping[str, Any] = {}
CELL = "value"
"""The attribute under which a table of columns has the cell itself."""


class Scope(NamedTuple):
    """Where a rule stands: an object, the object around it, what else is known (`@name`), and its place."""

    item: Any
    parent: "Scope | None" = None
    attributes: Mapping[str, Any] = _NOTHING
    place: str = ""

    @property
    def root(self) -> "Scope":
        """The outermost object."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


class Expression(Protocol):
    """Something that gives a value for an object; None when the source says nothing."""

    @property
    def text(self) -> str:
        """The expression as written in the mapping."""
        ...

    def place(self, scope: Scope) -> str | None:
        """Give where in the outermost object the value stands; None when it stands at no one place."""
        ...

    def find(self, scope: Scope) -> Any:
        """Give the value at this place, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Path:
    """A dotted path: `a.b`, `a[0].b`, `"key with . in it"`; `^.` is the object around, `$.` the outermost.

    `@name` is an attribute of a table of columns or of the document; a lone `.` is the object itself.
    """

    text: str
    parts: tuple[str | int, ...]
    up: int = 0
    from_root: bool = False
    attribute: str | None = None
    name: str | None = field(init=False)
    """The field of the object itself that this path is, as most are; None when it leads elsewhere."""

    def __post_init__(self) -> None:
        """Tell whether it is the name of a field."""
        first = self.parts[0] if len(self.parts) == 1 and not self.up and not self.from_root else None
        object.__setattr__(self, "name", first if isinstance(first, str) else None)

    @classmethod
    def parse(cls, text: str) -> "Path":
        """Read a path; ValueError when it is none."""
        rest = text.strip()
        if rest.startswith("@"):
            return cls(text=text, parts=(), attribute=rest[1:])
        up = len(rest) - len(rest.lstrip("^"))
        from_root = rest.startswith("$")
        rest = rest.lstrip("^$").lstrip(".") if up or from_root else rest
        return cls(text=text, parts=_split(rest, text), up=up, from_root=from_root)

    def find(self, scope: Scope) -> Any:
        """Give the value at this path, or None when any step is missing."""
        if self.name is not None:
            item = holder = scope.item
            return holder.get(self.name) if type(item) is dict else _step(item, self.name)
        if self.attribute is not None:
            return _attribute(scope, self.attribute)
        at = scope.root if self.from_root else scope
        for _ in range(self.up):
            if at.parent is None:
                return None
            at = at.parent
        found = at.item
        for part in self.parts:
            found = _step(found, part)
            if found is None:
                return None
        return found

    def place(self, scope: Scope) -> str | None:
        """Give the path from the outermost object; a cell of a table of columns stands where its scope is."""
        if self.attribute is not None:
            return scope.place or None if self.attribute == CELL else None
        at = scope.root if self.from_root else scope
        for _ in range(self.up):
            if at.parent is None:
                return None
            at = at.parent
        return join_place(at.place, self.parts)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes, `{batch}/{test}`; it says nothing when any hole has nothing in it."""

    text: str
    pieces: tuple[str | Path, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template; ValueError when a hole is no path."""
        pieces: list[str | Path] = []
        for number, piece in enumerate(_HOLE.split(text)):
            if number % 2:
                pieces.append(Path.parse(piece))
            elif piece:
                pieces.append(piece)
        return cls(text=text, pieces=tuple(pieces))

    def find(self, scope: Scope) -> str | None:
        """Give the filled text, or None."""
        parts: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            given = piece.find(scope)
            if given is None:
                return None
            if isinstance(given, str):
                text = given.strip()
                if not text:
                    return None
                parts.append(text)
            else:
                parts.append(str(given).strip())
        return "".join(parts)

    def place(self, scope: Scope) -> str | None:
        """Give the place of its one hole; what is put together of several stands at no one place."""
        holes = [piece for piece in self.pieces if isinstance(piece, Path)]
        return holes[0].place(scope) if len(holes) == 1 else None


@dataclass(frozen=True, slots=True)
class Jmes:
    """A JMESPath expression on the object itself, for what a path cannot say (functions, filters)."""

    text: str
    compiled: Any

    @classmethod
    def parse(cls, text: str) -> "Jmes":
        """Read an expression; ValueError when it is none."""
        try:
            return cls(text=text, compiled=cast("Any", jmespath).compile(text))
        except JMESPathError as error:
            msg = f"{text!r} is no JMESPath expression: {error}"
            raise ValueError(msg) from error

    def find(self, scope: Scope) -> Any:
        """Give the result of the expression; ValueError when it fails on this object."""
        try:
            return self.compiled.search(scope.item)
        except JMESPathError as error:
            msg = f"JMESPath {self.text!r} failed: {error}"
            raise ValueError(msg) from error

    def place(self, scope: Scope) -> str | None:  # noqa: ARG002  # the contract of Expression
        """Give nothing: an expression may take its result from anywhere."""
        return None


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that the mapping itself states."""

    value: Any
    text: str = "const"

    def find(self, scope: Scope) -> Any:  # noqa: ARG002  # the contract of Expression
        """Give the value."""
        return self.value

    def place(self, scope: Scope) -> str | None:  # noqa: ARG002  # the contract of Expression
        """Give nothing: the mapping says it, not the source."""
        return None


def parse_expression(text: str) -> Path | Template:
    """Read a path, or a template when the text has braces."""
    return Template.parse(text) if "{" in text else Path.parse(text)


def each_item(scope: Scope, steps: Sequence[Path]) -> Iterator[Scope]:
    """Give a scope for every item of nested lists; one object in place of a list is a list of one."""
    if not steps:
        yield scope
        return
    step, rest = steps[0], steps[1:]
    found = step.find(scope)
    if found is None:
        return
    items = cast("list[Any]", found) if isinstance(found, list) else [found]
    for number, item in enumerate(items):
        place = f"{scope.place}.{step.text}[{number}]".lstrip(".")
        yield from each_item(Scope(item, scope, scope.attributes, place), rest)


def parse_each(text: str) -> tuple[Path, ...]:
    """Read `a.b[*].c[*]` as the lists to walk, outer first."""
    steps = [part.strip(".") for part in text.split("[*]")]
    return tuple(Path.parse(step) for step in steps if step)


def join_place(place: str, parts: Sequence[str | int]) -> str:
    """Give a place further in: `results[2]` and `entry` are `results[2].entry`."""
    for part in parts:
        if isinstance(part, int):
            place = f"{place}[{part}]"
        else:
            step = f'"{part}"' if _AWKWARD.search(part) else part
            place = f"{place}.{step}" if place else step
    return place


def _split(rest: str, text: str) -> tuple[str | int, ...]:
    if rest in {"", "."}:
        return ()
    parts: list[str | int] = []
    position = 0
    while position < len(rest):
        if parts and rest[position] == ".":
            position += 1
        found = _SEGMENT.match(rest, position)
        if found is None:
            msg = f"{text!r} is no path; write a.b, a[0].b, or a key with a dot in double quotes"
            raise ValueError(msg)
        index = found["index"]
        parts.append(int(index) if index is not None else (found["quoted"] or found["plain"]))
        position = found.end()
    return tuple(parts)


def _step(found: Any, part: str | int) -> Any:
    holder: Any = found
    if isinstance(found, dict):
        return holder.get(part if isinstance(part, str) else str(part))
    if isinstance(found, list):
        items = cast("list[Any]", found)
        number = part if isinstance(part, int) else int(part) if part.lstrip("-").isdigit() else None
        return items[number] if number is not None and -len(items) <= number < len(items) else None
    return None


def _attribute(scope: Scope, name: str) -> Any:
    at: Scope | None = scope
    while at is not None:
        if name in at.attributes:
            return at.attributes[name]
        at = at.parent
    return None
