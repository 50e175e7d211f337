"""Write the table of grades into `connectors/README.md`, or with --check say whether it still holds (exit 1).

Comes in: what the conformance suites find now. Goes out: the table between the two marks. A counterpart
system that is not on this machine does not run: such a proof can be neither made nor refuted here, so
`--check` compares grades only of the connectors whose proofs ran.
"""

import json
import subprocess
import sys
from pathlib import Path

from hub.sdk.testing.grades import Grade, write_table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "connectors" / "README.md"
MARKS = ("<!-- grades -->\n", "<!-- /grades -->")


def compute() -> list[Grade]:
    """Run the suites of every connector."""
    command = [str(Path(sys.executable).with_name("plantwide")), "connector", "grade", "--all", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - ours
    told = json.loads(done.stdout)
    fields = ("not_tried", "broken", "proofs", "not_run")
    return [Grade(**{**one, **{name: tuple(one[name]) for name in fields}}) for one in told]


def main() -> int:
    """Write or check."""
    text = README.read_text(encoding="utf-8")
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    written = text.split(MARKS[0])[1].split(MARKS[1])[0].splitlines()
    grades = compute()
    if "--check" not in sys.argv:
        README.write_text(f"{before}{MARKS[0]}{write_table(grades)}{MARKS[1]}{after}", encoding="utf-8")
        return 0
    rows = {row.split("`")[1]: row for row in written if "`" in row}
    now = {row.split("`")[1]: row for row in write_table(grades).splitlines() if "`" in row}
    other = [g.connector for g in grades if not g.not_run and rows.get(g.connector) != now[g.connector]]
    other += sorted(set(rows) - set(now))
    if other:
        print(f"connectors/README.md is out of date about {', '.join(other)}; run `poe grades`")
    return int(bool(other))


if __name__ == "__main__":
    sys.exit(main())
