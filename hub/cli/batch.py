"""`plantwide batch …`: batches as documents that other systems read."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hub.cli.opening import DatabaseOption, DataOption, fail, open_store, read_settings
from hub.records.b2mml import KINDS, Empty, Kind, TooLarge, write_all, write_document
from hub.store.answers.things import Ambiguous, NotFound, find_thing

app = typer.Typer(no_args_is_help=True)


@app.callback()
def batch() -> None:
    """Give batches as documents that other systems read."""


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="uid of the batch, or any of its names")],
    form: Annotated[Literal["b2mml"], typer.Option("--format", help="B2MML V7.0.1")] = "b2mml",
    document: Annotated[
        str | None, typer.Option("--document", help=f"one of {', '.join(KINDS)}; the first by default")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="a folder for all its documents (or the one that is asked for)"),
    ] = None,
    names: Annotated[
        str | None, typer.Option("--names", help="call things as this source does, where it has a name")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write a batch as B2MML: one document to standard output, or all of them into a folder."""
    del form  # there is one
    kind: Kind | None = next((known for known in KINDS if known == document), None)
    if document is not None and kind is None:
        fail(f"there is no document {document}; there are {', '.join(KINDS)}")
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        try:
            found = find_thing(connection, "batch", name).id
            if kind is not None or to is None:
                chosen, content = write_document(connection, "batch", found, kind=kind, receiver=names)
                documents = {chosen: content}
            else:
                documents = write_all(connection, found, receiver=names)
        except NotFound:
            fail(f"there is no batch {name}; see GET /v1/batches")
        except Ambiguous as error:
            fail(f"{name}: {error}: {', '.join(str(one['uid']) for one in error.candidates)}")
        except (Empty, TooLarge) as error:
            fail(str(error))
    if to is None:
        typer.echo(next(iter(documents.values())).decode(), nl=False)
        return
    try:
        to.mkdir(parents=True, exist_ok=True)
        for title, content in documents.items():
            path = to / f"{_safe(name)}_{title}.xml"
            path.write_bytes(content)
            typer.echo(path)
    except OSError as error:
        fail(f"{to}: {error.strerror}; give a folder that can be written to")


def _safe(name: str) -> str:
    """Give a name as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:100].lstrip(".") or "batch"
