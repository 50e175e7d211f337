"""A page of the docs as somebody types it along: each command runs, and what it prints is what the page shows."""

import json
import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from fastapi.testclient import TestClient
from typer.testing import CliRunner

from hub.api.app import create_app
from hub.cli import app
from hub.shift.folder import locked_folder
from hub.store.database import Database

GAP = "…"
"""Stands in a page for what differs from run to run, inside a line, or for lines left out."""


@dataclass(frozen=True)
class Step:
    """A command of a page and what it shows as printed."""

    command: str
    shown: str
    line: int


def read_steps(page: str) -> list[Step]:
    """Give the commands of the `console` blocks of a page in their order."""
    steps: list[Step] = []
    inside = False
    for number, line in enumerate(page.splitlines(), start=1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            steps.append(Step(line[2:], "", number))
        elif inside:
            last = steps.pop()
            steps.append(Step(last.command, f"{last.shown}{line}\n", last.line))
    return steps


def is_shown(shown: str, printed: str) -> bool:
    """Tell whether what was printed is what a page shows, but for its gaps."""
    lines = [
        "(?s:(?:.*?\n)??)" if line == GAP else re.escape(line).replace(GAP, ".*?") + "\n"
        for line in shown.strip().splitlines()
    ]
    return re.fullmatch("".join(lines), f"{printed.strip()}\n" if printed.strip() else "") is not None


class Unknown(AssertionError):
    """The page has a command that the terminal of the tests does not know."""


@dataclass
class Terminal:
    """Runs a page's commands over an embedded store: the commands and the API themselves, in this process."""

    data: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])
    _served: ExitStack = field(default_factory=ExitStack)
    _client: TestClient | None = None

    def close(self) -> None:
        """End what serves."""
        self._served.close()

    def run(self, command: str) -> str:
        """Give what a command prints."""
        assigned = re.fullmatch(r"([A-Z]+)=(?:\$\((.*)\)|(\S+))", command)
        if assigned:
            name, inner, plain = assigned.groups()
            self.variables[name] = self.run(inner).strip() if inner else plain
            return ""
        compared = re.fullmatch(r'test "\$\((.*)\)" = "\$(\w+)" && echo (.*) \|\| echo (.*)', command)
        if compared:
            inner, name, same, other = compared.groups()
            return same if self.run(inner).strip() == self.variables[name] else other
        printed = ""
        for part in command.split(" | "):
            printed = self._run_one(part, printed)
        return printed

    def _run_one(self, command: str, given: str) -> str:
        words = [self._fill(word) for word in shlex.split(command)]
        match words:
            case ["plantwide", "serve", *_]:
                return self._serve()
            case ["plantwide", *rest]:
                done = CliRunner().invoke(app, [*rest, "--data", str(self.data)])
                assert done.exit_code == 0, f"{command}\n{done.output}"
                return done.output
            case ["curl", *rest]:
                return self._curl(rest)
            case ["python3", "-m", "json.tool"]:
                return json.dumps(json.loads(given), indent=4)
            case ["cut", "-d", sign, "-f", number]:
                return "".join(f"{line.split(sign)[int(number) - 1]}\n" for line in given.splitlines())
            case ["grep", sought]:
                return "".join(line for line in given.splitlines(keepends=True) if sought in line)
            case ["head", "-n", count]:
                return "".join(given.splitlines(keepends=True)[: int(count)])
            case ["sha256sum"]:
                return f"{sha256(given.encode()).hexdigest()}  -"
            case ["echo", *rest]:
                return " ".join(rest)
            case _:
                raise Unknown(command)

    def _fill(self, word: str) -> str:
        return re.sub(r"\$([A-Z]+)", lambda found: self.variables[found.group(1)], word)

    def _serve(self) -> str:
        self._served.enter_context(locked_folder(self.data))
        database = Database.embedded(self.data)
        self._served.callback(database.close)
        self._client = self._served.enter_context(TestClient(create_app(database)))
        return ""

    def _curl(self, words: list[str]) -> str:
        options = {"-H": [], "-d": [], "-w": [], "-o": []}
        address = ""
        waiting = iter(words)
        for word in waiting:
            if word in options:
                options[word].append(next(waiting))
            elif word != "-s":
                address = word
        assert self._client, "the page asks a hub that does not serve"
        response = self._client.request(
            "POST" if options["-d"] else "GET",
            address.removeprefix(self.variables["HUB"]),
            headers=dict(h.split(": ", 1) for h in options["-H"]),
            content="".join(options["-d"]) or None,
        )
        assert response.status_code < 400, response.text
        if options["-w"]:
            return re.sub(r"%header\{(.+?)\}", lambda f: response.headers[f.group(1)], options["-w"][0])
        return response.text
