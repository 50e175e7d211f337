"""The application of the OData door: who may come in, what an address leads to, answers that still stand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from http.client import OK

from fastapi import Request, Response
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Route

from hub.api.answer import HEADER, PARAMETER
from hub.api.doors import Door
from hub.api.remembering import NEWEST, VALIDATED, Answer, Question, answer_unchanged, is_held, write_tag
from hub.api.room import Room
from hub.api.slips import Counted, Slip, rows_of, slip_of, with_rows
from hub.odata.addresses import Address, read_address, split_path
from hub.odata.answering import TAKES, Case, answer_rows, choose_files, write_json
from hub.odata.asking import Asked
from hub.odata.batch import answer_batch
from hub.odata.metadata import print_metadata
from hub.odata.model import SAMPLES, list_sets
from hub.odata.options import Options, read_options
from hub.odata.refusals import VERSION, Refusal, not_compiled, refuse, refuse_problem
from hub.odata.series import TAKES as SERIES_TAKES
from hub.odata.series import answer_series
from hub.odata.settings import OdataSettings
from hub.store.attribution import format_at
from hub.store.keys import Caller
from hub.store.questions.grouping import list_columns
from hub.store.snapshot import Snapshot

PATH = "/odata"
_READS = ("GET", "HEAD")
_ALLOW = "GET, HEAD"


def make_door(settings: OdataSettings | None = None) -> Door:
    """Give the door at `/odata`."""
    return Door(
        path=PATH,
        make=partial(create_odata, settings=settings or OdataSettings()),
        refuse=refuse_problem,
    )


def create_odata(room: Room, *, settings: OdataSettings) -> Starlette:
    """Give the application over a room."""
    counter = Counter(room, settings)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

    async def answer_error(_request: Request, error: Exception) -> Response:
        return refuse(error)

    return Starlette(
        routes=[Route("/{path:path}", counter.answer, methods=methods)],
        exception_handlers={HTTPException: answer_error},
    )


class Counter:
    """Answers requests, over a room."""

    def __init__(self, room: Room, settings: OdataSettings) -> None:
        self._room = room
        self._settings = settings

    async def answer(self, request: Request) -> Response:
        """Answer a request; whatever goes wrong is an error document."""
        try:
            asked = _read(request)
            caller: Caller = request.state.caller
            slip = slip_of(request.scope)
            if asked.method == "POST" and split_path(asked.path) == ["$batch"]:
                body = await request.body()
                return await run_in_threadpool(self._answer_batch, asked, body, caller, slip)
            response = self._recall(asked, caller, getattr(request.state, NEWEST, None))
            if response is None:
                response = await run_in_threadpool(self._answer_get, asked, caller)
            if slip is not None:
                slip.product = name_product(asked)
            return response
        except HTTPException as error:
            return refuse(error)
        except Exception as error:  # noqa: BLE001 - the log has it, and the one who asked an error document
            return refuse(error)

    def _answer_get(self, asked: Asked, caller: Caller) -> Response:
        return self.answer_one(asked, caller, lambda options: self._open(options, caller))

    def _answer_batch(  # noqa: PLR0917 - the batch, who asks, and where its parts are told
        self, asked: Asked, body: bytes, caller: Caller, slip: Slip | None
    ) -> Response:
        """Answer the parts of a batch; those that ask for the same instant see the same moment."""
        opened: dict[datetime | None, Snapshot] = {}

        def open_store(options: Options) -> Snapshot:
            at = options.as_known_at
            return opened.setdefault(at, self._open(options, caller))

        def answer(one: Asked) -> Response:
            response = self.answer_one(one, caller, open_store)
            if slip is not None:
                slip.parts.append(_tell_part(one, response))
            return response

        asked.check_versions()
        return answer_batch(asked, body, answer, most=self._settings.requests)

    def _open(self, options: Options, caller: Caller) -> Snapshot:
        room = self._room
        return Snapshot(room.database, asked=options.as_known_at, clock=room.clock, scope=caller.rows)

    def answer_one(self, asked: Asked, caller: Caller, open_store: Callable[[Options], Snapshot]) -> Response:
        """Answer one GET, inside a batch or not. Errors are answers too."""
        try:
            if asked.method not in _READS:
                raise Refusal(
                    405,
                    "method-not-allowed",
                    "What sources say is only read here: ask with GET, or several times with POST $batch.",
                    allow=_ALLOW,
                )
            asked.check_versions()
            return self._find(asked, caller, open_store)
        except Exception as error:  # noqa: BLE001 - one bad request never costs the others of a batch
            return refuse(error)

    def _find(self, asked: Asked, caller: Caller, open_store: Callable[[Options], Snapshot]) -> Response:
        segments = split_path(asked.path)
        match segments:
            case []:
                options = self._read_options(asked, None)
                return self._list_sets(asked, options)
            case ["$metadata"]:
                return _answer_metadata(asked, self._settings)
            case ["$batch"]:
                raise Refusal(405, "method-not-allowed", "A batch is sent with POST.", allow="POST")
            case [first, *_] if first.startswith("$"):
                raise not_compiled(first.partition("(")[0][:40])
            case _:
                address = read_address(segments)
                options = self._read_options(asked, address)
                case = Case(self._room, open_store(options), self._settings, asked, address, options)
                return self._read(case, caller)

    def _read_options(self, asked: Asked, address: Address | None) -> Options:
        return read_options(
            asked.read_pairs(),
            "" if address is not None and address.kind in ("count", "value") else asked.accept,
            None if address is None else address.set,
            takes=_takes(address),
            settings=self._settings,
        )

    def _read(self, case: Case, caller: Caller) -> Response:
        """Answer from the store, from memory, or that what is held still stands."""
        asked = case.asked
        with case.database.read() as connection:
            known_at = case.database.known_at
            answer = answer_series if case.address.set.name == SAMPLES else answer_rows
            if known_at is None:
                return answer(connection, case)
            case = replace(case, files=choose_files(connection, case))
            question = _question_of(asked, caller, of_files=_is_grouped(case))
            response = self._remember(asked, question, known_at)
            if response is None:
                response = answer(connection, case)
                if response.status_code == OK:
                    media = response.headers["content-type"]
                    kept = Answer(known_at, bytes(response.body), None, media, rows_of(response))
                    self._room.memory.keep(question, kept)
                self._tag(response, question, known_at)
        return response

    def _recall(self, asked: Asked, caller: Caller, newest: datetime | None) -> Response | None:
        """Answer without the store what was asked before and still stands: what is remembered was right.

        Groups are left to the store, where it is seen which files answer them, and so is the past.
        """
        if newest is None or asked.method not in _READS:
            return None
        asked.check_versions()
        if {name for name, _ in asked.read_pairs()} & {"$apply", PARAMETER}:
            return None
        question = _question_of(asked, caller, of_files=False)
        is_there = self._room.memory.find(question, newest) is not None
        return self._remember(asked, question, newest) if is_there else None

    def _remember(self, asked: Asked, question: Question, known_at: datetime) -> Response | None:
        """Give what was answered to the same question about the same state, or that what is held stands."""
        tag = write_tag(question, known_at, self._room.settings.version)
        if is_held(tag, asked.headers.get("if-none-match")):
            return answer_unchanged(tag, known_at)
        found = self._room.memory.find(question, known_at)
        if found is None:
            return None
        response = with_rows(Counted(found.body, media_type=found.media_type, headers=VERSION), found.rows)
        self._tag(response, question, known_at)
        return response

    def _tag(self, response: Response, question: Question, known_at: datetime) -> None:
        tag = write_tag(question, known_at, self._room.settings.version)
        response.headers.update({**VALIDATED, "ETag": tag, HEADER: format_at(known_at)})

    @staticmethod
    def _list_sets(asked: Asked, options: Options) -> Response:
        sets = [{"name": one.name, "kind": "EntitySet", "url": one.name} for one in list_sets()]
        context = {} if options.level == "none" else {"@odata.context": f"{asked.root}/$metadata"}
        return write_json({**context, "value": sets}, options)


def _answer_metadata(asked: Asked, settings: OdataSettings) -> Response:
    accepts = asked.accept or "*/*"
    format = dict(asked.read_pairs()).get("$format", "xml")
    if not any(one in accepts for one in ("xml", "*/*", "application/*")) and "json" in accepts:
        raise not_compiled("$metadata as JSON (it is XML: Accept: application/xml)", target="Accept")
    if format not in ("xml", "application/xml"):
        raise not_compiled("$metadata in another format than xml", target="$format")
    return Response(
        print_metadata(page_rows=settings.page_rows, requests=settings.requests),
        media_type="application/xml",
        headers=VERSION,
    )


def name_product(asked: Asked) -> str | None:
    """Give the set whose rows an address gives, None for what is no set."""
    try:
        segments = split_path(asked.path)
        return read_address(segments).set.name if segments else None
    except Refusal:  # what is no address has no rows
        return None


def _tell_part(asked: Asked, response: Response) -> Slip:
    """Give a part of a batch as the log of reads has it."""
    return Slip(
        product=name_product(asked),
        rows=rows_of(response),
        asked=f"{asked.method} {PATH}{asked.path}?{asked.query}",
        status=response.status_code,
        size=len(response.body),
        known_at=response.headers.get(HEADER),
    )


def _takes(address: Address | None) -> tuple[str, ...]:
    """Give the options that an address takes."""
    if address is None:
        return ()
    table = SERIES_TAKES if address.set.name == SAMPLES else TAKES
    return table.get(address.kind, ())


def _is_grouped(case: Case) -> bool:
    """Tell whether an answer is figures over files; rows are the same bytes wherever they are read."""
    return case.files is not None and bool(list_columns(case.options.apply))


def _question_of(asked: Asked, caller: Caller, *, of_files: bool) -> Question:
    """Give what decides an answer beside the state of the store.

    A sum over files may differ from one over rows in its last digit: its bytes are another answer.
    """
    how = "\n".join((asked.root, asked.accept, asked.headers.get("prefer", ""), "files" * of_files))
    query = repr(asked.read_pairs()).encode()
    return f"{caller.public_id}:{caller.rows}", f"{PATH}{asked.path}", query, how


def _read(request: Request) -> Asked:
    """Give a request as this door reads it."""
    root = str(request.base_url).rstrip("/")
    below = request.scope["path"].removeprefix(PATH)
    headers: Headers = request.headers
    return Asked(
        request.method,
        below or "/",
        request.scope["query_string"].decode("latin-1"),
        {name.lower(): value for name, value in headers.items()},
        root if root.endswith(PATH) else f"{root}{PATH}",
    )
