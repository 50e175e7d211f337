"""The root folder: globs resolved beneath it, and nothing beyond it."""

import os
from dataclasses import dataclass
from pathlib import Path

from hub.sdk import Misconfigured, Unauthorized

_PARQUET = frozenset({".parquet", ".pq"})


@dataclass(frozen=True, slots=True)
class Found:
    """A file: its name below the root, its place, and what tells that it has changed."""

    name: str
    path: Path
    mtime_ns: int
    size: int

    @property
    def stamp(self) -> list[int]:
        """Change time in nanoseconds, and size in bytes."""
        return [self.mtime_ns, self.size]

    @property
    def is_parquet(self) -> bool:
        """Whether the name says Parquet."""
        return self.path.suffix.casefold() in _PARQUET


class Folder:
    """Finds files; a link that leads outside the root is an error, never followed."""

    def __init__(self, root: str) -> None:
        self.root = Path(root).expanduser()

    def check(self) -> Path:
        """Give the resolved root; `Misconfigured` when it is no folder, `Unauthorized` when it is closed."""
        if not self.root.is_dir():
            raise Misconfigured(
                f"root {self.root} is no folder", remedy="set `root` to the folder that holds the files"
            )
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise Unauthorized(
                f"folder {self.root} may not be read", remedy="grant the hub's user read access"
            )
        return self.root.resolve()

    def find(self, globs: tuple[str, ...]) -> list[Found]:
        """Give the files of these globs, by name."""
        root = self.check()
        found: dict[str, Found] = {}
        for glob in globs:
            for path in root.glob(glob):
                real = path.resolve()
                if not real.is_relative_to(root):
                    raise Misconfigured(
                        f"{path.relative_to(root)} leads outside {root}, to {real}",
                        remedy="copy the file into the folder or set `root` to a folder that holds both",
                    )
                if real.is_file():
                    name = path.relative_to(root).as_posix()
                    seen = real.stat()
                    found[name] = Found(name, real, seen.st_mtime_ns, seen.st_size)
        return [found[name] for name in sorted(found)]


def readable(found: Found) -> None:
    """Raise `Unauthorized` for a file that may not be read."""
    if not os.access(found.path, os.R_OK):
        raise Unauthorized(f"file {found.name} may not be read", remedy="grant the hub's user read access")
