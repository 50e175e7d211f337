"""Texts into values: what a source wrote becomes numbers, instants, amounts, results, names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from hub.model import Measurement, Quantity, parse_instant
from hub.model.instant import Ambiguity
from hub.sdk.mapping.path import Expression, Path, Scope
from hub.sdk.mapping.schema import Reading

_TRUE = frozenset({"true", "yes", "y", "1", "x", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})
_WORD = re.compile(r"[^\W\d_]+")
_EPOCHS = {"epoch_s": 1.0, "epoch_ms": 1e-3, "epoch_us": 1e-6}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads texts as one source writes them."""

    reading: Reading = field(default_factory=Reading)
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    zone: tzinfo | None = None
    ambiguous: Ambiguity = "error"

    def stated(self, given: Any) -> Any:
        """Give the value, stripped, or None when it says nothing."""
        if isinstance(given, str):
            text = given.strip()
            return None if not text or text in self.reading.missing else text
        return given

    def finder(self, at: Expression) -> Callable[[Scope], Any]:
        """Give a function of a scope that gives what stands at an expression, as `stated` has it.

        For what is looked up in each of many items: most expressions are the name of a field, and most
        fields hold text, so that one call does what takes four otherwise.
        """
        missing = self.reading.missing
        name = at.name if isinstance(at, Path) else None

        def find(scope: Scope) -> Any:
            return self.stated(at.find(scope))

        def find_field(scope: Scope) -> Any:
            item = holder = scope.item
            given: Any = holder.get(name) if type(item) is dict else at.find(scope)
            if type(given) is not str:
                return self.stated(given)
            text = given.strip()
            return None if not text or text in missing else text

        return find if name is None else find_field

    def text(self, given: Any) -> str:
        """Give text; ValueError for objects and lists."""
        if isinstance(given, dict | list):
            kind = "an object" if isinstance(given, dict) else "a list"
            msg = f"a single value was expected, not {kind}"
            raise ValueError(msg)  # noqa: TRY004  # a fault of the data, reported like the others
        if isinstance(given, bool):
            return "true" if given else "false"
        return str(given)

    def number_text(self, given: Any, *, decimal: str | None = None, thousands: str | None = None) -> str:
        """Give a number's text with a decimal point and no grouping; other text unchanged."""
        text = self.text(given)
        decimal = decimal or self.reading.decimal
        thousands = self.reading.thousands if thousands is None else thousands
        if thousands:
            text = re.sub(rf"(?<=\d){re.escape(thousands)}(?=\d)", "", text)
        return re.sub(r"(?<=\d),(?=\d)|^,(?=\d)", ".", text) if decimal == "," else text

    def number(self, given: Any, *, decimal: str | None = None, thousands: str | None = None) -> float:
        """Give a number; ValueError when it is none."""
        text = self.number_text(given, decimal=decimal, thousands=thousands)
        try:
            return float(text)
        except ValueError:
            msg = f"{self.text(given)!r} is no number; check `decimal` and `thousands`"
            raise ValueError(msg) from None

    def flag(self, given: Any) -> bool:
        """Give a truth value; ValueError when it is none."""
        word = self.text(given).casefold()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        msg = f"{given!r} is neither true nor false; use `map`"
        raise ValueError(msg)

    def instant(self, given: Any, *, pattern: str | None = None, zone: tzinfo | None = None) -> datetime:
        """Give the UTC instant; NaiveTimeError without a zone, ValueError when it is no (or no one) time."""
        return self._instant(given, pattern, zone or self.zone, ambiguous=self.ambiguous)

    def clock(self, given: Any) -> datetime:
        """Give the instant of a version's clock: of two readings the earlier, for it only orders versions."""
        if type(given) is str and self.reading.time_format is None:
            return parse_instant(given, self.zone, ambiguous="earliest")
        return self._instant(given, None, self.zone, ambiguous="earliest")

    def _instant(
        self, given: Any, pattern: str | None, zone: tzinfo | None, *, ambiguous: Ambiguity
    ) -> datetime:
        pattern = pattern or self.reading.time_format
        if isinstance(given, datetime):
            return parse_instant(given, zone, ambiguous=ambiguous)
        text = given if isinstance(given, str) else self.text(given)
        if pattern is None:
            return parse_instant(text, zone, ambiguous=ambiguous)
        if pattern in _EPOCHS:
            return datetime.fromtimestamp(float(text) * _EPOCHS[pattern], UTC)
        try:
            moment = datetime.strptime(*self._months(text, pattern))  # noqa: DTZ007  # the zone follows
        except ValueError:
            msg = f"{text!r} is no time of the form {pattern!r}"
            raise ValueError(msg) from None
        return parse_instant(moment, zone, ambiguous=ambiguous)

    def amount(
        self,
        kind: type[Quantity] | type[Measurement],
        given: Any,
        unit: Any,
        *,
        decimal: str | None = None,
        thousands: str | None = None,
    ) -> Quantity | Measurement:
        """Make a quantity or a measurement; its text stays as written, its unit may be the source's own."""
        text = self.text(given)
        spelled = self.text(unit).strip() if unit is not None else None
        known = self.units.get(spelled, spelled) if spelled else None
        plain = self.number_text(given, decimal=decimal, thousands=thousands)
        try:
            made = kind.of(plain, known)
        except ValueError as error:
            if kind is Quantity and "is no number" in str(error):
                msg = f"{text!r} is no number; check `decimal` and `thousands`"
                raise ValueError(msg) from None
            raise
        if plain == text and known == spelled:
            return made
        return made.model_copy(update={"text": text, "source_unit": spelled})

    def _months(self, text: str, pattern: str) -> tuple[str, str]:
        """Replace a month's name by its number: strptime knows only the months of the machine's language."""
        if not self.reading.months or "%b" not in pattern:
            return text, pattern

        def number(found: re.Match[str]) -> str:
            word = found.group().casefold()
            return (
                f"{self.reading.months.index(word) + 1:02d}" if word in self.reading.months else found.group()
            )

        return _WORD.sub(number, text), pattern.replace("%b", "%m")
