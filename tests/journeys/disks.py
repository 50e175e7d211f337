"""A small disk under a PostgreSQL server of this machine, which can be filled and emptied again."""

import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL


@dataclass(frozen=True)
class Disk:
    """A file system of a few megabytes, and the tablespace that lies on it."""

    folder: Path
    tablespace: str
    admin: psycopg.Connection

    def settled(self) -> int:
        """Give how many bytes can still be written once all that the server holds back is there."""
        self.admin.execute("CHECKPOINT")
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    @contextmanager
    def filled(self, *, leaving: int) -> Iterator[None]:
        """Fill it up to so many bytes inside the block.

        Only what is written for the first time from now on lacks room: no checkpoint can fail.
        """
        ballast = self.folder / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.settled() - leaving)
        try:
            yield
        finally:
            ballast.unlink()


@contextmanager
def small_disk(server: URL, *, megabytes: int) -> Iterator[Disk | None]:
    """Mount a disk under the server; None where it is on another machine or we are not its superuser."""
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"plantwide_test_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(plain, autocommit=True) as admin:
        owner = _owner(admin)
        if owner is None:
            yield None
            return
        folder = Path(tempfile.mkdtemp(prefix="plantwide-disk-"))
        options = f"size={megabytes}m,uid={owner},mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
        try:
            place = folder / "tablespace"
            place.mkdir(mode=0o700)
            os.chown(place, owner, owner)
            folder.chmod(0o755)
            make = sql.SQL("CREATE TABLESPACE {} LOCATION {}")
            admin.execute(make.format(sql.Identifier(name), sql.Literal(str(place))))
            try:
                yield Disk(folder, name, admin)
            finally:
                admin.execute(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))
        finally:
            subprocess.run(["umount", str(folder)], check=True)
            folder.rmdir()


def _owner(admin: psycopg.Connection) -> int | None:
    """Give the user id that the server's processes have on this machine."""
    row = admin.execute(
        "SELECT current_setting('data_directory'), pg_backend_pid() WHERE current_setting('is_superuser')::bool"
    ).fetchone()
    if row is None:
        return None
    folder, pid = Path(row[0]), row[1]
    is_here = folder.is_dir() and Path(f"/proc/{pid}").is_dir()
    return folder.stat().st_uid if is_here else None
