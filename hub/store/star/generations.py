"""Where the star's files lie: whole generations of it, of which one is current; a switch is one step.

    star/current -> generations/000007
    star/generations/000007/star.json
    star/generations/000007/dim_site/part.parquet
    star/generations/000007/fact_batch/month=2026-04/part.parquet

What has not changed from one generation to the next is the same file under two names (a hard link). Whoever
opens `current` sees one moment of all views, and goes on seeing it for as long as the generation is kept.
"""

import fcntl
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

MANIFEST = "star.json"
KEPT = timedelta(minutes=15)
"""How long a generation that is no longer current stays for those who read it."""


class StarBusy(Exception):
    """Another process writes the star at this moment; try again later."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Told):
    """A file of a view: its path below the generation, rows, bytes and the SHA-256 of its content."""

    path: str
    rows: int
    bytes: int
    sha256: str


class View(_Told):
    """The files of a view; `definition` is the SHA-256 of the query that they hold the answer of."""

    definition: str
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """How many rows the view has."""
        return sum(part.rows for part in self.parts)


class Manifest(_Told):
    """A generation: its number, the newest instant that it knows of, when it was written, its views."""

    number: int
    known_at: AwareDatetime | None
    written_at: AwareDatetime
    views: Mapping[str, View]

    @property
    def bytes(self) -> int:
        """The bytes of all files."""
        return sum(part.bytes for view in self.views.values() for part in view.parts)


class Generations:
    """The folder of the star."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all = folder / "generations"

    def current(self) -> tuple[Path, Manifest] | None:
        """Give the current generation's folder and manifest; None when there is none."""
        try:
            place = (self.folder / "current").resolve(strict=True)
            return place, Manifest.model_validate_json((place / MANIFEST).read_bytes())
        except FileNotFoundError:
            return None

    def is_current(self, place: Path) -> bool:
        """Tell whether a generation's folder is that of the current one, without reading anything."""
        try:
            return (self.folder / "current").readlink().name == place.name
        except OSError:
            return False

    @contextmanager
    def writing(self) -> Generator[None]:
        """Let nobody else write a generation meanwhile. Raises `StarBusy`."""
        self._all.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StarBusy(f"another process writes {self.folder} now; try again later") from error
            yield

    def begin(self, number: int) -> Path:
        """Give an empty folder for the files of a generation to come."""
        place = self._all / f"{number:06}.new"
        shutil.rmtree(place, ignore_errors=True)  # what a crash has left
        place.mkdir()
        return place

    def finish(self, place: Path, manifest: Manifest) -> None:
        """Make a generation that is written the current one, in one step, as durable as its files."""
        (place / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        for path in [*place.rglob("*"), place]:
            _sync(path)
        home = place.with_suffix("")
        shutil.rmtree(home, ignore_errors=True)  # it never became current
        place.rename(home)
        _sync(self._all)
        link = self.folder / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("generations") / home.name)
        link.replace(self.folder / "current")
        _sync(self.folder)

    def clear(self, *, now: datetime) -> int:
        """Let go of generations that nobody can be reading any more; give how many."""
        found = self.current()
        gone = 0
        for place in sorted(self._all.iterdir()):
            if found is not None and place != found[0] and now - _ended(place, now) >= KEPT:
                shutil.rmtree(place, ignore_errors=True)
                gone += 1
        return gone


def _ended(place: Path, now: datetime) -> datetime:
    """Give when the next generation took over; what was never finished may go at once."""
    following = place.with_name(f"{int(place.stem) + 1:06}") / MANIFEST
    if place.suffix:
        return now - KEPT
    try:
        return Manifest.model_validate_json(following.read_bytes()).written_at
    except FileNotFoundError:
        return now - KEPT


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
