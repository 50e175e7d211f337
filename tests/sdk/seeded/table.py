"""The table of seeded mistakes: which the kit finds and names, promise by promise.

Comes in: the seeds, tried once a process. Goes out: a Markdown table, as it stands in `connectors/README.md`.
"""

import re
from functools import cache

from tests.sdk.seeded import SEEDS, Seed


@cache
def find(seed: Seed) -> str:
    """Let the kit try a wrong connector; give what it said, empty when it found nothing."""
    with seed.suite() as suite:
        try:
            getattr(suite, seed.promise)()
        except AssertionError as error:
            return str(error)
    return ""


def is_caught(seed: Seed) -> bool:
    """Tell whether the kit found the mistake and named it."""
    return re.search(f"(?s){seed.message}", find(seed)) is not None


def write_table() -> str:
    """Give one row a promise with the mistakes seeded against it, and a row of all."""
    lines = ["| promise | mistakes seeded, each in a connector of its own | caught |", "|---|---|---|"]
    promises = list(dict.fromkeys(seed.promise for seed in SEEDS))
    for promise in promises:
        seeds = [seed for seed in SEEDS if seed.promise == promise]
        told = ", ".join(_spell(seed.kind.__name__) for seed in seeds)
        caught = sum(map(is_caught, seeds))
        lines.append(
            f"| {promise.removeprefix('test_').replace('_', ' ')} | {told} | {caught} of {len(seeds)} |"
        )
    lines.append(f"| all {len(promises)} | | **{sum(map(is_caught, SEEDS))} of {len(SEEDS)}** |")
    return "\n".join(lines) + "\n"


def _spell(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
