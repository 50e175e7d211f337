"""A process that puts, folds and compacts until it is killed; it tells each put that was acknowledged.

Comes in: URL, folder of cold runs, owner, seed. Goes out: one line a put: its number, once it is true.
"""

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from hub.store import samples as sample_store
from hub.store.identifiers import ensure_tags
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from hub.store.samples import put_samples
from tests.store.lake.cellars import START, TAGS, table
from tests.swift import swift


def main(url: str, samples: str, owner: str, seed: str) -> None:
    luck = random.Random(int(seed))
    sample_store.STAGED_ROWS = 1 if int(seed) % 2 else 1_000  # every other worker's puts are files at once
    database = swift(url, samples=Path(samples))
    with database.begin("test", at=START) as connection:
        tags = ensure_tags(connection, "pi", TAGS, now=START)
    print("ready", flush=True)
    seq = int(seed) * 1_000_000
    while True:
        seq += 1
        rows = [(tag, hour, float(seq), None, 0) for tag in TAGS for hour in range(seq % 7, 96, 7)]
        with database.begin("test") as connection:
            put_samples(connection, f"pi/{owner}", seq, table(rows), tags, now=START)
        print(seq, flush=True)
        if luck.random() < 0.3:
            with taken_turn(database, owner=owner, clock=lambda: datetime.now(UTC)) as turn:
                if turn is not None:
                    fold(turn)
                    if luck.random() < 0.3:
                        compact(turn, runs=2, run_rows=luck.choice((150, 10_000)))


if __name__ == "__main__":
    main(*sys.argv[1:])
