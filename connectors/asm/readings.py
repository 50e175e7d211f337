"""What an instrument measured, whatever file said it: one value of one sample."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Specimen:
    """A sample as an instrument names it: samples of two batches may bear one name."""

    code: str
    batch: str | None = None
    vessel: str | None = None
    role: str | None = None

    @property
    def key(self) -> str:
        """What tells it from others of the file."""
        return f"{self.batch}/{self.code}" if self.batch else self.code


@dataclass(frozen=True)
class Reading:
    """One value. `key` is its place in the file, `at` the time as written, `name` ASM's word for what it is.

    `quantity` says which of several quantities of `name` it is (`molar concentration`, `peak area`).
    """

    key: str
    specimen: Specimen
    name: str
    text: str
    unit: str | None
    at: str | None
    quantity: str | None = None
    analyst: str | None = None
    status: str | None = None
    is_calculated: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A part of a file that cannot be read, with its place."""

    where: str
    reason: str


Part = Reading | Specimen | Unreadable
"""A sample alone is one of which nothing was told but that it was measured."""
Read = Callable[[str], Iterator[Part]]


def specimens(parts: Iterable[Part]) -> list[Specimen]:
    """Give each sample once, in the order of the file; what a later value adds to one counts too."""
    found: dict[str, Specimen] = {}
    for part in parts:
        if not isinstance(part, Unreadable):
            said = part.specimen if isinstance(part, Reading) else part
            known = found.get(said.key)
            found[said.key] = said if known is None else _merge(known, said)
    return list(found.values())


def _merge(known: Specimen, said: Specimen) -> Specimen:
    return Specimen(known.code, known.batch, known.vessel or said.vessel, known.role or said.role)
