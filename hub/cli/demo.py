"""`plantwide demo`: a plant's four systems on loopback, read into one view."""

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from hub.cli.opening import (
    DatabaseOption,
    DataOption,
    JsonOption,
    make_desk,
    open_store,
    plain_errors,
    read_settings,
)
from hub.cli.reporting import Reporter, print_outcomes
from hub.cli.serving import serve_hub
from hub.ingest.runner import Desk
from hub.model import format_instant
from hub.shift.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from hub.demo.run import Report


def demo(
    once: Annotated[bool, typer.Option("--once", help="read, report and end; do not serve")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option(help="address to serve on")] = None,
    port: Annotated[int | None, typer.Option(help="port; the next free one when it is taken")] = None,
) -> None:
    """Run the demo plant: start its MES, ERP, LIMS and historian, read them, resolve, and serve the view."""
    from hub.demo.plant import PlantError, running_plant  # other commands need no plant
    from hub.demo.run import read_plant

    settings = read_settings(data=data, database=database, host=host, port=port)
    with plain_errors(PlantError), open_store(settings) as store:
        _say(f"data folder {settings.data.absolute()}", quiet=as_json)
        _say("starting the plant's MES, ERP, LIMS and historian on loopback …", quiet=as_json)
        with running_plant(settings.data / "plant") as plant:
            for kind, url in plant.urls.items():
                _say(f"  {kind:<10} {url}", quiet=as_json)
            with Reporter(quiet=as_json) as reporter:
                desk = make_desk(store, progress=reporter.read)
                report = read_plant(desk, plant, resolving=reporter.resolved)
            if as_json:
                typer.echo(orjson.dumps(report.summary()).decode())
            else:
                _tell(report)
            if report.failed:
                raise typer.Exit(1)
            if not once:
                _serve(desk, settings, report)


def _tell(report: "Report") -> None:
    for moment, cycle in report.cycles:
        typer.echo(f"read the plant as of {format_instant(moment)}")
        print_outcomes(cycle.outcomes)
    held = report.holds
    typer.echo(
        f"one view of {held['batches']} batches, {held['lots']} lots, {held['results']:,} results, "
        f"{held['samples']:,} samples on {held['tags']} tags"
    )
    typer.echo(
        f"to look at: systems disagree on {held['conflicts']}, {held['stubs']} known by name only, "
        f"{held['names_to_decide']} names to decide, {held['quarantined']} in quarantine, "
        f"{held['unmapped_tags']} unmapped tags"
    )
    typer.echo(f"done in {report.seconds:.1f} s")


def _serve(desk: Desk, settings: Settings, report: "Report") -> None:
    from hub.api.app import issue_login  # only serving needs the web framework
    from hub.demo.run import renew_key

    key = renew_key(desk)

    def tell(app: "FastAPI", url: str) -> str:
        return (
            f"\nopen   {url}{issue_login(app, key)}\n"
            f"key    {key}\n"
            f"try    curl -H 'X-API-Key: {key}' '{url}/v1/batches?limit=3'\n"
            "Ctrl-C ends it; the next start reads only what is new"
        )

    serve_hub(desk, settings, report.project, ready=tell)


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        typer.echo(text)
