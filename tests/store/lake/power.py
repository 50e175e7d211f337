"""A disk that forgets: it remembers what was synced, and shows what a power cut would have left.

Bytes that were not synced may be there, torn, or gone; a name in a folder that was not synced may be there or
not, and a name that was removed may be back. Files of runs and logs are written once, so the bytes of a file
at its last sync are what is sure of it. The database itself is copied as it lies there: SQLite syncs each
commit before it says that it is one (`synchronous=FULL`), and its log is what it is at that moment.
"""

import random
import shutil
from pathlib import Path

from hub.store.lake.disk import Disk


class PowerCut(BaseException):
    """The lights went out; no handler of ours may go on from here."""


class ForgetfulDisk(Disk):
    """A disk under test: counts what is asked of it, and ends it all at one moment."""

    def __init__(self, *, cut_at: int, seed: int) -> None:
        self.count = 0
        self.cut_at = cut_at
        self.synced: dict[Path, bytes] = {}
        self.named: set[Path] = set()
        self._random = random.Random(seed)

    def sync_file(self, file: Path) -> None:
        self._tick()
        super().sync_file(file)
        self.synced[file] = file.read_bytes()
        self._tick()

    def sync_folder(self, folder: Path) -> None:
        self._tick()
        super().sync_file(folder)
        self.named = {name for name in self.named if name.parent != folder}
        self.named |= set(folder.iterdir())
        self._tick()

    def remove(self, file: Path) -> None:
        self._tick()
        super().remove(file)

    def _tick(self) -> None:
        self.count += 1
        if self.count == self.cut_at:
            raise PowerCut

    def survive(self, root: Path, target: Path) -> None:
        """Write what is left of a folder after the power cut."""
        there = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for path in sorted(there.keys() | self.synced.keys()):
            kept = self._keep(path, there.get(path))
            if kept is not None:
                copy = target / path.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(kept)

    def _keep(self, path: Path, now: bytes | None) -> bytes | None:
        is_sure_of_name = all(p in self.named for p in (path, *path.parents) if self._is_ours(p, path))
        if now is None:  # removed: its name may be back until its folder is synced
            is_back = path in self.named and self._random.random() < 0.5
            return self.synced[path] if is_back else None
        if not is_sure_of_name and self._random.random() < 0.5:
            return None
        if self.synced.get(path) == now:
            return now
        fate = self._random.choice(("whole", "torn", "empty", "zeros"))
        cut = self._random.randrange(len(now) + 1)
        return {"whole": now, "torn": now[:cut], "empty": b"", "zeros": now[:cut] + bytes(len(now) - cut)}[
            fate
        ]

    def _is_ours(self, parent: Path, path: Path) -> bool:
        """Tell whether a parent lies inside the folder of cold runs: `samples`, and what is in it."""
        names = path.parts
        return len(parent.parts) > names.index("samples")


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as a power cut finds it."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("hub.db", "hub.db-wal"):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
