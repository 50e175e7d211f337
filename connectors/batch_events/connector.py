"""The connector class: a journal is a document; what its events tell together is what it means."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar

from connectors.batch_events.journal import read_rows
from connectors.batch_events.runs import Run, Story, order, tell_action, tell_journal
from connectors.batch_events.settings import BatchEventsConfig
from hub.model import Batch, Identifier, Record, SegmentData, SegmentResponse
from hub.sdk import (
    BadRecord,
    Config,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    RecordSource,
    Rejected,
    Stream,
    Unauthorized,
    attempt,
    reject,
)
from hub.sdk.folder import Listed, Listing, list_files

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIE_NS = 2_000_000_000
"""Looked at again each time: as coarse as file systems keep time, so that no second write hides."""
_PAGE = 20
_STATUS = {"Completed": "Complete"}
"""States of a run in the words of 88.02 for a batch."""
_UID = "batch_uid"


class BatchEvents(RecordSource[BatchEventsConfig]):
    """Event journals of batch engines (FactoryTalk Batch, DeltaV, InBatch), from a folder."""

    name: ClassVar[str] = "batch_events"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = BatchEventsConfig

    def check(self) -> Health:
        """Look for journals, and read the newest."""
        files = self._find()
        if newest := files.newest:
            text = self._text(newest)
            if isinstance(text, str) and text:
                try:
                    next(read_rows(text, self.config), None)
                except BadRecord as error:
                    raise Misconfigured(f"{newest.name}: {error.reason}", remedy=error.remedy) from error
        return Health(system=f"{self.config.shape} journals", detail=f"{len(files)} file(s)")

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="journals", every_s=self.config.every_s)]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        if stream != "journals":
            raise Misconfigured(f"there is no stream {stream!r}", remedy="streams: journals")
        since = int((cursor or {}).get("changed_ns", 0)) - _TIE_NS
        files = self._find(since)
        coming = iter(files)
        while some := list(islice(coming, _PAGE)):
            documents: list[Document] = []
            rejected: list[Rejected] = []
            for file in some:
                text = self._text(file)
                if isinstance(text, Rejected):
                    rejected.append(text)
                elif text:
                    documents.append(
                        Document(
                            object_type="journal",
                            key=file.name,
                            payload=text,
                            media_type="text/plain",
                            seq=file.changed_ns // 1000,
                        )
                    )
            yield Page(
                documents=documents,
                rejected=rejected,
                cursor={"changed_ns": files.reached(some[-1])},
                total=len(files),
            )

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        stories: dict[str, Story] = {}
        for row in read_rows(document.payload, self.config):
            where = f"line {row.line}"
            unique, batch = row["unique"], row["batch"]
            if not batch:
                yield Rejected(reason="the event names no batch", where=where)
                continue
            story = stories.setdefault(unique or batch, Story(unique, batch))
            try:
                at = self.instant(row["time"])
            except ValueError as error:
                yield reject(error, where)
                continue
            take = tell_action if self.config.shape == "inbatch" else tell_journal
            take(story, row, at=at, words=self.config.words)
        for story in order(stories.values()):
            yield from self._state(story)

    # ------------------------------------------------------------------ meaning

    def _state(self, story: Story) -> Iterator[Record | Rejected]:
        uid = story.unique or story.batch
        whole = story.whole
        also = [Identifier(scheme=_UID, value=story.unique)] if story.unique else []
        yield attempt(
            Batch,
            story.batch,
            id=Identifier(value=story.batch),
            also=also,
            product=story.product or None,
            status=_STATUS.get(whole.state, whole.state) if whole else None,
            actual_start=whole.start if whole else None,
            actual_end=whole.end if whole else None,
        )
        for run in story.runs:
            parent = story.parent(run)
            yield attempt(
                SegmentResponse,
                f"{story.batch} {run.key}",
                key=f"{uid}/{run.key}",
                batch=story.batch,
                parent=f"{uid}/{parent.key}" if parent else None,
                level=run.level,
                name=run.name,
                occurrence=_occurrence(story, run),
                equipment=run.unit or None,
                state=run.state,
                actual_start=run.start,
                actual_end=run.end,
            )
        for told in story.told:
            where = f"line {told.line}"
            try:
                value = self.measurement(told.value, told.eu or None)
            except ValueError as error:
                yield reject(error, where)
                continue
            yield attempt(
                SegmentData,
                where,
                key=f"{uid}/{told.line}",
                batch=story.batch,
                response=f"{uid}/{told.run.key}" if told.run else None,
                name=told.name,
                value=value,
                at=told.at,
            )

    # ------------------------------------------------------------------ files

    def _find(self, since_ns: int | None = None) -> Listing:
        root = Path(self.config.root)
        if not root.is_dir():
            raise Misconfigured(f"{root} is no folder", remedy="set `root` to the folder with the journals")
        if not os.access(root, os.R_OK | os.X_OK):
            raise Unauthorized(f"{root} may not be read", remedy="grant the hub's user read access")
        return list_files(root, self.config.globs, since_ns=since_ns)

    def _text(self, file: Listed) -> str | Rejected:
        """Give a journal up to its last whole line: the engine may be writing the next."""
        most = self.config.max_mib * 1024 * 1024
        if file.size > most:
            return Rejected(
                reason=f"the file has {file.size:,} bytes",
                key=file.name,
                remedy="raise `max_mib`, or split it",
            )
        try:
            content = (Path(self.config.root) / file.name).read_bytes()
        except PermissionError as error:
            raise Unauthorized(f"{file.name} may not be read", remedy="grant read access") from error
        except FileNotFoundError:
            return ""  # moved away since it was listed
        whole = content[: content.rfind(b"\n") + 1]
        try:
            return whole.decode(self.config.encoding).replace("\x00", "")
        except (UnicodeDecodeError, LookupError) as error:
            return Rejected(reason=str(error), key=file.name, remedy="set `encoding`")


def _occurrence(story: Story, run: Run) -> int:
    """Count executions of one name below one parent, in the order of their beginning."""
    above = story.parent(run)
    same = [r for r in story.runs if r.name == run.name and r.level == run.level and story.parent(r) is above]
    same.sort(key=lambda r: (r.start or r.end or _EPOCH, r.key))
    return same.index(run) + 1
