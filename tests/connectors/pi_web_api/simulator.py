"""A simulator of PI Web API, made by this project from its public documentation; it is no PI System.

What it follows (AVEVA's PI Web API Reference): recorded values with `maxCount` (1,000 unless told, refused above
the server's limit), both ends of a window in, values of one instant in one answer only as far as `maxCount`
allows; digital states and system states as objects; flags; interpolation by steps; summaries; pages of objects;
event frames that overlap a span; `/batch` with a status for each request; errors as `{"Errors": […]}`. What the
vendor's own specification says of requests and answers is checked by the tests, where that file is at hand.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "hub", "let-me-in"
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=2)
OPEN_END = "9999-12-31T23:59:59Z"
Event = tuple[datetime, Any, dict[str, bool]]


def written(moment: datetime, ticks: str = "") -> str:
    """Write a time as the server does: seven digits, or none."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond:06d}{ticks or '0'}Z" if moment.microsecond or ticks else f"{text}Z"


@dataclass
class Refusal(Exception):
    """An answer that is no success."""

    status: int
    said: str


@dataclass
class PiSystem:
    """What the server holds, how it is set up, and what it was asked."""

    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    elements: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    """Points that the user may not read."""
    hidden: dict[str, Any] = field(default_factory=dict)
    """Errors inside 200 answers, by path."""
    max_returned: int = 150_000
    has_batch: bool = True
    guards_posts: bool = True
    asked: list[tuple[str, str, dict[str, list[str]], Any]] = field(default_factory=list)
    answered: list[tuple[str, str, int, Any]] = field(default_factory=list)
    on_page: Callable[["PiSystem"], None] = lambda _: None
    base: str = ""

    # ------------------------------------------------------------------ building the world

    def add_point(self, name: str, events: list[Event], **told: Any) -> None:
        self.points[name] = {
            "WebId": f"I1DP{name.replace('.', '-')}",
            "Id": len(self.points) + 1,
            "Name": name,
            "Path": rf"\\PISRV1\{name}",
            "Descriptor": told.pop("descriptor", ""),
            "PointClass": "classic",
            "PointType": "Float32",
            "EngineeringUnits": "",
            "Step": False,
            "Future": False,
            "Zero": 0.0,
            "Span": 100.0,
            **told,
        }
        self.events[name] = sorted(events, key=lambda event: event[0])

    def add_element(self, place: str, template: str = "") -> str:
        web_id = f"I1EM{len(self.elements)}"
        self.elements.append(
            {
                "WebId": web_id,
                "Id": f"00000000-0000-0000-0001-{len(self.elements):012d}",
                "Name": place.rpartition("\\")[2],
                "Path": rf"\\AFSRV1\Plant\{place}",
                "Description": "",
                "TemplateName": template,
                "HasChildren": False,
            }
        )
        return web_id

    def add_attribute(self, place: str, point: str | None, **told: Any) -> None:
        self.attributes.append(
            {
                "WebId": f"I1AB{len(self.attributes)}",
                "Name": place.rpartition("|")[2],
                "Path": rf"\\AFSRV1\Plant\{place}",
                "Type": "Double",
                "DataReferencePlugIn": "PI Point" if point else "",
                "ConfigString": rf"\\PISRV1?0d6a\{point}?17;ReadOnly=False" if point else "",
                "DefaultUnitsNameAbbreviation": "",
                "Step": False,
                "Zero": 0.0,
                "Span": 100.0,
                "Description": "",
                "Links": {},
                "_point": point,
                **told,
            }
        )

    def add_frame(
        self, number: int, template: str, start: datetime, end: datetime | None, **told: Any
    ) -> dict[str, Any]:
        frame = {
            "WebId": f"I1FM{number}",
            "Id": f"00000000-0000-0000-0002-{number:012d}",
            "Name": told.pop("name", f"{template} {number}"),
            "Description": "",
            "TemplateName": template,
            "CategoryNames": [],
            "StartTime": written(start),
            "EndTime": written(end) if end else OPEN_END,
            "Severity": "None",
            "IsAcknowledged": False,
            "RefElementWebIds": [told.pop("element")] if "element" in told else [],
            "_parent": told.pop("parent", None),
        }
        self.frames.append(frame)
        self.values[frame["WebId"]] = told.pop("values", {})
        return frame

    # ------------------------------------------------------------------ answering

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Give status and object of a request, without the fields that were not selected."""
        self.asked.append((method, path, query, body))
        try:
            if path in self.hidden:
                return 200, {"WebException": self.hidden[path], "Items": []}
            status, given = self._route(method, path, query, body)
        except Refusal as refusal:
            status, given = refusal.status, {"Errors": [refusal.said]}
        if status == 200 and "selectedFields" in query:
            given = _select(given, query["selectedFields"][0].split(";"))
        self.answered.append((method, path, status, given))
        return status, given

    def _route(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match parts:
            case ["system"]:
                return 200, {
                    "ProductTitle": "PI Web API (simulated)",
                    "ProductVersion": "1.11.0.640",
                    "Links": {},
                }
            case ["dataservers"]:
                return 200, {"Items": [self._archive()]}
            case ["dataservers", _, "points"]:
                found = [
                    p for p in self.points.values() if _masked(p["Name"], query.get("nameFilter", ["*"])[0])
                ]
                return 200, self._page(found, query)
            case ["assetservers"]:
                return 200, {"Items": [{"WebId": "I1RS1", "Name": "AFSRV1", "Path": r"\\AFSRV1"}]}
            case ["assetservers", _, "assetdatabases"]:
                return 200, {"Items": [{"WebId": "I1RD1", "Name": "Plant", "Path": r"\\AFSRV1\Plant"}]}
            case ["assetdatabases", _, "elements"]:
                return 200, self._page(sorted(self.elements, key=lambda e: e["Name"]), query)
            case ["assetdatabases", _, "elementattributes"]:
                return 200, self._page([_public(a) for a in self.attributes], query)
            case ["assetdatabases", _, "eventframes"]:
                return 200, self._frames(query)
            case ["elements", web_id]:
                return 200, self._named(self.elements, web_id)
            case ["eventframes", web_id]:
                return 200, self._frame(self._named(self.frames, web_id))
            case ["streamsets", web_id, "value"]:
                told = self.values.get(web_id)
                if told is None:
                    raise Refusal(404, f"The event frame {web_id} was not found.")
                items = [{"Name": n, "WebId": f"{web_id}-{n}", "Value": v} for n, v in told.items()]
                return 200, {"Items": items}
            case ["streams", web_id, kind]:
                return 200, self._stream(web_id, kind, query)
            case ["batch"] if method == "POST" and self.has_batch:
                return 207, self._batch(body)
            case _:
                raise Refusal(404, f"No HTTP resource was found that matches the request URI '{path}'.")

    def _batch(self, body: Any) -> Any:
        given = {}
        for number, request in body.items():
            url = urlsplit(request["Resource"])
            assert request["Resource"].startswith(self.base), request["Resource"]
            status, content = self.answer(
                "GET",
                url.path[len(urlsplit(self.base).path) :],
                parse_qs(url.query, keep_blank_values=True),
                None,
            )
            given[number] = {
                "Status": status,
                "Headers": {"Content-Type": "application/json"},
                "Content": content,
            }
        return given

    def _archive(self) -> dict[str, Any]:
        return {
            "WebId": "I1DS1",
            "Id": "1",
            "Name": "PISRV1",
            "Path": r"\\PISRV1",
            "IsConnected": True,
            "ServerVersion": "3.4.440.477",
            "ServerTime": written(NOW),
        }

    def _page(self, items: list[Any], query: dict[str, list[str]]) -> dict[str, Any]:
        start, count = int(query.get("startIndex", ["0"])[0]), int(query.get("maxCount", ["1000"])[0])
        page = items[start : start + count]
        links = {"Next": f"{self.base}/next"} if start + count < len(items) else {}
        answer = {"Links": links, "Items": page}
        self.on_page(self)
        return answer

    def _frames(self, query: dict[str, list[str]]) -> dict[str, Any]:
        start, end = query["startTime"][0], query["endTime"][0]
        assert query["searchMode"] == ["Overlapped"]
        assert query["sortField"] == ["StartTime"]
        found = [
            self._frame(f)
            for f in sorted(self.frames, key=lambda f: (f["StartTime"], f["Id"]))
            if f["StartTime"] <= end
            and f["EndTime"] >= start
            and query.get("templateName", [f["TemplateName"]]) == [f["TemplateName"]]
        ]
        return self._page(found, query)

    def _frame(self, frame: dict[str, Any]) -> dict[str, Any]:
        above = f"/eventframes/{frame['_parent']}" if frame["_parent"] else "/assetdatabases/I1RD1"
        return {**_public(frame), "Links": {"Parent": f"{self.base}{above}"}}

    def _named(self, items: list[dict[str, Any]], web_id: str) -> dict[str, Any]:
        for item in items:
            if item["WebId"] == web_id:
                return item
        raise Refusal(404, f"The object {web_id} was not found.")

    def _stream(self, web_id: str, kind: str, query: dict[str, list[str]]) -> dict[str, Any]:
        names = {p["WebId"]: name for name, p in self.points.items()}
        names.update({a["WebId"]: a["_point"] for a in self.attributes if a["_point"]})
        name = names.get(web_id)
        if name is None:
            raise Refusal(404, "Unknown or invalid web ID format.")
        if name in self.closed:
            raise Refusal(403, "[-10401] No Read Access - Secure Object")
        start, end = (datetime.fromisoformat(query[word][0]) for word in ("startTime", "endTime"))
        events = self.events[name]
        unit = self.points[name]["EngineeringUnits"]
        if kind == "recorded":
            assert query["boundaryType"] == ["Inside"]
            count = int(query.get("maxCount", ["1000"])[0])
            if count > self.max_returned:
                raise Refusal(
                    400,
                    f"The parameter 'maxCount' is greater than the maximum allowed ({self.max_returned}).",
                )
            found = [e for e in events if start <= e[0] <= end][:count]
            return {"Items": [timed(e, unit) for e in found], "UnitsAbbreviation": unit}
        if kind == "interpolated":
            step = timedelta(seconds=int(query["interval"][0].removesuffix("s")))
            times = [start + n * step for n in range((end - start) // step + 1)]
            return {"Items": [timed((t, _at(events, t), {}), unit) for t in times]}
        if kind == "summary":
            step = timedelta(seconds=int(query["summaryDuration"][0].removesuffix("s")))
            assert query["timeType"] == ["EarliestTime"]
            return {
                "Items": [
                    {
                        "Type": word,
                        "Value": timed(
                            (start + n * step, _sum(events, start + n * step, step, word), {}), unit
                        ),
                    }
                    for word in query["summaryType"]
                    for n in range((end - start) // step)
                ]
            }
        raise Refusal(404, f"no {kind}")


def timed(event: Event, unit: str) -> dict[str, Any]:
    """Write an event as a TimedValue; a `ticks` flag gives the seventh digit of its time."""
    moment, value, flags = event
    given = {k: v for k, v in flags.items() if k != "ticks"}
    is_system = isinstance(value, dict) and value.get("IsSystem", False)
    return {
        "Timestamp": written(moment, str(flags.get("ticks", ""))),
        "Value": value,
        "UnitsAbbreviation": unit,
        "Good": not is_system,
        "Questionable": False,
        "Substituted": False,
        "Annotated": False,
        **given,
    }


def state(name: str, value: int, *, is_system: bool = False) -> dict[str, Any]:
    """Write a digital state."""
    return {"Name": name, "Value": value, "IsSystem": is_system}


def _at(events: list[Event], moment: datetime) -> Any:
    before = [e for e in events if e[0] <= moment and isinstance(e[1], int | float)]
    after = [e for e in events if e[0] >= moment and isinstance(e[1], int | float)]
    if not before or not after:
        return state("No Data", 248, is_system=True)
    (t0, v0, _), (t1, v1, _) = before[-1], after[0]
    return v0 if t0 == t1 else v0 + (v1 - v0) * ((moment - t0) / (t1 - t0))


def _sum(events: list[Event], start: datetime, step: timedelta, word: str) -> Any:
    values = [e[1] for e in events if start <= e[0] < start + step and isinstance(e[1], int | float)]
    if not values:
        return 0 if word == "Count" else state("No Data", 248, is_system=True)
    return {
        "Average": sum(values) / len(values),
        "Minimum": min(values),
        "Maximum": max(values),
        "Count": len(values),
    }[word]


def _masked(name: str, mask: str) -> bool:
    from fnmatch import fnmatch

    return fnmatch(name.casefold(), mask.casefold())


def _public(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if not key.startswith("_")}


def _select(given: Any, paths: list[str]) -> Any:
    """Keep the selected fields, as the server does: `Items.Value.Good`."""
    if isinstance(given, list):
        return [_select(item, paths) for item in given]
    if not isinstance(given, dict):
        return given
    kept: dict[str, Any] = {}
    for key, value in given.items():
        if key in paths:
            kept[key] = value
            continue
        below = [path[len(key) + 1 :] for path in paths if path.startswith(f"{key}.")]
        if below:
            kept[key] = _select(value, below)
    return kept


@contextmanager
def serve(system: PiSystem) -> Iterator[str]:
    """Serve on a free port; give the base URL."""
    login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer("GET", None)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if system.guards_posts and not self.headers.get("X-Requested-With"):
                self._send(400, {"Message": "The request is missing the header X-Requested-With."})
                return
            self._answer("POST", body)

        def _answer(self, method: str, body: Any) -> None:
            if self.headers.get("Authorization") != login:
                self._send(401, {"Message": "Authorization has been denied for this request."})
                return
            url = urlsplit(self.path)
            query = parse_qs(url.query, keep_blank_values=True)
            self._send(*system.answer(method, url.path.removeprefix("/piwebapi"), query, body))

        def _send(self, status: int, answer: Any) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(NOW, usegmt=True)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    system.base = f"http://127.0.0.1:{server.server_address[1]}/piwebapi"
    try:
        yield system.base
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
