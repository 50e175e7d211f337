"""`$search`: words and phrases with AND, OR and NOT, as a condition over the texts of a row, in any case."""

import re
from collections.abc import Sequence

from hub.odata.refusals import Refusal
from hub.store.questions.collections import Collection
from hub.store.questions.expression import Both, Call, Either, Expression, Literal, Not, Path

_LENGTH = 500
_TOKEN = re.compile(r'\s*(?:"(?P<phrase>(?:[^"\\]|\\.)+)"|(?P<sign>[()])|(?P<word>[^\s"()]+))')


def compile_search(text: str, collection: Collection, *, most: int) -> Expression:
    """Give the condition of a search. Raises `Refusal`."""
    if len(text) > _LENGTH:
        raise _wrong(f"it has at most {_LENGTH} characters")
    tokens: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at, end)
        if found is None:
            raise _wrong('a phrase ends with "')
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    if not tokens or sum(kind != "sign" for kind, _ in tokens) > most:
        raise _wrong(f"it has 1 to {most} words or phrases, with AND, OR, NOT and ( )")
    names = [
        one.name
        for one in collection.properties.values()
        if one.kind in ("text", "choice") and one.name != "uid"
    ]
    searcher = _Searcher(tokens, names)
    found = searcher.either(0)
    if not searcher.is_done:
        raise _wrong("there is a ) too many")
    return found


class _Searcher:
    def __init__(self, tokens: Sequence[tuple[str, str]], names: Sequence[str]) -> None:
        self._tokens = tokens
        self._names = names
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at == len(self._tokens)

    def either(self, depth: int) -> Expression:
        parts = [self._both(depth)]
        while self._take(("word", "OR")):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Expression:
        parts = [self._one(depth)]
        while not self.is_done and self._tokens[self._at] not in (("word", "OR"), ("sign", ")")):
            self._take(("word", "AND"))
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _one(self, depth: int) -> Expression:
        if depth > 20:
            raise _wrong("it is nested too deep")
        if self._take(("word", "NOT")):
            return Not(self._one(depth + 1))
        if self._take(("sign", "(")):
            found = self.either(depth + 1)
            if not self._take(("sign", ")")):
                raise _wrong("a ) is missing")
            return found
        if self.is_done or self._tokens[self._at] in (("word", "AND"), ("word", "OR"), ("sign", ")")):
            raise _wrong("a word or a phrase is missing")
        _, word = self._tokens[self._at]
        self._at += 1
        sought = Literal(word.lower())
        return Either(
            tuple(Call("contains", (Call("tolower", (Path((name,)),)), sought)) for name in self._names)
        )

    def _take(self, token: tuple[str, str]) -> bool:
        taken = not self.is_done and self._tokens[self._at] == token
        self._at += taken
        return taken


def _wrong(what: str) -> Refusal:
    return Refusal(400, "invalid-query", f"$search cannot be read: {what}.", target="$search")
