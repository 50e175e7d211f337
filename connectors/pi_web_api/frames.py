"""Event frames: what was going on in a time, with its values, its element and the frame around it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson

from connectors.pi_web_api.assets import Database, find_database
from connectors.pi_web_api.client import PiClient, Question, list_items
from connectors.pi_web_api.settings import PiWebApiConfig
from hub.model import format_instant, parse_instant
from hub.sdk import Cursor, Document, Page, Rejected, Unavailable

STREAM = "event_frames"
_PAGE = 100
"""Frames asked for at once at most: each costs a question for its values."""
_RESTARTS = 3
_FRAME = (
    "WebId;Id;Name;Description;TemplateName;CategoryNames;StartTime;EndTime;Severity;IsAcknowledged;"
    "RefElementWebIds;Links.Parent"
)
_ATTRIBUTE = (
    "Items.Name;Items.Value.Timestamp;Items.Value.Value;Items.Value.UnitsAbbreviation;Items.Value.Good"
)


class FrameReader:
    """Reads event frames. The cursor is `{"since": time}`, with the end of the span and the place meanwhile.

    A frame has no time of change, but every frame that has begun or ended since a time overlaps what follows
    it. So all that overlap are asked for, and the look back covers corrections of those that ended before.
    """

    def __init__(self, client: PiClient, config: PiWebApiConfig) -> None:
        assert config.asset_framework is not None  # noqa: S101 - the settings refuse frames without it
        assert config.event_frames is not None  # noqa: S101 - nobody reads frames then
        self._client = client
        self._assets = config.asset_framework
        self._settings = config.event_frames
        self._page = min(_PAGE, config.max_count)
        self._known: dict[str, dict[str, Any]] = {}

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Give pages of frames from the cursor on."""
        database = find_database(self._client, self._assets)
        cursor = cursor or {}
        since = str(cursor.get("since") or format_instant(self._settings.start))
        until = str(cursor.get("until") or format_instant(self._client.server_time + timedelta(seconds=1)))
        at, last = int(cursor.get("at", 0)), str(cursor.get("last", ""))
        restarts = 0
        while True:
            items = self._ask(database.web_id, since=since, until=until, at=max(0, at - 1))
            if at and (not items or items[0]["Id"] != last):
                # Frames were deleted meanwhile, so that others have moved up: begin again.
                at, last, restarts = 0, "", restarts + 1
                if restarts > _RESTARTS:
                    raise Unavailable("event frames are deleted faster than they can be read")
                continue
            fresh = items[1:] if at else items
            if not fresh:
                break
            at, last = at + len(fresh), str(fresh[-1]["Id"])
            documents, rejected = self._complete(fresh, database)
            midway = {"since": since, "until": until, "at": at, "last": last}
            yield Page(documents=documents, rejected=rejected, cursor=midway)
        yield Page(documents=[], cursor={"since": until})

    def _ask(self, database: str, *, since: str, until: str, at: int) -> list[dict[str, Any]]:
        start = parse_instant(since) - timedelta(seconds=self._settings.look_back_s)
        fields = ";".join(f"Items.{name}" for name in _FRAME.split(";"))
        params: dict[str, Any] = {
            "startTime": format_instant(max(start, datetime(1970, 1, 2, tzinfo=UTC))),
            "endTime": until,
            "searchMode": "Overlapped",
            "searchFullHierarchy": "true",
            "sortField": "StartTime",
            "sortOrder": "Ascending",
            "startIndex": at,
            "maxCount": self._page,
            "selectedFields": fields,
            "webIdType": "IDOnly",
        }
        if self._settings.template:
            params["templateName"] = self._settings.template
        return list_items(self._client.fetch(f"/assetdatabases/{database}/eventframes", params))

    def _complete(
        self, frames: Sequence[dict[str, Any]], database: Database
    ) -> tuple[list[Document], list[Rejected]]:
        """Make documents: a frame with its attributes' values, its element and the frame around it."""
        values = self._client.ask_all(
            [Question(f"/streamsets/{f['WebId']}/value", {"selectedFields": _ATTRIBUTE}) for f in frames]
        )
        read = list(zip(frames, values, strict=True))
        self._learn(frames, database)
        documents: list[Document] = []
        rejected: list[Rejected] = []
        for frame, answer in read:
            if isinstance(answer, Exception):
                rejected.append(
                    Rejected(
                        key=str(frame["Id"]),
                        where=f"event frame {frame.get('Name')}",
                        reason=f"its attributes cannot be read: {answer.what}",
                        remedy=answer.remedy,
                        payload=orjson.dumps(frame).decode(),
                    )
                )
                continue
            attributes = {str(item["Name"]): item.get("Value") for item in list_items(answer)}
            documents.append(self._document(frame, attributes))
        return documents, rejected

    def _document(self, frame: Mapping[str, Any], attributes: Mapping[str, Any]) -> Document:
        element = next(iter(_list(frame.get("RefElementWebIds"))), "")
        payload = {
            key: value for key, value in frame.items() if key not in {"Links", "RefElementWebIds", "WebId"}
        }
        payload["Attributes"] = attributes
        payload["Element"] = self._known.get(element)
        payload["Parent"] = self._known.get(_parent(frame))
        key = str(frame["Id"])
        text = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS).decode()
        return Document(object_type=STREAM, key=key, payload=text)

    def _learn(self, frames: Sequence[dict[str, Any]], database: Database) -> None:
        """Ask for the elements and the parents of frames that are not known yet."""
        asked: dict[str, Question] = {}
        for frame in frames:
            for web_id in _list(frame.get("RefElementWebIds"))[:1]:
                fields = {"selectedFields": "Id;Name;Path;TemplateName"}
                asked[web_id] = Question(f"/elements/{web_id}", fields)
            parent = _parent(frame)
            if parent:
                asked[parent] = Question(f"/eventframes/{parent}", {"selectedFields": "Id;Name;TemplateName"})
        unknown = {web_id: question for web_id, question in asked.items() if web_id not in self._known}
        for web_id, answer in zip(unknown, self._client.ask_all(list(unknown.values())), strict=True):
            if isinstance(answer, dict):
                place = {"Place": database.below(str(answer["Path"]))} if "Path" in answer else {}
                self._known[web_id] = {**answer, **place}


def _parent(frame: Mapping[str, Any]) -> str:
    """Give the id of the frame around a frame; that of one below the database itself leads elsewhere."""
    links = frame.get("Links")
    link = str(cast("dict[str, Any]", links).get("Parent") or "") if isinstance(links, dict) else ""
    kind, _, web_id = link.rpartition("/")
    return web_id if kind.endswith("/eventframes") else ""


def _list(given: Any) -> list[str]:
    return [str(g) for g in cast("list[Any]", given)] if isinstance(given, list) else []
