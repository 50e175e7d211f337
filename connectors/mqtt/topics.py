"""Patterns of topics: which topics they mean, and the words that stand at their levels."""

import re
from dataclasses import dataclass

_LEVEL = re.compile(r"\{(?P<name>[A-Za-z_]\w*)\}$")


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """`plant/{site}/+/temperature/#`: `{name}` is one level with a name, `+` any one, `#` all that follow."""

    filter: str
    """What a broker is asked for."""
    names: tuple[str | None, ...]
    form: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "TopicPattern":
        """Read a pattern. Raises `ValueError` for a level that is none."""
        levels = text.split("/")
        forms: list[str] = []
        names: list[str | None] = []
        for number, level in enumerate(levels):
            named = _LEVEL.match(level)
            if level == "#" and number == len(levels) - 1:
                forms.append("(.+)")
                names.append(None)
            elif named is not None or level == "+":
                forms.append("([^/]*)")
                names.append(named["name"] if named else None)
            elif set(level) & set("{}+#"):
                msg = f"topic {text!r}: level {level!r} is none; write a word, {{name}}, +, or # at the end"
                raise ValueError(msg)
            else:
                forms.append(re.escape(level))
        known = [name for name in names if name]
        if len(set(known)) < len(known):
            msg = f"topic {text!r} names two levels alike"
            raise ValueError(msg)
        asked = "/".join("+" if _LEVEL.match(level) else level for level in levels)
        return cls(asked, tuple(names), re.compile("/".join(forms)))

    def read(self, topic: str) -> dict[str, str] | None:
        """Give the words of a topic by the names of their levels, and `topic`; None when it is another."""
        found = self.form.fullmatch(topic)
        if found is None:
            return None
        words = {name: word for name, word in zip(self.names, found.groups(), strict=True) if name}
        return {**words, "topic": topic}
