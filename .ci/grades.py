"""Write the table of grades into `connectors/README.md`, or with --check say whether it still holds (exit 1).

Comes in: what the conformance suites find now. Goes out: the table between the two marks. A counterpart
system that is not on this machine does not run: such a proof can be neither made nor refuted here. So
`--check` compares grades only of the connectors whose proofs ran, and fails for the others where
PLANTWIDE_REQUIRE has `peers`; `--keep` writes the table with the proofs that stand in it and could not run.
With names, only the rows of those connectors are computed and written.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hub.sdk.testing.grades import Grade, write_table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "connectors" / "README.md"
MARKS = ("<!-- grades -->\n", "<!-- /grades -->")


def compute(names: list[str]) -> list[Grade]:
    """Run the suites of these connectors, or of every one."""
    program = str(Path(sys.executable).with_name("plantwide"))
    command = [program, "connector", "grade", *(names or ["--all"]), "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - ours
    told = json.loads(done.stdout)
    fields = ("not_tried", "broken", "proofs", "not_run")
    return [Grade(**{**one, **{name: tuple(one[name]) for name in fields}}) for one in told]


def keep(one: Grade, row: str) -> Grade:
    """Give the grade with the proofs of its row that did not run here."""
    kept = tuple(proof for proof in one.not_run if proof in row)
    level = "gold" if one.grade == "silver" and kept else one.grade
    return replace(one, grade=level, proofs=tuple(sorted({*one.proofs, *kept})))


def main() -> int:
    """Write or check."""
    text = README.read_text(encoding="utf-8")
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    written = text.split(MARKS[0])[1].split(MARKS[1])[0].splitlines()
    rows = {row.split("`")[1]: row for row in written if "`" in row}
    names = [word for word in sys.argv[1:] if not word.startswith("--")]
    grades = compute(names)
    if "--keep" in sys.argv:
        grades = [keep(one, rows.get(one.connector, "")) for one in grades]
    if "--check" not in sys.argv:
        head, *fresh = write_table(grades).splitlines()
        if names:
            new = {row.split("`")[1]: row for row in fresh if "`" in row}
            fresh = [fresh[0], *(row for _, row in sorted((rows | new).items()))]
        table = "\n".join([head, *fresh, ""])
        README.write_text(f"{before}{MARKS[0]}{table}{MARKS[1]}{after}", encoding="utf-8")
        return 0
    now = {row.split("`")[1]: row for row in write_table(grades).splitlines() if "`" in row}
    other = [g.connector for g in grades if not g.not_run and rows.get(g.connector) != now[g.connector]]
    other += sorted(set(rows) - set(now)) if not names else []
    if other:
        print(f"connectors/README.md is out of date about {', '.join(other)}; run `poe grades`")
    lacking = [f"{g.connector}: {', '.join(g.not_run)}" for g in grades if g.not_run]
    must_run = "peers" in os.environ.get("PLANTWIDE_REQUIRE", "").split(",")
    if lacking and must_run:
        print(f"proofs that did not run, but PLANTWIDE_REQUIRE has peers: {'; '.join(lacking)}")
    return int(bool(other or (lacking and must_run)))


if __name__ == "__main__":
    sys.exit(main())
