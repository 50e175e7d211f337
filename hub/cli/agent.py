"""`plantwide agent`: reads sources where they are, and delivers to a hub by outward calls alone."""

import socket
import threading
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.opening import ConfigOption, SetOption, fail, open_project, read_settings
from hub.ingest.agent import Agent
from hub.ingest.delivering import Delivered
from hub.ingest.line import HubLine


def agent(
    hub: Annotated[
        str, typer.Option(envvar="PLANTWIDE_HUB", help="address of the hub, e.g. https://hub:8000")
    ],
    key_file: Annotated[
        Path | None, typer.Option(help="file with the key; else the variable PLANTWIDE_KEY")
    ] = None,
    key: Annotated[str | None, typer.Option(envvar="PLANTWIDE_KEY", hidden=True)] = None,
    name: Annotated[
        str | None, typer.Option(help="this agent's own name; the machine's when left out")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="certificates of those who may vouch for the hub")] = None,
    once: Annotated[bool, typer.Option("--once", help="read what is due, then end")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="seconds between two looks at what is due")] = 5.0,
    config: ConfigOption = None,
    given: SetOption = None,
) -> None:
    """Read this project's sources and deliver what they say to a hub elsewhere. Keeps no state of its own."""
    given_key = key_file.read_text(encoding="utf-8").strip() if key_file else key
    if not given_key:
        fail(
            "give --key-file, or the variable PLANTWIDE_KEY; "
            "`plantwide key create NAME --scope deliver:SOURCE` makes a key"
        )
    project = open_project(read_settings(config=config), given)
    line = HubLine(hub.rstrip("/"), given_key, verify=str(ca) if ca else True)
    running = Agent(
        name=name or socket.gethostname().partition(".")[0],
        post=line,
        sources=project.sources,
        every_s=every,
        tell=_print,
    )
    stop = threading.Event()
    try:
        while True:
            failed = [done for done in running.run_due() if done.error]
            if once:
                break
            stop.wait(running.wait_s())
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        return
    finally:
        line.close()
    if failed:
        raise typer.Exit(1)


def _print(done: Delivered) -> None:
    if done.error:
        typer.echo(f"{done.source:<12} {done.stream:<20} FAILED  {done.error}")
    elif done.documents or done.samples or done.rejected or done.note:
        held = f"; {done.rejected:,} in quarantine" if done.rejected else ""
        told = f"{done.documents:,} documents, {done.records:,} records"
        brought = f"{done.samples:,} samples{held}" if done.samples else f"{told}{held}"
        note = f"; {done.note}" if done.note else ""
        typer.echo(f"{done.source:<12} {done.stream:<20} {brought}{note}")
