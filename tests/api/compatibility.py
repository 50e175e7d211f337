"""What a client of a released description could do or rely on, and can no longer by the present one.

Comes in: two OpenAPI documents. Goes out: each break in words, none where everything that was promised holds. What a
client sends may only get more liberal, what it is answered only more precise; additions are no breaks, except what a
client must send from now on. What was released as deprecated may be gone after its `x-sunset`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

Schema = dict[str, Any]
Side = Literal["sent", "answered"]
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_NUMBERS = {"integer": {"integer", "number"}, "number": {"number"}}


def list_breaks(released: Schema, present: Schema, *, today: date | None = None) -> list[str]:
    """Give what the present document breaks of the released one."""
    day = (today or datetime.now(UTC).date()).isoformat()
    found = list[str]()
    for path, operations in released["paths"].items():
        for method, operation in operations.items():
            now = present["paths"].get(path, {}).get(method)
            place = f"{method.upper()} {path}"
            if now is not None:
                comparison = _Comparison(released, present, day)
                found += (f"{place}: {what}" for what in comparison.of(operation, now))
            elif not _had_its_time(operation, day):
                found.append(f"{place}: is gone")
    return found


@dataclass
class _Comparison:
    released: Schema
    present: Schema
    day: str
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def of(self, old: Schema, new: Schema) -> Iterator[str]:
        """Give the breaks of one operation."""
        if old.get("operationId") != new.get("operationId"):
            yield f"operationId is no longer {old.get('operationId')}"
        if not old.get("security", self.released.get("security")) and new.get(
            "security", self.present.get("security")
        ):
            yield "needs a key now"
        yield from self._parameters(old, new)
        yield from self._body(old.get("requestBody"), new.get("requestBody"))
        yield from self._answers(old["responses"], new["responses"])

    def _parameters(self, old: Schema, new: Schema) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old.get("parameters", ())}
        after = {(one["in"], one["name"]): one for one in new.get("parameters", ())}
        for key, one in before.items():
            if key not in after:
                if not _had_its_time(one, self.day):
                    yield f"parameter {key[1]} is gone"
                continue
            place = f"parameter {key[1]}"
            yield from self._schemas(one["schema"], after[key]["schema"], "sent", place=place)
        for key, one in after.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"parameter {key[1]} is required now"

    def _body(self, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if old is None:
            if new is not None and new.get("required"):
                yield "a body is required now"
            return
        if new is None:
            yield "no longer takes a body"
            return
        if new.get("required") and not old.get("required"):
            yield "a body is required now"
        yield from self._contents(old["content"], new["content"], "sent", place="body")

    def _answers(self, old: Schema, new: Schema) -> Iterator[str]:
        for status, answer in old.items():
            if not status.startswith("2"):
                continue
            if status not in new:
                yield f"no longer answers {status}"
                continue
            for name in answer.get("headers", {}):
                if name not in new[status].get("headers", {}):
                    yield f"answer {status}: header {name} is gone"
            contents = answer.get("content", {}), new[status].get("content", {})
            yield from self._contents(*contents, "answered", place=f"answer {status}")

    def _contents(self, old: Schema, new: Schema, side: Side, *, place: str) -> Iterator[str]:
        for media, content in old.items():
            if media not in new:
                yield f"{place}: {media} is gone"
            else:
                schemas = _read(content), _read(new[media])
                yield from self._schemas(*schemas, side, place=place)

    # ---------------------------------------------------------------- schemas

    def _schemas(self, old: Schema, new: Schema, side: Side, *, place: str) -> Iterator[str]:
        """Each way in which a value could be sent must still be one, each in which it is answered have been one."""
        names = old.get("$ref", ""), new.get("$ref", ""), side
        if all(names) and names in self.seen:
            return
        self.seen.add(names)
        before, after = _ways(self.released, old), _ways(self.present, new)
        promised, kept = (before, after) if side == "sent" else (after, before)
        for one in promised:
            others = [other for other in kept if _is_same_type(one, other, side)]
            if not others:
                told = one.get("type", "anything")
                yield f"{place}: {'takes no' if side == 'sent' else 'may now be'} {told}"
                continue
            pairs = [(one, other) if side == "sent" else (other, one) for other in others]
            yield from min((list(self._ways_of_type(*pair, side, place=place)) for pair in pairs), key=len)

    def _ways_of_type(self, old: Schema, new: Schema, side: Side, *, place: str) -> Iterator[str]:
        yield from _words(old, new, side, place=place)
        if side == "sent":
            yield from _bounds(old, new, place=place)
        if "items" in old and "items" in new:
            yield from self._schemas(old["items"], new["items"], side, place=f"{place}[]")
        inner = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(inner[0], dict) and isinstance(inner[1], dict):
            yield from self._schemas(inner[0], inner[1], side, place=f"{place}.*")
        yield from self._members(old, new, side, place=place)

    def _members(self, old: Schema, new: Schema, side: Side, *, place: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            where = f"{place}.{name}"
            if name not in after:
                yield f"{where} is gone"
                continue
            yield from self._schemas(schema, after[name], side, place=where)
            if side == "answered" and _needs(old, name) and not _needs(new, name):
                yield f"{where} may be absent now"
        if side == "sent":
            for name in after:
                if _needs(new, name) and not _needs(old, name):
                    yield f"{place}.{name} is required now"


def _had_its_time(released: Schema, day: str) -> bool:
    return bool(released.get("deprecated")) and released.get("x-sunset", "9999") <= day


def _read(content: Schema) -> Schema:
    """Give the schema of a body; of a stream, which is a text, that of its events, wherever it stands."""
    schema: Schema = content.get("schema", {})
    return schema.get("x-event", schema)


def _needs(schema: Schema, name: str) -> bool:
    return name in schema.get("required", ())


def _ways(document: Schema, schema: Schema) -> list[Schema]:
    """Give the alternatives of a schema, each of one type."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [way for part in schema[word] for way in _ways(document, part)]
    kinds = schema.get("type")
    return [{**schema, "type": kind} for kind in kinds] if isinstance(kinds, list) else [schema]


def _is_same_type(one: Schema, other: Schema, side: Side) -> bool:
    """Tell whether a value of one schema's type can be one of the other's; `one` is what must go on to fit."""
    kind, kept = one.get("type"), other.get("type")
    if kept is None:
        return True
    if kind is None:
        return False
    is_narrowed = side == "answered" and one.get("format") != other.get("format") and other.get("format")
    return kept in _NUMBERS.get(kind, {kind}) and not is_narrowed


def _words(old: Schema, new: Schema, side: Side, *, place: str) -> Iterator[str]:
    """A word that is gone is a break on both sides; one that is new, on neither: readers leave room for more."""
    before, after = _listed(old), _listed(new)
    for word in sorted(before - after, key=str) if after else ():
        yield f"{place}: {word} is no longer one of its values"
    if after and not before and side == "sent":
        yield f"{place}: takes only some values now"
    if side == "answered" and before and not after:
        yield f"{place}: may now be any value"


def _listed(schema: Schema) -> set[Any]:
    return {schema["const"]} if "const" in schema else set(schema.get("enum", ()))


def _bounds(old: Schema, new: Schema, *, place: str) -> Iterator[str]:
    for word in (*_LOWER, *_UPPER):
        before, after = old.get(word), new.get(word)
        is_tighter = after is not None and (
            before is None or (after > before if word in _LOWER else after < before)
        )
        if is_tighter:
            yield f"{place}: {word} is {after} now" + ("" if before is None else f", was {before}")
    for word in ("pattern", "format"):
        if new.get(word) is not None and new.get(word) != old.get(word):
            yield f"{place}: {word} is {new[word]} now"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties") is False:
        yield f"{place}: takes no other members now"
