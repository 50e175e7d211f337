"""Heads leave the store: to a file that only grows, a syslog, a webhook; and what fails is caught up."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import SecretStr

from hub.shift.notary import Notary
from hub.shift.settings import Settings
from hub.shift.sinks import FileSink, HandoverFailed, Sink, SyslogSink, WebhookSink, open_sinks
from hub.store.database import Database
from hub.store.seal.history import read_heads_file
from hub.store.seal.keeping import KeyPlace
from hub.store.seal.verification import verify
from tests.store.seal.writing import Clock, add_documents
from tests.swift import swift

HEAD = {"kind": "head", "size": 3}


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = swift(migrated_url)
    yield one
    one.close()


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[Any]]]:
    """An address on loopback that answers with a status, and what was posted to it."""
    taken: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/heads?token=secret", taken
    server.shutdown()
    thread.join()
    server.server_close()


def make_notary(database: Database, folder: Path, *sinks: Sink) -> Notary:
    return Notary(database, KeyPlace(folder / "keys" / "audit.pem"), sinks, clock=Clock())


def read_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_file_gets_the_key_and_then_each_head_once(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "heads.jsonl"
    add_documents(database, 3)
    notary = make_notary(database, tmp_path, FileSink(file))
    notary.seal()
    notary.seal()
    make_notary(database, tmp_path, FileSink(file)).seal()
    add_documents(database, 3, tag="T")
    make_notary(database, tmp_path, FileSink(file)).seal()
    assert [(line["kind"], line.get("size")) for line in read_lines(file)] == [
        ("key", None),
        ("head", 4),
        ("head", 7),
    ]
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 == 0
    assert verify(database, heads=[file]).findings == []


def test_a_line_torn_by_a_stop_is_ended_and_the_next_head_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    FileSink(file).send(HEAD)
    with file.open("ab") as opened:
        opened.write(b'{"kind":"head","si')
    FileSink(file).send({**HEAD, "size": 4})
    assert [json.loads(line) for line in file.read_text().splitlines()[::2]] == [HEAD, {**HEAD, "size": 4}]
    assert read_heads_file(file).faults


def test_a_file_that_cannot_be_written_is_named_and_caught_up_by_the_next_head(
    database: Database, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    add_documents(database, 3)
    notary = make_notary(database, tmp_path, FileSink(blocked / "heads.jsonl"))
    assert notary.seal().added == 4
    with pytest.raises(HandoverFailed, match="blocked"):
        FileSink(blocked / "heads.jsonl").send(HEAD)
    blocked.unlink()
    add_documents(database, 1, tag="T")
    notary.seal()
    assert [line["kind"] for line in read_lines(blocked / "heads.jsonl")] == ["key", "head"]
    assert verify(database, heads=[blocked / "heads.jsonl"]).findings == []


def test_a_rotated_key_is_told_to_the_file(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    add_documents(database, 3)
    notary = make_notary(database, tmp_path, FileSink(file))
    notary.seal()
    public = notary.rotate()
    add_documents(database, 3, tag="T")
    notary.seal()
    assert [line["kind"] for line in read_lines(file)] == ["key", "head", "key", "head"]
    assert read_lines(file)[-1]["key_id"] == public.key_id
    assert verify(database, heads=[file]).findings == []


def test_a_webhook_gets_the_key_and_the_head(database: Database, tmp_path: Path) -> None:
    add_documents(database, 3)
    with webhook(204) as (url, taken):
        make_notary(database, tmp_path, WebhookSink(url)).seal()
    assert [one["kind"] for one in taken] == ["key", "head"]
    assert taken[1]["size"] == 4


def test_a_webhook_that_refuses_is_asked_again_and_its_address_is_kept_to_oneself(
    database: Database, tmp_path: Path
) -> None:
    add_documents(database, 3)
    with webhook(500) as (url, taken):
        sink = WebhookSink(url)
        notary = make_notary(database, tmp_path, sink)
        notary.seal()
        notary.seal()
        with pytest.raises(HandoverFailed, match=r"webhook on 127\.0\.0\.1: POST answered 500") as raised:
            sink.send(HEAD)
    assert len(taken) == 3
    assert "secret" not in str(raised.value)
    with pytest.raises(HandoverFailed, match=r"webhook on 127\.0\.0\.1"):
        sink.send(HEAD)


@pytest.mark.parametrize("scheme", ["udp", "tcp", "local"])
def test_a_syslog_gets_one_message_a_record(tmp_path: Path, scheme: str) -> None:
    taken = list[bytes]()
    heard = Event()
    if scheme == "local":
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = os.fspath(tmp_path / "log")
        listener.bind(address)
    else:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM if scheme == "tcp" else socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    if scheme == "tcp":
        listener.listen()

    def hear() -> None:
        if scheme == "tcp":
            peer, _ = listener.accept()
            with peer, peer.makefile("rb") as stream:
                taken.append(stream.read())
        else:
            taken.append(listener.recv(65536))
        heard.set()

    thread = Thread(target=hear)
    thread.start()
    SyslogSink(address).send(HEAD)
    assert heard.wait(10)
    thread.join()
    listener.close()
    message = taken[0]
    if scheme == "tcp":
        length, _, message = message.partition(b" ")
        assert int(length) == len(message)
    assert message.startswith(b"<109>1 20")
    assert b" plantwide " in message
    assert json.loads(message[message.index(b"{") :]) == HEAD


def test_a_syslog_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HandoverFailed, match="syslog"):
        SyslogSink(os.fspath(tmp_path / "nobody")).send(HEAD)


def test_sinks_come_from_the_settings_and_a_wrong_address_is_refused(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path, heads_syslog="/dev/log", heads_webhook=SecretStr("https://heads.example/in")
    )
    assert [sink.name for sink in open_sinks(settings)] == [
        str(tmp_path / "heads" / "heads.jsonl"),
        "syslog /dev/log",
        "webhook on heads.example",
    ]
    with pytest.raises(ValueError, match="write an https address"):
        open_sinks(Settings(data=tmp_path, heads_webhook=SecretStr("http://heads.example/in")))
    with pytest.raises(ValueError, match="udp://host:514"):
        open_sinks(Settings(data=tmp_path, heads_syslog="localhost"))


def test_a_serving_hub_seals_by_itself_and_once_more_at_its_end(database: Database, tmp_path: Path) -> None:
    class Bell:
        name, is_empty = "bell", False

        def __init__(self) -> None:
            self.heads: list[Any] = []
            self.rung = Event()

        def send(self, record: Any) -> None:
            self.heads.append(record["size"])
            self.rung.set()

    bell = Bell()
    add_documents(database, 3)
    notary = Notary(database, KeyPlace(tmp_path / "k.pem"), [bell], every_s=0.01)
    notary.start()
    assert bell.rung.wait(20)
    add_documents(database, 2, tag="T")
    notary.stop()
    assert bell.heads[0] in {4, 6}
    assert bell.heads[-1] == 6
