"""The data folder of an embedded hub: all its state, and a lock so that only one process writes it."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class FolderInUse(Exception):
    """Another plantwide process works in this data folder; end it, or give another folder with --data."""


@contextmanager
def locked_folder(folder: Path) -> Generator[Path]:
    """Hold a data folder for writing; the lock ends with the process.

    Raises `FolderInUse` when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("samples", "keys"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "keys").chmod(0o700)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderInUse(
                f"another plantwide process works in {folder}; end it, or give another folder with --data"
            ) from error
        yield folder
