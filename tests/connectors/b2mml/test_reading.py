"""Reading a place of documents: the promises of the door, and files that come, grow, change and vanish."""

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.b2mml import B2mml, B2mmlConfig
from hub.sdk import Cursor, Document, Misconfigured, Page, Unauthorized, Unavailable
from hub.sdk.testing import RecordSuite

OLD = 1_700_000_000


def person(key: str, published: str = "2026-01-01T00:00:00Z", note: str = "") -> str:
    return (
        f'<PersonnelInformation xmlns="http://www.mesa.org/xml/B2MML"><ID>{key}</ID>'
        f"<PublishedDate>{published}</PublishedDate><Person><ID>{key}</ID><Description>{note}</Description></Person>"
        "</PersonnelInformation>"
    )


def put(folder: Path, name: str, content: str | bytes, at: int = OLD) -> None:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (at, at))


def connect(folder: Path, **settings: Any) -> B2mml:
    return B2mml(B2mmlConfig.model_validate({"folder": folder, "page_size": 2, **settings}))


def pages(folder: Path, cursor: Cursor | None = None, **settings: Any) -> list[Page]:
    return list(connect(folder, **settings).read("documents", cursor))


def documents(found: list[Page]) -> list[Document]:
    return [document for page in found for document in page.documents]


def keys(found: list[Page]) -> list[str]:
    return [document.key for document in documents(found)]


# ----------------------------------------------------------------------------- an HTTP directory


class Shelf(BaseHTTPRequestHandler):
    """Serves files from memory behind a login; the index in one of the forms that servers write."""

    files: dict[str, bytes]
    index: bytes

    def do_GET(self) -> None:
        login = "Basic " + base64.b64encode(b"mes:right").decode()
        if self.headers.get("authorization") != login:
            self.answer(401, b"who are you")
        elif self.path == "/out/":
            self.answer(200, self.index)
        elif self.path.removeprefix("/out/") in self.files:
            self.answer(200, self.files[self.path.removeprefix("/out/")])
        else:
            self.answer(404, b"no such file")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def shelf(files: dict[str, str], index: str) -> Iterator[str]:
    handler = type(
        "Shelf", (Shelf,), {"files": {k: v.encode() for k, v in files.items()}, "index": index.encode()}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/out"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def over_http(url: str, password: str = "right") -> B2mml:
    return B2mml(
        B2mmlConfig.model_validate({"url": url, "user": "mes", "password": password, "page_size": 2})
    )


# ------------------------------------------------------------------------------- conformance


class TestB2mmlKeepsThePromises(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path / "outbox"
        self.folder.mkdir()
        for number, name in enumerate("abcde"):
            put(self.folder, f"{name}.xml", person(name.upper()), OLD + number // 3)
        put(self.folder, "broken.xml", person("X")[:100], OLD + 1)
        put(self.folder, "record.xml", (Path(__file__).parent / "B26-0117.xml").read_bytes(), OLD + 9)
        with shelf({}, "[]") as self.url:
            yield

    def make(self) -> B2mml:
        return connect(self.folder)

    def make_refused(self) -> B2mml:
        return over_http(self.url, "wrong-password")

    def holds(self) -> dict[str, int]:
        return {"documents": 7}

    def grow(self) -> bool:
        put(self.folder, "late-but-old.xml", person("LATE"), OLD - 1000)
        put(self.folder, "tie.xml", person("TIE"), OLD + 9)
        put(self.folder, "a.xml", person("A", note="same size, other time"), OLD + 10)
        put(self.folder, "broken.xml", person("X"), OLD + 11)
        return True

    def make_large(self, factor: int) -> B2mml:
        for n in range(60 * factor):
            put(self.folder, f"large_{n}.xml", person(f"L{n}", note="as found " * 900), OLD + 20 + n)
        return connect(self.folder, page_size=20)


class TestB2mmlOverHttpKeepsThePromises(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self) -> Iterator[None]:
        files = {f"{name}.xml": person(name) for name in "abcde"}
        index = json.dumps(
            [{"name": name, "mtime": "Wed, 21 Oct 2015 07:28:00 GMT", "size": 9} for name in files]
        )
        with shelf(files, index) as self.url:
            yield

    def make(self) -> B2mml:
        return over_http(self.url)

    def make_refused(self) -> B2mml:
        return over_http(self.url, "wrong-password")

    def holds(self) -> dict[str, int]:
        return {"documents": 5}


# ---------------------------------------------------------------------------- files in a folder


def test_a_second_read_gives_nothing(tmp_path: Path) -> None:
    for name in "abc":
        put(tmp_path, f"{name}.xml", person(name))
    first = pages(tmp_path)
    assert keys(first) == ["a", "b", "c"]
    assert first[0].total == 3
    assert pages(tmp_path, first[-1].cursor) == []


def test_a_file_that_grew_is_read_again_and_withdraws_what_was_unreadable(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", person("A")[:120])
    first = pages(tmp_path)
    assert [(d.object_type, d.key) for d in documents(first)] == [("unreadable", "a.xml")]
    put(tmp_path, "a.xml", person("A"), OLD + 1)
    second = documents(pages(tmp_path, first[-1].cursor))
    assert [(d.object_type, d.key, d.deleted) for d in second] == [
        ("PersonnelInformation", "A", False),
        ("unreadable", "a.xml", True),
    ]
    assert list(connect(tmp_path).parse(second[1])) == []


def test_a_change_that_keeps_the_size_is_read(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", person("A", note="one"))
    first = pages(tmp_path)
    put(tmp_path, "a.xml", person("A", note="two"), OLD + 1)
    assert keys(pages(tmp_path, first[-1].cursor)) == ["A"]


def test_a_file_written_a_moment_ago_is_looked_at_once_more(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(person("A"), encoding="utf-8")
    first = pages(tmp_path)
    again = pages(tmp_path, first[-1].cursor)
    assert keys(first) == keys(again) == ["A"]


def test_a_new_version_under_another_name_is_the_same_document(tmp_path: Path) -> None:
    put(tmp_path, "v1.xml", person("A"), OLD)
    put(tmp_path, "v2.xml", person("A", "2026-02-01T00:00:00Z"), OLD - 5)
    newer, older = documents(pages(tmp_path))
    assert newer.key == older.key == "A"
    assert newer.version > older.version


def test_a_message_that_tells_a_part_has_a_name_of_its_own(shared_folder: Path) -> None:
    found = documents(pages(shared_folder / "data" / "b2mml" / "examples"))
    lots = {d.key: d.changed_at for d in found if d.object_type == "MaterialInformation"}
    assert set(lots) == {"CRBN0001/CRBN0001_LOT01", "CRBN0001/CRBN0001_LOT01/CRBN0001_LOT01_01"}


def test_the_clock_of_a_naive_document_is_the_file_and_parse_says_so(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", person("A", "2026-01-01T00:00:00"))
    (document,) = documents(pages(tmp_path))
    assert document.changed_at is not None
    assert document.changed_at.timestamp() == OLD
    assert any("PublishedDate" in getattr(part, "where", "") for part in connect(tmp_path).parse(document))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_text_is_read_in_the_encoding_that_the_document_declares(tmp_path: Path, encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?>' + person("A", note="37 °C")
    put(tmp_path, "a.xml", text.encode(encoding))
    (document,) = documents(pages(tmp_path))
    assert "37 °C" in document.payload
    assert document.key == "A"


def test_bytes_that_are_no_text_are_kept_and_quarantined(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", person("A", note="37 °C").encode("latin-1"))
    (document,) = documents(pages(tmp_path))
    assert document.object_type == "unreadable"


def test_a_file_that_is_too_large_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", person("A", note="x" * 2000))
    put(tmp_path, "b.xml", person("B"))
    found = pages(tmp_path, max_bytes=1024)
    assert keys(found) == ["B"]
    (fault,) = found[0].rejected
    assert fault.where == "a.xml"
    assert "max_bytes" in fault.remedy


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.xml", person("P1"))
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result((0,) * 6 + (40, 0, 0, 0)))  # what it had before
    assert keys(pages(tmp_path)) == ["P1"]


def test_other_names_and_folders_inside_are_read_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    put(tmp_path, "in/a.xml", person("A"))
    put(tmp_path, "b.tmp", person("B"))
    put(tmp_path, ".c.xml", person("C"))
    assert keys(pages(tmp_path)) == []
    assert keys(pages(tmp_path, recursive=True)) == ["A"]


def test_a_missing_folder_is_a_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"is no folder.*`folder` setting"):
        connect(tmp_path / "nowhere").check()


@pytest.mark.parametrize(
    "settings", [{}, {"folder": "a", "url": "b"}, {"folder": "a", "lot_properties": {"X": "colour"}}]
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        B2mmlConfig.model_validate(settings)


# ------------------------------------------------------------------------------------- over HTTP

INDEXES = {
    "html": '<html><a href="../">up</a><a href="a.xml">a</a><A HREF="./b.xml?x=1">b</A><a href="/other/c.xml">c</a></html>',
    "names": '["a.xml", "b.xml", "http://elsewhere.example/c.xml"]',
    "wrapped": '{"documents": [{"name": "a.xml", "publishedAt": "2026-01-01T00:00:00Z", "size": 3}, {"name": "b.xml"}]}',
    "lines": "a.xml\n\nb.xml\n../c.xml\n",
}


@pytest.mark.parametrize("form", INDEXES)
def test_a_directory_is_read_in_each_form_and_never_left(form: str) -> None:
    with shelf({"a.xml": person("A"), "b.xml": person("B")}, INDEXES[form]) as url:
        found = list(over_http(url).read("documents", None))
        assert sorted(keys(found)) == ["A", "B"]
        assert keys(list(over_http(url).read("documents", found[-1].cursor))) == []


def test_a_listed_file_that_is_not_there_costs_only_itself() -> None:
    with shelf({"b.xml": person("B")}, '["a.xml", "b.xml"]') as url:
        (page,) = list(over_http(url).read("documents", None))
    assert [d.key for d in page.documents] == ["B"]
    assert "answered 404" in page.rejected[0].reason


def test_a_wrong_password_is_no_empty_folder() -> None:
    with shelf({}, "[]") as url, pytest.raises(Unauthorized):
        list(over_http(url, "wrong").read("documents", None))


def test_half_an_index_is_tried_again() -> None:
    with shelf({}, '["a.xml", ') as url, pytest.raises(Unavailable, match="no whole JSON"):
        list(over_http(url).read("documents", None))


def test_a_recipe_is_named_by_its_id_and_version_whatever_it_is_made_of(tmp_path: Path) -> None:
    recipe = (
        '<BatchInformation xmlns="http://www.mesa.org/xml/B2MML"><MasterRecipe><ID>MR-1</ID><Version>07</Version>'
        "<RecipeElement><ID>SR-120</ID><Parameter><ID>Temperature</ID></Parameter></RecipeElement>"
        "</MasterRecipe></BatchInformation>"
    )
    (tmp_path / "recipe.xml").write_text(recipe, encoding="utf-8")
    assert keys(pages(tmp_path)) == ["MR-1 07"]
