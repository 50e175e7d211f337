"""What a trigger and its function are, and what a table must tell so that its triggers can be written."""

from dataclasses import dataclass
from typing import Literal

NO_ACTOR = "no actor, no write: open the transaction with begin(actor)"
"""What the database answers to a write that nobody has put a name to."""

BACKDATED = "backdated: what is sealed is past, write with an instant after it"
"""What PostgreSQL answers to a write whose instant is not after that of rows sealed before it."""

LIMITED = {"read_event": "kept_until"}
"""Append-only tables whose rows may go when the instant in this column is past; never where it is null."""

Kind = Literal["integer", "json", "bytes", "other"]


@dataclass(frozen=True)
class Trigger:
    """A trigger, or a rule, as the database itself tells it: what its catalogue holds must be this text."""

    name: str
    table: str
    definition: str

    @property
    def place(self) -> tuple[str, str]:
        """Its table and its name: on PostgreSQL another table may have a trigger of the same name."""
        return self.table, self.name

    @property
    def kind(self) -> str:
        """What the database calls it: `trigger` or `rule`."""
        return "rule" if self.definition.startswith("CREATE RULE") else "trigger"


@dataclass(frozen=True)
class Function:
    """A function of PostgreSQL without arguments, as its catalogue tells it."""

    name: str
    body: str
    is_definer: bool
    settings: tuple[str, ...]
    """Settings that hold while it runs, each `name=value`, in the order of their texts."""
    returns: str = "trigger"
    language: str = "plpgsql"


@dataclass(frozen=True)
class Shape:
    """A table as it is in the database: at an older revision its columns are not those of this code."""

    name: str
    columns: tuple[tuple[str, Kind], ...]
    keys: tuple[tuple[str, ...], ...]
    """The columns of its primary key, then those of each unique constraint."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, in their order."""
        return tuple(name for name, _ in self.columns)
