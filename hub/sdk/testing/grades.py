"""Grades of connectors: computed from what their suites found, never declared.

bronze: no promise broken. silver: none left untried either. gold: silver, and in the same run proven against
software or data that the connector's authors did not write, in every case of that proof.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["kept", "broken", "not tried", "not offered"]
How = Literal["live", "recorded", "published"]
"""Proven against a running system, talk recorded of one, or documents and data that others have published."""
_ORDER: tuple[Verdict, ...] = ("broken", "kept", "not tried", "not offered")
_LEGEND = {"live": "running", "recorded": "recorded talk", "published": "published files"}


@dataclass(frozen=True)
class Finding:
    """What one suite found of one promise of a connector."""

    connector: str
    suite: str
    promise: str
    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True)
class Proof:
    """A test against somebody else's software or data, and whether it passed, failed or did not run."""

    connector: str
    software: str
    how: How
    outcome: Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Grade:
    """A connector's grade and what it rests on; `why` says what the next grade wants."""

    connector: str
    grade: Literal["none", "bronze", "silver", "gold"]
    kept: int
    tried: int
    not_tried: tuple[str, ...]
    broken: tuple[str, ...]
    proofs: tuple[str, ...]
    not_run: tuple[str, ...]
    why: str

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def grade(connector: str, findings: Iterable[Finding], proofs: Iterable[Proof]) -> Grade:
    """Compute a connector's grade.

    A promise that several suites try is broken when one of them finds it so, and kept when one of them has
    tried it and none finds it broken. A software is proven when a case ran against it and none was skipped.
    """
    verdicts: dict[str, Verdict] = {}
    for one in findings:
        if one.connector == connector:
            before = verdicts.get(one.promise, "not offered")
            verdicts[one.promise] = (
                one.verdict if _ORDER.index(one.verdict) < _ORDER.index(before) else before
            )
    of = {kind: tuple(sorted(p for p, v in verdicts.items() if v == kind)) for kind in _ORDER}
    mine = [one for one in proofs if one.connector == connector]
    failed = _name(one for one in mine if one.outcome == "failed")
    skipped = _name(one for one in mine if one.outcome == "skipped")
    passed = tuple(
        name for name in _name(one for one in mine if one.outcome == "passed") if name not in skipped
    )
    broken = of["broken"] + failed
    level, why = _judge(kept=of["kept"], broken=broken, untried=of["not tried"], passed=passed)
    return Grade(
        connector,
        level,
        kept=len(of["kept"]),
        tried=len(of["kept"]) + len(of["broken"]),
        not_tried=of["not tried"],
        broken=broken,
        proofs=passed,
        not_run=skipped,
        why=why,
    )


def _judge(
    *, kept: Sequence[str], broken: Sequence[str], untried: Sequence[str], passed: Sequence[str]
) -> tuple[Literal["none", "bronze", "silver", "gold"], str]:
    if broken:
        return "none", f"broken: {', '.join(broken)}"
    if not kept:
        return "none", "no promise was tried: give it a conformance suite whose world comes up"
    if untried:
        return "bronze", f"not tried: {', '.join(untried)}"
    if not passed:
        return "silver", "proven against nothing that others wrote (mark such a test with `against`)"
    return "gold", ""


def _name(proofs: Iterable[Proof]) -> tuple[str, ...]:
    return tuple(sorted({f"{one.software} ({_LEGEND[one.how]})" for one in proofs}))


def write_table(grades: Sequence[Grade]) -> str:
    """Give a Markdown table of the grades, one connector a row."""
    lines = ["| connector | grade | promises kept | not tried | proven against |", "|---|---|---|---|---|"]
    for one in grades:
        untried = ", ".join(name.removeprefix("test_").replace("_", " ") for name in one.not_tried) or "–"
        proofs = ", ".join(one.proofs) or "–"
        lines.append(
            f"| `{one.connector}` | {one.grade} | {one.kept} of {one.tried} | {untried} | {proofs} |"
        )
    return "\n".join(lines) + "\n"
