"""What a verification found: each finding says what, where and what to do."""

from dataclasses import dataclass, field
from typing import Any

MOST = 1000
"""Most findings that are kept; the others are counted."""

REMEDIES = {
    "row": "keep this store as evidence; restore the row from a backup made before, and compare",
    "missing-row": "keep this store as evidence; restore the row from a backup made before",
    "foreign-row": "find out who can write to the database; no trigger of the hub wrote this row",
    "unreadable": "the file is damaged or was edited; restore it from a backup and verify that",
    "chain": "look at this thing's rows in a backup: a version was removed, added or changed",
    "time": "find out who can write to the database; the hub writes nothing with an instant that is past",
    "state": "compare with the images in the trail; restore the row, or correct it with a reason",
    "missing-leaf": "the log itself was edited; restore it from a backup and verify that",
    "node": "the log itself was edited; proofs made from it do not hold; restore it from a backup",
    "history": "the past was rewritten; restore a backup whose log still has this head",
    "tail": "rows were cut off, or an old state was put back; restore a backup that has them",
    "head": "the list of heads was edited; trust the copies outside, and restore the store from a backup",
    "signature": "this head was not signed by the hub's key; trust the other copies",
    "key": "compare the key's id with the one you noted; if it is right, give it as --trust",
    "file": "restore the file of heads from the place where copies are kept",
    "trigger": "find out who did that; run `plantwide db upgrade` to put it right, after verifying",
}
"""What to do about each kind of finding."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be; `seq` is the place in the log of the audit row to blame."""

    kind: str
    where: str
    what: str
    seq: int | None = None

    @property
    def remedy(self) -> str:
        """What to do."""
        return REMEDIES[self.kind]

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {**vars(self), "remedy": self.remedy}


@dataclass
class Report:
    """What was looked at and what was found."""

    rows: int = 0
    sealed: int = 0
    things: int = 0
    heads: int = 0
    outside: int = 0
    """Heads of files outside the store, and outside its data folder."""
    warnings: list[str] = field(default_factory=list[str])
    """What this verification could not show, because there were no heads outside that reach so far."""
    findings: list[Finding] = field(default_factory=list[Finding])
    more: int = 0

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def unsealed(self) -> int:
        """Audit rows that the next head will cover."""
        return max(0, self.rows - self.sealed)

    @property
    def first_bad(self) -> int | None:
        """The lowest sequence number that a finding names."""
        return min((f.seq for f in self.findings if f.seq is not None), default=None)

    def add(self, kind: str, where: str, what: str, *, seq: int | None = None) -> None:
        """Keep a finding, or count it when there are too many."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, where, what, seq))
        else:
            self.more += 1

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "ok": self.is_good,
            "rows": self.rows,
            "sealed": self.sealed,
            "unsealed": self.unsealed,
            "things": self.things,
            "heads": self.heads,
            "heads_outside": self.outside,
            "warnings": self.warnings,
            "first_bad_seq": self.first_bad,
            "findings": [finding.as_json() for finding in self.findings],
            "more_findings": self.more,
        }
