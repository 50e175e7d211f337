"""`plantwide tags …`: which tag measures what on which unit, and how good its samples are."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.cli.opening import (
    ConfigOption,
    JsonOption,
    SetOption,
    fail,
    open_project,
    pick_sources,
    plain_errors,
    read_settings,
)
from hub.ingest.bridge import Bridge
from hub.ingest.sources import Source
from hub.ingest.tagcheck import check_tags
from hub.ingest.tagimport import import_rows
from hub.ingest.tagmap import append_rows
from hub.ingest.tagquality import survey
from hub.model import Tag, parse_instant
from hub.sdk import SampleSource, Window

app = typer.Typer(no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="source code of a historian")]


@app.command("check")
def check(
    code: Code, config: ConfigOption = None, given: SetOption = None, as_json: JsonOption = False
) -> None:
    """Say which tags the map matches, which it does not, which are doubled, and which units cannot be."""
    source = _source(code, config, given)
    with plain_errors(), Bridge(source.open()) as bridge:
        told = check_tags(_list_tags(bridge, source), source.tag_map)
    if as_json:
        body = {
            "counts": told.counts,
            "tags": [asdict(one) for one in told.findings],
            "idle_rows": told.idle_rows,
        }
        typer.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode())
    else:
        for one in told.findings:
            if one.by == "nothing" or one.faults:
                where = f"{one.equipment}.{one.property}" if one.equipment else "UNMATCHED"
                typer.echo(f"{one.tag:<44} {where:<36} {'; '.join(one.faults)}")
        for row in told.idle_rows:
            typer.echo(f"{row:<44} is in the table, but the source has no such tag")
        typer.echo(", ".join(f"{count} {word.replace('_', ' ')}" for word, count in told.counts.items()))
    if not told.is_clean:
        raise typer.Exit(1)


@app.command("import")
def import_(
    code: Code,
    equipment: Annotated[
        str | None,
        typer.Option(
            help="regular expression: the nearest name above a tag that fits is the equipment, e.g. "
            r"'BR\d+-\d\d'; the name right above it when left out"
        ),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="another file than the source's own map")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write nothing, only show the rows")] = False,
    config: ConfigOption = None,
    given: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add rows to the tag map out of the source's own tree, for tags that no row and no rule matches."""
    source = _source(code, config, given)
    file = to or (source.tag_map.file if source.tag_map else None)
    if file is None and not dry_run:
        fail(
            f"source {code} has no tag map to write to: say --to {code}-tags.csv, and name that file in the "
            f"source's settings (`tags: {{map: {code}-tags.csv}}`)"
        )
    pattern = _compile(equipment)
    with plain_errors(), Bridge(source.open()) as bridge:
        tags = _list_tags(bridge, source)
        connector = bridge.connector
        assert isinstance(connector, SampleSource)  # noqa: S101 - _list_tags asked
        found = import_rows(tags, connector.branches(), source.tag_map, equipment=pattern)
        if file is not None and not dry_run and found.rows:
            append_rows(file, found.rows)
    if as_json:
        typer.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())
        return
    for row in found.rows:
        typer.echo(f"{row['tag']:<44} {row['equipment']}.{row['property']:<24} {row['unit']}".rstrip())
    for tag in found.left:
        typer.echo(f"{tag:<44} has no place in the source's tree that could be taken")
    done = f"written to {file}; look them over" if found.rows and not dry_run else "nothing written"
    typer.echo(f"{len(found.rows)} rows for {len(tags)} tags, {len(found.left)} without a place: {done}")


def _compile(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise typer.BadParameter(f"{pattern!r} is no regular expression: {error}") from error


@app.command("quality")
def quality(
    code: Code,
    since: Annotated[str | None, typer.Option(help="from this time on; a day ago when left out")] = None,
    until: Annotated[str | None, typer.Option(help="up to this time; now when left out")] = None,
    only: Annotated[list[str] | None, typer.Option("--tag", help="only this tag; may be repeated")] = None,
    config: ConfigOption = None,
    given: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a window of samples from the source and say how good they are, and what was not checked."""
    source = _source(code, config, given)
    try:
        end = parse_instant(until) if until else datetime.now(UTC)
        window = Window(parse_instant(since) if since else end - timedelta(days=1), end)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with plain_errors(), Bridge(source.open()) as bridge:
        tags = {
            tag.id.value: source.tag_map.apply(tag) if source.tag_map else tag
            for tag in _list_tags(bridge, source)
        }
        wanted = {name: tag for name, tag in tags.items() if not only or name in only}
        connector = bridge.connector
        assert isinstance(connector, SampleSource)  # noqa: S101 - _list_tags asked
        found = survey(
            bridge.items(connector.samples(sorted(wanted), window)),
            tags=wanted,
            window=window,
            zone=source.config.zone,
            states_quality=connector.states_quality(),
        )
    if as_json:
        typer.echo(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2).decode())
        return
    for one in found:
        told = "; ".join(one.faults) or "no fault found"
        typer.echo(f"{one.tag:<44} {one.samples:>9,} samples  {one.good:6.1%} good  {told}")
        if one.not_checked:
            typer.echo(f"{'':<44} not checked: {'; '.join(one.not_checked)}")


def _source(code: str, config: ConfigOption, given: SetOption) -> Source:
    (source,) = pick_sources(open_project(read_settings(config=config), given), [code], every=False)
    return source


def _list_tags(bridge: Bridge, source: Source) -> list[Tag]:
    if not isinstance(bridge.connector, SampleSource):
        fail(f"source {source.code} gives no samples, so it has no tags")
    return list(bridge.items(bridge.connector.tags()))
