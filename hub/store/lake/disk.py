"""What makes written files outlast a power cut: each file and each folder that changed is synced by name."""

import os
from pathlib import Path


class Disk:
    """A local file system. A test puts one in its place that remembers what was synced."""

    def sync_file(self, file: Path) -> None:
        """Wait until the bytes of a file are on the disk."""
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        self.sync_file(folder)

    def remove(self, file: Path) -> None:
        """Remove a file if it is there."""
        file.unlink(missing_ok=True)


def sync_names(disk: Disk, file: Path, root: Path) -> None:
    """Sync a file's folder and those above it, up to the root's own name."""
    folder = file.parent
    while True:
        disk.sync_folder(folder)
        if folder in {root.parent, folder.parent}:
            return
        folder = folder.parent
