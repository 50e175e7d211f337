"""Write the table of seeded mistakes into `connectors/README.md`, or with --check say if it holds (exit 1).

Comes in: what the kit finds now in each of the wrong connectors of `tests/sdk/seeded`. Goes out: the table
between the two marks, printed as well.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "connectors" / "README.md"
MARKS = ("<!-- seeds -->\n", "<!-- /seeds -->")


def main() -> int:
    """Write or check."""
    sys.path.insert(0, str(ROOT))
    from tests.sdk.seeded.table import write_table  # noqa: PLC0415 - found from the root

    table, text = write_table(), README.read_text(encoding="utf-8")
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    written = f"{before}{MARKS[0]}{table}{MARKS[1]}{after}"
    print(table)
    if "--check" not in sys.argv:
        README.write_text(written, encoding="utf-8")
        return 0
    if written != text:
        print("connectors/README.md is out of date about the seeded mistakes; run `poe seeds`")
    return int(written != text)


if __name__ == "__main__":
    sys.exit(main())
