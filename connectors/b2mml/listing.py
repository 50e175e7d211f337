"""Where the documents lie: a folder or an HTTP directory, each file with a mark that changes when it does."""

import fnmatch
import html
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import quote, unquote, urljoin, urlsplit

from connectors.b2mml.config import B2mmlConfig
from hub.sdk import BadRecord, HttpClient, Misconfigured, Unavailable

_HREF = re.compile(r"""<a\s[^>]{0,500}?href\s*=\s*["']([^"']{1,500})["']""", re.IGNORECASE)
_STAMPS = ("mtime", "modified", "modifiedAt", "lastModified", "publishedAt", "changedAt", "date")
"""Names under which JSON listings give a file's change time."""
_YOUNG_NS = 2_000_000_000
"""A file written this recently may be written again within one tick of the file system's clock."""

_SHIFT_NS = 1 << 63
"""Added to a change time, so that those before 1970 sort as well."""
_LOT = 20
"""Files packed together."""


@dataclass(frozen=True, order=True, slots=True)
class Entry:
    """A file: change time in ns since 1970 (0 when unknown), name, size, and whether it may still grow."""

    changed_ns: int
    name: str
    size: int = -1
    is_young: bool = False

    def mark(self, content: bytes | None = None) -> bytes:
        """Give 8 bytes that stand for this state of the file."""
        told = f"{self.name}\0{self.changed_ns}\0{self.size}".encode(errors="surrogateescape")
        return blake2b(told + (b"\0" + content if content is not None else b""), digest_size=8).digest()

    @property
    def name_mark(self) -> bytes:
        """Give 8 bytes that stand for the file in whatever state."""
        return blake2b(self.name.encode(errors="surrogateescape"), digest_size=8).digest()

    @property
    def label(self) -> str:
        """The name as text that can be stored."""
        return self.name.encode(errors="replace").decode()

    @property
    def is_known_by_content(self) -> bool:
        """Whether the listing tells nothing that would change with the content."""
        return self.changed_ns == 0 and self.size < 0

    @property
    def changed_at(self) -> datetime | None:
        """The change time."""
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC) if self.changed_ns else None


class Entries(Protocol):
    """Files, oldest change first, as often as they are asked for."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Entry]: ...


class Packed:
    """Files of a folder, oldest change first, each as its name and some 30 bytes until its turn comes."""

    def __init__(self, found: list[bytes], listed_ns: int) -> None:
        found.sort()
        self._count = len(found)
        self._lots = [b"\0".join(found[start : start + _LOT]) for start in range(0, len(found), _LOT)]
        self._listed_ns = listed_ns

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        for lot in self._lots:
            parts = lot.split(b"\0")
            for told, size in zip(parts[::2], parts[1::2], strict=True):
                changed_ns = int(told[:20]) - _SHIFT_NS
                is_young = abs(self._listed_ns - changed_ns) < _YOUNG_NS
                yield Entry(changed_ns, told[20:].decode("utf-8", "surrogatepass"), int(size), is_young)

    @staticmethod
    def pack(changed_ns: int, name: str, size: int) -> bytes:
        """Give bytes that sort by change, then by name; no file's name has a NUL in it."""
        return b"%020d%b\0%d" % (changed_ns + _SHIFT_NS, name.encode("utf-8", "surrogatepass"), size)


class Listing(Protocol):
    """A place that can be listed, oldest change first, and read."""

    def entries(self) -> Entries:
        """Give what is there now."""
        ...

    def read(self, entry: Entry) -> bytes:
        """Give a file's bytes; `FileNotFoundError` when it has gone, `BadRecord` when it is too large."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def open_listing(config: B2mmlConfig) -> Listing:
    """Give the place that the settings name."""
    return Directory(config) if config.url else Folder(config)


class Folder:
    """A folder of the file system."""

    def __init__(self, config: B2mmlConfig) -> None:
        self._config = config
        self._root = config.folder or Path()

    def entries(self) -> Entries:
        """Give the files that match, oldest change first; raises `Misconfigured` and `Unavailable`."""
        if not self._root.is_dir():
            raise Misconfigured(f"{self._root} is no folder", remedy="correct the `folder` setting")
        try:
            now = time.time_ns()
            return Packed(list(self._walk()), now)
        except PermissionError as error:
            raise Misconfigured(
                f"{error.filename} may not be listed", remedy="give this user read access"
            ) from error
        except OSError as error:
            raise Unavailable(f"{self._root} cannot be listed: {error}") from error

    def read(self, entry: Entry) -> bytes:
        """Give a file's bytes."""
        if entry.size > self._config.max_bytes:
            raise _too_large(entry, self._config)
        try:
            with open(self._path(entry.name), "rb") as file:  # noqa: PTH123 - see `_path`
                content = _read(file, os.fstat(file.fileno()).st_size, self._config.max_bytes)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Unavailable(f"{self._path(entry.name)} cannot be read: {error}") from error
        if len(content) > self._config.max_bytes:
            raise _too_large(entry, self._config)
        return content

    def close(self) -> None:
        """Nothing to release."""

    def _path(self, name: str) -> str:
        """Give the path of a file. A `Path` each would add every name to Python's table of interned ones."""
        return f"{self._root}/{name}"

    def _walk(self) -> Iterator[bytes]:
        for name, relative in self._names():
            if name.startswith(".") or not fnmatch.fnmatchcase(name, self._config.pattern):
                continue
            try:
                state = os.stat(self._path(relative))  # noqa: PTH116 - see `_path`
            except FileNotFoundError:
                continue
            if stat.S_ISREG(state.st_mode):
                yield Packed.pack(state.st_mtime_ns, relative, state.st_size)

    def _names(self) -> Iterator[tuple[str, str]]:
        """Give what is there: its own name, and its name below the folder."""
        if self._config.recursive:
            yield from (
                (path.name, path.relative_to(self._root).as_posix()) for path in self._root.rglob("*")
            )
        else:
            with os.scandir(self._root) as entries:
                yield from ((entry.name, entry.name) for entry in entries)


class Directory:
    """An HTTP directory: its index is HTML links, JSON (nginx `autoindex_format json`, or names) or lines."""

    def __init__(self, config: B2mmlConfig) -> None:
        self._config = config
        self._base = (config.url or "").rstrip("/") + "/"
        headers = {config.api_key_header: config.api_key.get_secret_value()} if config.api_key else {}
        login = (config.user, config.password.get_secret_value()) if config.user and config.password else None
        self._http = HttpClient(
            self._base,
            auth=login,
            headers={
                "accept": "application/json, text/html, text/plain, application/xml, text/xml",
                **headers,
            },
            # plain HTTP has no certificates to check: loading the authorities would only take time
            verify=str(config.ca_file) if config.ca_file else self._base.startswith("https"),
            limits=config.limits(max_bytes=config.max_bytes),
        )

    def entries(self) -> Entries:
        """Give the documents that the index names and that lie below it."""
        text = self._http.get("").decode("utf-8", errors="replace").strip()
        found = {e.name: e for e in _read_index(text) if self._is_below(e.name)}
        if not found and text.startswith("<") and "<form" in text.casefold():
            raise Misconfigured(
                f"{self._base} answers a page with a form, no index of documents",
                remedy="it may be a login page: check `url` and the login",
            )
        return sorted(e for e in found.values() if fnmatch.fnmatchcase(e.name, self._config.pattern))

    def read(self, entry: Entry) -> bytes:
        """Give a document's bytes."""
        try:
            return self._http.get(urljoin(self._base, quote(entry.name)))
        except Misconfigured as error:
            raise BadRecord(error.what, remedy="correct the index or the file") from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _is_below(self, name: str) -> bool:
        there, here = urlsplit(urljoin(self._base, quote(name))), urlsplit(self._base)
        return there[:2] == here[:2] and there.path.startswith(here.path) and there.path != here.path


def _read(file: BinaryIO, size: int, most: int) -> bytes:
    """Give a file's bytes, or one more than may be; room is made for its size, not for `most`."""
    content = file.read(min(size, most) + 1)
    return content if len(content) <= size else content + file.read(most + 1 - len(content))  # it has grown


def _read_index(text: str) -> Iterator[Entry]:
    if text.startswith(("[", "{")):
        try:
            listed: Any = json.loads(text)
        except ValueError as error:
            raise Unavailable(f"the index is no whole JSON: {error}") from error
        held = list(cast("dict[str, Any]", listed).values()) if isinstance(listed, dict) else [listed]
        for item in (i for part in held if isinstance(part, list) for i in cast("list[Any]", part)):
            yield _json_entry(item)
    elif text.startswith("<"):
        for link in _HREF.findall(text):
            href = html.unescape(link).partition("?")[0].partition("#")[0]
            if href:
                yield Entry(0, unquote(href).removeprefix("./"))
    else:
        for line in text.splitlines():
            if line.strip():
                yield Entry(0, line.strip())


def _json_entry(item: Any) -> Entry:
    if isinstance(item, str):
        return Entry(0, item)
    told = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    stamp, size = next((told[name] for name in _STAMPS if told.get(name)), None), told.get("size")
    return Entry(
        _ns(str(stamp)) if stamp else 0, str(told.get("name") or ""), size if isinstance(size, int) else -1
    )


def _ns(stamp: str) -> int:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(stamp)
        except ValueError:
            continue
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)
    return 0


def _too_large(entry: Entry, config: B2mmlConfig) -> BadRecord:
    return BadRecord(
        f"{entry.name} is larger than {config.max_bytes} bytes",
        where=entry.name,
        remedy="split the document or raise the `max_bytes` setting",
    )
