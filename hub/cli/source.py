"""`plantwide source …`: what is read, whether it answers, and reading it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
import typer

from hub.cli.opening import (
    ConfigOption,
    DatabaseOption,
    DataOption,
    JsonOption,
    SetOption,
    make_desk,
    open_project,
    open_store,
    pick_sources,
    plain_errors,
    read_settings,
)
from hub.cli.reporting import Reporter, print_outcomes
from hub.ingest.bridge import Bridge
from hub.ingest.sources import Project, Source
from hub.model import format_instant, parse_instant
from hub.sdk import ConnectorError, RecordSource, SampleSource, Window
from hub.shift.cycle import Cycle, run_cycle
from hub.shift.settings import Settings
from hub.shift.upkeep import Upkeep
from hub.store.presence import AGENT
from hub.store.summary import list_streams, summarise

app = typer.Typer(no_args_is_help=True)
Codes = Annotated[list[str] | None, typer.Argument(help="source codes")]
AllOption = Annotated[bool, typer.Option("--all", help="every source of the project")]


@app.command("list")
def list_sources(
    config: ConfigOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    given: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the project's sources: of each stream its state, age, rows, next run and last error."""
    settings = read_settings(config=config, data=data, database=database)
    project = open_project(settings, given)
    with open_store(settings) as store, store.read() as connection:
        streams = list_streams(connection)
    now = datetime.now(UTC)
    if as_json:
        rows = [
            {
                "code": s.code,
                "kind": s.kind,
                "connector": s.connector,
                "streams": [t for t in streams if t["source"] == s.code],
            }
            for s in project.sources
        ]
        rows += [
            {
                "code": code,
                "kind": told[0]["source_kind"],
                "connector": None,
                "agent": told[0]["owner"],
                "streams": told,
            }
            for code, told in _delivered(streams, project).items()
        ]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for source in project.sources:
        typer.echo(f"{source.code:<12} {source.kind:<10} {source.connector}")
        for stream in streams:
            if stream["source"] == source.code:
                typer.echo(_describe(stream, now))
    for code, told in _delivered(streams, project).items():
        typer.echo(f"{code:<12} {told[0]['source_kind']:<10} delivered by {told[0]['owner']}")
        for stream in told:
            typer.echo(_describe(stream, now))


def _delivered(streams: Sequence[dict[str, Any]], project: Project) -> dict[str, list[dict[str, Any]]]:
    """Give the streams that edge agents deliver, by source."""
    own = {source.code for source in project.sources}
    found: dict[str, list[dict[str, Any]]] = {}
    for stream in streams:
        if stream["source"] not in own and (stream["owner"] or "").startswith(AGENT):
            found.setdefault(stream["source"], []).append(stream)
    return found


def _describe(stream: dict[str, Any], now: datetime) -> str:
    """Give the lines of a stream: state, age, what it has brought, when it is due, what went wrong last."""
    done, due = stream["last_success_at"], stream["due_at"]
    age = f"last read {format_instant(done)}, {_span(now - done)} ago" if done else "never read"
    kinds = ("samples",) if stream["kind"] == "samples" else ("documents", "records")
    rows = ", ".join(
        f"{stream[kind]:,} {kind}" for kind in (*kinds, "rejected") if stream[kind] or kind in kinds
    )
    newest = stream["newest_at"]
    rows += f", the newest {_span(now - newest)} old" if newest else ""
    following = "due now" if due <= now else f"next in {_span(due - now)}"
    said = f"  {stream['name']:<20} {stream['state']:<8} {age}; {rows}; {following}"
    return f"{said}\n      {stream['last_error']}" if stream["last_error"] else said


def _span(time: timedelta) -> str:
    """Write a span of time in its largest unit."""
    seconds = max(0, int(time.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@app.command("check")
def check(
    codes: Codes = None,
    every: AllOption = False,
    config: ConfigOption = None,
    given: SetOption = None,
) -> None:
    """Ask sources whether they answer and whether our rights suffice."""
    project = open_project(read_settings(config=config), given)
    failed = 0
    for source in pick_sources(project, codes, every=every or not codes):
        try:
            with Bridge(source.open()) as bridge:
                health = bridge.value(bridge.connector.check())
        except ConnectorError as error:
            failed += 1
            typer.echo(f"{source.code:<12} FAILED  {error}")
        else:
            told = " ".join(part for part in (health.system, health.version, health.detail) if part)
            typer.echo(f"{source.code:<12} ok      {told}")
    if failed:
        raise typer.Exit(1)


@app.command("discover")
def discover(
    code: Annotated[str, typer.Argument(help="source code")],
    config: ConfigOption = None,
    given: SetOption = None,
    limit: Annotated[int, typer.Option(help="how many tags to list")] = 200,
) -> None:
    """List what a source offers: streams, and tags with what the tag map makes of them."""
    settings = read_settings(config=config)
    (source,) = pick_sources(open_project(settings, given), [code], every=False)
    with plain_errors(), Bridge(source.open()) as bridge:
        if isinstance(bridge.connector, RecordSource):
            for stream in bridge.connector.streams():
                kind = "snapshot" if stream.snapshot else "changes"
                typer.echo(f"stream  {stream.name:<24} {kind:<9} {stream.description}")
        if isinstance(bridge.connector, SampleSource):
            _list_tags(source, bridge, limit)


def _list_tags(source: Source, bridge: Bridge, limit: int) -> None:
    connector = bridge.connector
    assert isinstance(connector, SampleSource)  # noqa: S101 - the caller asked the class
    for number, found in enumerate(bridge.items(connector.tags())):
        if number == limit:
            typer.echo(f"… more; give --limit to list beyond {limit}")
            return
        tag = source.tag_map.apply(found) if source.tag_map else found
        unit = f"{tag.equipment.value}.{tag.property}" if tag.equipment else "UNMAPPED"
        typer.echo(f"tag     {tag.id.value:<44} {unit:<36} {tag.unit or tag.source_unit or ''}")


@app.command("sync")
def sync(
    codes: Codes = None,
    every: AllOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    given: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read what is new, resolve it, and say what was done. One source that fails never stops the others."""
    settings = read_settings(config=config, data=data, database=database)
    project = open_project(settings, given)
    _read(settings, project, pick_sources(project, codes, every=every), None, as_json=as_json)


@app.command("backfill")
def backfill(
    code: Annotated[str, typer.Argument(help="source code of a historian")],
    since: Annotated[str, typer.Option(help="from this time on, e.g. 2026-01-01T00:00:00Z")],
    until: Annotated[str | None, typer.Option(help="up to this time; now when left out")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    given: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a span of a historian's past; what is covered already is not fetched again."""
    settings = read_settings(config=config, data=data, database=database)
    project = open_project(settings, given)
    try:
        window = Window(parse_instant(since), parse_instant(until) if until else datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    _read(settings, project, pick_sources(project, [code], every=False), window, as_json=as_json)


def _read(
    settings: Settings,
    project: Project,
    sources: Sequence[Source],
    within: Window | None,
    *,
    as_json: bool,
) -> None:
    with open_store(settings) as store, Reporter(quiet=as_json) as reporter:
        desk = make_desk(store, progress=reporter.read)
        cycle = run_cycle(desk, project, sources, within=within, resolving=reporter.resolved)
        _tend(Upkeep.of(settings, desk))
        with store.read() as connection:
            held = summarise(connection)
    report_cycle(cycle, held, as_json=as_json)
    if cycle.failed:
        raise typer.Exit(1)


def _tend(upkeep: Upkeep) -> None:
    """Fold what is due, and forget old news; what was read is stored, whether this can be done or not."""
    try:
        upkeep.tend()
        upkeep.clear()
    except Exception as error:  # noqa: BLE001 - whatever it is, samples stay in frames and count
        typer.echo(f"plantwide: samples stay in frames for now: {error}", err=True)


def report_cycle(cycle: Cycle, held: dict[str, int], *, as_json: bool) -> None:
    """Say what a cycle did and what the hub holds now."""
    if as_json:
        streams = [{**asdict(o), "retry_at": o.retry_at} for o in cycle.outcomes]
        body = {
            "whitelist": cycle.whitelist,
            "streams": streams,
            "statements": cycle.statements,
            "frames": cycle.frames,
            "holds": held,
        }
        typer.echo(orjson.dumps(body, option=orjson.OPT_UTC_Z).decode())
        return
    if cycle.whitelist:
        typer.echo(
            f"  version {cycle.whitelist} of the identity whitelist is in force; see `plantwide link rules`"
        )
    print_outcomes(cycle.outcomes)
    typer.echo(f"  resolved {cycle.statements:,} statements; found {cycle.frames:,} runs in signals")
    typer.echo("  holds " + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in held.items()))
