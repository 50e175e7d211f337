"""`docs/write-a-connector.md`: a package made, installed, tried and read with, as the page has it."""

import os
import re
import site
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import ValidationError, create_model
from typer.testing import CliRunner

from connectors.rest import Rest, RestConfig
from connectors.rest.settings import BasicAuth
from hub.cli import app
from hub.cli.scaffold import Kind, write_connector
from hub.model import MaterialActual
from hub.model.enums import OpenList
from hub.sdk.mapping import RECORD_TYPES
from hub.sdk.testing import Answered, Asked, serve
from tests.environments import Environment, make_environment
from tests.journeys.command import ROOT, plain_environment
from tests.journeys.transcript import Terminal, is_shown

PAGE = (ROOT / "docs" / "write-a-connector.md").read_text(encoding="utf-8")
STREAMS = {"s": {"path": "/s", "key": "id", "records": [{"record": "batch", "fields": {"id": "id"}}]}}
KINDS: tuple[Kind, ...] = ("python", "rest", "sql")


@dataclass(frozen=True)
class Block:
    """A block of the page: a file that it tells to write, or what is typed and shown."""

    title: str
    text: str
    line: int


def read_blocks(page: str) -> list[Block]:
    """Give the blocks with a title or of a console, in their order."""
    found = re.finditer(r'^```(?:console|\w+ title="(.*?)")\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
    return [Block(f[1] or "", f[2], page.count("\n", 0, f.start()) + 2) for f in found]


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Environment]:
    """An environment of an author's own, in whose folder commands of this process run too."""
    made = make_environment(tmp_path / "venv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in set(os.environ) - set(plain_environment()):
        monkeypatch.delenv(name)
    yield made
    for name in [name for name in sys.modules if name.startswith("plantwide_acme")]:
        del sys.modules[name]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal for what serves and asks, over the store that the page's other commands fill."""
    one = Terminal(tmp_path / "plantwide-data")
    yield one
    one.close()


def type_in(author: Environment, command: str, folder: Path, terminal: Terminal) -> str:
    """Run a command of the page: the hub's own in this process, which is quicker; all others in a shell."""
    if re.match(r"[A-Z]+=|curl |plantwide serve ", command):
        return terminal.run(command)
    if command.startswith("plantwide connector grade "):  # it starts pytest, in the author's environment
        return author.run(command, folder, PYTEST_DISABLE_PLUGIN_AUTOLOAD="").stdout
    if not command.startswith("plantwide "):
        done = author.run(command, folder, PYTHONDONTWRITEBYTECODE="1")
        assert not command.startswith("pip") or done.returncode == 0, done.stdout
        return done.stdout
    sys.path[:] = [p for p in sys.path if "acme" not in p]
    site.addsitedir(str(author.site))
    for name in [name for name in sys.modules if name.startswith("plantwide_acme")]:
        del sys.modules[name]
    return CliRunner().invoke(app, command.split()[1:]).output


def test_the_page_is_true(author: Environment, tmp_path: Path, terminal: Terminal) -> None:
    blocks = read_blocks(PAGE)
    assert sum(bool(block.title) for block in blocks) == 4
    for block in blocks:
        if block.title:
            target = tmp_path / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
            continue
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            printed = type_in(author, command, tmp_path, terminal)
            assert is_shown(shown, printed), f"below line {block.line}: {command}\n{printed}"


def list_words(of: Any) -> set[str]:
    """Give the values that a field takes by its list; none where it has no list."""
    found: set[str] = set(get_args(of)) if get_origin(of) is Literal else set()
    for part in (*get_args(of), *getattr(of, "metadata", ())):
        found |= set(part.values) if isinstance(part, OpenList) else list_words(part)
    return {word for word in found if isinstance(word, str)}


def test_the_table_of_records_names_their_fields_and_the_words_of_their_lists() -> None:
    rows = re.findall(r"^\| .+? \| `(\w+)` \| (`(?:id|key)`.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 12
    for record, told in rows:
        fields = RECORD_TYPES[record].model_fields
        for name, said in re.findall(r"`(\w+)`(?: \(([^)]*)\))?", told):
            words = set(re.findall(r"`(.+?)`", said))
            known = list_words(fields[name].annotation) | list_words(fields[name])
            assert words <= known, f"{record}.{name}: {words - known}"


def test_the_streams_of_the_page_read_a_dispensary() -> None:
    (written,) = re.findall(r"^```yaml\n(streams:\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    answers = {
        "/orders": '{"content": [{"orderNo": "WD-1", "batch": "B-1", "modified": 1772362800000}]}',
        "/orders/WD-1/weighings": (
            '{"weighings": [{"seq": 1, "lot": "L-1", "net": "12,050", "uom": "kg", "cancelled": false,'
            ' "weighedAt": "29.07.2026 06:05"}, {"seq": 2, "cancelled": true}]}'
        ),
    }

    def answer(asked: Asked) -> Answered:
        return Answered(status=200, body=answers[urlsplit(asked.target).path].encode())

    with serve(answer) as url:
        given = {"base_url": url, "timezone": "Europe/Dublin", **yaml.safe_load(written)}
        with Rest(RestConfig.model_validate(given)) as rest:
            documents = [d for page in rest.read("orders", None) for d in page.documents]
    (moved,) = [part for document in documents for part in rest.parse(document)]
    assert isinstance(moved, MaterialActual)
    assert moved.quantity is not None
    assert moved.at is not None
    assert (moved.key, moved.quantity.text, moved.quantity.value) == ("WD-1/1", "12,050", 12.05)
    assert moved.at.isoformat() == "2026-07-29T05:05:00+00:00"


def test_the_stand_in_of_the_page_makes_settings_with_one_kind_of_login_recalled() -> None:
    (line,) = re.findall(r"^`reach: ClassVar.* = (\{.*\})`\.$", PAGE, re.MULTILINE)
    given = {"base_url": "http://x", "auth": {"user": "a", "password": "b"}, "streams": STREAMS}
    narrow = create_model("Narrow", __base__=RestConfig, auth=(BasicAuth, ...))
    meaning = narrow.model_validate(given).meaning()
    with pytest.raises(ValidationError, match="auth"):
        narrow.recall(meaning)
    narrow.reach = eval(line, {"RestConfig": RestConfig})
    assert isinstance(narrow.recall(meaning).auth, BasicAuth)


def test_what_each_kind_begins_with_installs_and_keeps_every_promise(
    author: Environment, tmp_path: Path
) -> None:
    for kind in KINDS:
        write_connector(f"acme_{kind}", tmp_path, kind)
    installed = author.run("pip install -q ./plantwide-acme-*", tmp_path)
    assert installed.returncode == 0, installed.stdout
    tried = author.run("pytest -q -p no:cacheprovider plantwide-acme-*/tests", tmp_path)
    assert re.search(r"\d\d passed, \d\d skipped in", tried.stdout), tried.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_says_how_long_each_kind_is(kind: Kind, tmp_path: Path) -> None:
    package = write_connector("acme", tmp_path, kind) / "plantwide_acme"
    told = next(line for line in PAGE.splitlines() if line.startswith(f"| `{kind}`"))
    counted = [
        len((package / name).read_text(encoding="utf-8").splitlines())
        for name in ("__init__.py", "streams.yaml")
        if (package / name).exists()
    ]
    assert [int(number) for number in re.findall(r"(\d+) lines", told)] == counted


@pytest.mark.parametrize("name", ["Acme", "1st", "class", "a-b", "x" * 50])
def test_a_name_that_python_could_not_import_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no connector name"):
        write_connector(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    target = write_connector("acme", tmp_path)
    (target / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="choose another name"):
        write_connector("acme", tmp_path, "rest")
    assert (target / "README.md").read_text(encoding="utf-8") == "mine"
