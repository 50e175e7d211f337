"""The MES's outbox: a folder that holds the documents published by the plant's instant, and no others."""

import os
from datetime import datetime
from pathlib import Path

from hub.demo.mes import Document


class DocumentFolder:
    """Keeps a folder of documents in step with the plant clock."""

    def __init__(self, path: Path, documents: tuple[Document, ...]) -> None:
        self._path = path
        self._documents = documents
        self._published: datetime | None = None

    def publish(self, at: datetime) -> tuple[Document, ...]:
        """Write what was published by `at`, take away what was not, and give the documents that are there.

        A file appears whole under its name, with the plant's time of publication as its modification time.
        """
        present = tuple(d for d in self._documents if d.at <= at)
        if at == self._published:
            return present
        self._path.mkdir(parents=True, exist_ok=True)
        names = {d.name for d in present}
        for document in self._documents:
            if document.name not in names:
                (self._path / document.name).unlink(missing_ok=True)
        for document in present:
            self._write(document)
        self._published = at
        return present

    def _write(self, document: Document) -> None:
        target = self._path / document.name
        if target.exists() and target.stat().st_size == len(document.content):
            return
        fresh = self._path / f".{document.name}.part"
        fresh.write_bytes(document.content)
        seconds = document.at.timestamp()
        os.utime(fresh, (seconds, seconds))
        fresh.replace(target)
