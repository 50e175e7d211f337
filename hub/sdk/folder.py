"""Files below a folder, oldest change first: walked once without a list of any directory, and kept packed.

A folder of an instrument or a batch engine only grows. So a file takes its name and some 30 bytes until its
turn comes, and nothing of `pathlib` (whose `glob` holds the entries of a whole directory, and a `Path` each).
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from itertools import groupby
from pathlib import Path, PurePath
from typing import NamedTuple

from hub.sdk.clock import is_astray, utc_now
from hub.sdk.errors import Misconfigured

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})
"""What a name says that leads to no file (any more)."""
_CASE = re.IGNORECASE if os.name == "nt" else re.NOFLAG
_WILD = re.compile(r"[*?\[]")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_LOT = 20
"""Files packed together."""


class Listed(NamedTuple):
    """A file: its last change in ns since 1970, its name below the folder with `/`, and its size in bytes."""

    changed_ns: int
    name: str
    size: int


class Listing:
    """Files in the order of their change, then of their name."""

    def __init__(self, found: list[bytes], began_ns: int) -> None:
        found.sort()
        self._began_ns = began_ns
        each = [one for one, _ in groupby(found)]  # two globs may give the same file
        self._count = len(each)
        self._lots = [b"\0".join(each[start : start + _LOT]) for start in range(0, len(each), _LOT)]

    def __len__(self) -> int:
        """Count the files."""
        return self._count

    def __iter__(self) -> Iterator[Listed]:
        """Give the files, oldest change first."""
        for lot in self._lots:
            yield from _unpack(lot)

    def reached(self, file: Listed) -> int:
        """Give up to which change (ns since 1970) all is read once this file is: not beyond the present.

        A copy keeps the time that a wrong clock gave it: followed into the future, it would hide every change
        until then.
        """
        return min(file.changed_ns, self._began_ns)

    @property
    def newest(self) -> Listed | None:
        """The file that changed last."""
        return list(_unpack(self._lots[-1]))[-1] if self._lots else None


def list_files(root: Path, globs: Sequence[str], *, since_ns: int | None = None) -> Listing:
    """List the files below `root` whose names match one of the globs, changed at `since_ns` or later.

    A `since_ns` that lies ahead of every clock hides what has changed, and does not count.
    A file counts as changed when it was written or came, whichever is later: a copy keeps the time of its
    last write. A glob is `pathlib`'s: `*`, `?`, `[…]` within a name, `**` for any depth of folders, which
    does not follow links. What lies outside `root` once links are followed is left out.

    Raises `Misconfigured` for a glob that is empty or starts at the root of the file system.
    """
    began_ns = (utc_now() - _EPOCH) // _MICROSECOND * 1000
    if since_ns is not None and is_astray(_EPOCH + since_ns // 1000 * _MICROSECOND):
        since_ns = None
    within = root.resolve()
    found: list[bytes] = []
    for glob in globs:
        *above, last = _split(glob)
        for place in _places(str(root), above):
            is_within = Path(root, place).resolve().is_relative_to(within)
            for name, is_link in _names(f"{root}/{place}", last):
                path = f"{root}/{place}{name}"
                seen = _look(path)
                if seen is None or not (
                    Path(path).resolve().is_relative_to(within) if is_link else is_within
                ):
                    continue
                changed_ns = max(seen.st_mtime_ns, seen.st_ctime_ns)
                if since_ns is None or changed_ns >= since_ns:
                    found.append(_pack(changed_ns, place + name, seen.st_size))
    return Listing(found, began_ns)


# ------------------------------------------------------------------------------------------ walking
def _split(glob: str) -> list[str]:
    """Give the parts of a glob; `**` at its end stands for every file below, as of Python 3.13."""
    told = PurePath(glob)
    parts = [
        part
        for part, before in zip(told.parts, ("", *told.parts), strict=False)
        if part != "**" or before != "**"
    ]
    if not parts or told.is_absolute() or told.drive:
        raise Misconfigured(f"{glob!r} is no glob below a folder", remedy="write it like *.csv or **/*.csv")
    return [*parts, "*"] if parts[-1] == "**" else parts


def _places(root: str, parts: Sequence[str], below: str = "") -> Iterator[str]:
    """Give the folders that the parts lead to: "" for the root, or names below it, each with a `/` behind."""
    if not parts:
        yield below
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _places(root, rest, below)
        for name in _subfolders(f"{root}/{below}", follow=False):
            yield from _places(root, parts, f"{below}{name}/")
    elif _WILD.search(part):
        for name in _subfolders(f"{root}/{below}", follow=True):
            if _matcher(part)(name):
                yield from _places(root, rest, f"{below}{name}/")
    elif Path(root, below, part).is_dir():
        yield from _places(root, rest, f"{below}{part}/")


def _subfolders(folder: str, *, follow: bool) -> list[str]:
    return [entry.name for entry in _entries(folder) if _is_folder(entry, follow=follow)]


def _is_folder(entry: os.DirEntry[str], *, follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError as error:
        if error.errno in _GONE:
            return False
        raise


def _names(folder: str, part: str) -> Iterator[tuple[str, bool]]:
    """Give what a folder has under these names, and whether each is a link."""
    if _WILD.search(part):
        matches = _matcher(part)
        yield from ((entry.name, entry.is_symlink()) for entry in _entries(folder) if matches(entry.name))
    else:
        yield part, True  # or not: what is told by name may be looked at closely


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Give what is in a folder, nothing when it may not be listed, as `pathlib` has it."""
    with suppress(PermissionError, FileNotFoundError), os.scandir(folder) as entries:
        yield from entries


def _matcher(part: str) -> Callable[[str], object]:
    return re.compile(translate(part), _CASE).match


def _look(path: str) -> os.stat_result | None:
    """Give the state of a file behind all links; None for what is none."""
    try:
        seen = os.stat(path)  # noqa: PTH116 - a Path for each file is what is avoided here
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    return seen if stat.S_ISREG(seen.st_mode) else None


# ------------------------------------------------------------------------------------------ packing
def _pack(changed_ns: int, name: str, size: int) -> bytes:
    """Give bytes that sort by change, then by name: UTF-8 sorts as its characters do, NUL before all."""
    return b"%020d%b\0%d" % (changed_ns, name.encode("utf-8", "surrogatepass"), size)


def _unpack(lot: bytes) -> Iterator[Listed]:
    parts = lot.split(b"\0")
    for told, size in zip(parts[::2], parts[1::2], strict=True):
        yield Listed(int(told[:20]), told[20:].decode("utf-8", "surrogatepass"), int(size))
