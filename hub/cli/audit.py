"""`plantwide audit …`: seal the audit trail, verify and export it, its key; and the log of reads."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hub.cli.opening import (
    DatabaseOption,
    DataOption,
    JsonOption,
    fail,
    make_notary,
    open_store,
    plain_errors,
    read_settings,
)

app = typer.Typer(no_args_is_help=True)


@app.command("seal")
def seal_now(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Sign a head over everything that was audited, and hand it over; a serving hub does so by itself."""
    from hub.store.seal.signing import KeyUnusable

    settings = read_settings(data=data, database=database)
    with plain_errors(KeyUnusable, ValueError), open_store(settings, seals=False) as store:
        done = make_notary(settings, store).seal()
    if done.head is None:
        typer.echo("nothing has been audited yet")
        return
    typer.echo(f"{done.added:,} rows sealed; the log holds {done.head.size:,}, root {done.head.root}")
    typer.echo(f"signed {done.head.at} with key {done.head.key_id}")


@app.command("key")
def show_key(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="let a new key take over, named by this one")
    ] = False,
    lost: Annotated[bool, typer.Option("--lost", help="start a new key because the old one is lost")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Print the public key that heads are signed with; note its id where nobody can change it."""
    from hub.store.seal.signing import KeyUnusable

    settings = read_settings(data=data, database=database)
    with plain_errors(KeyUnusable, ValueError), open_store(settings, seals=False) as store:
        notary = make_notary(settings, store)
        public = notary.rotate(lost=lost) if rotate or lost else notary.open_key()
    typer.echo(public.pem, nl=False)
    typer.echo(f"key id {public.key_id}")
    if lost:
        typer.echo(f"nobody signed for this key: verify with --trust {public.key_id}", err=True)


@app.command("verify")
def verify_trail(
    heads: Annotated[
        list[Path] | None, typer.Option(help="file of heads that left the store; without it the usual one")
    ] = None,
    trust: Annotated[list[str] | None, typer.Option(help="id of a key that you have compared")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every audit row, chain, head, current row and trigger; 1 when anything is not as it must be."""
    from hub.store.seal.verification import verify

    settings = read_settings(data=data, database=database)
    usual = settings.heads_file or settings.data / "heads" / "heads.jsonl"
    files = heads or ([usual] if settings.heads_file or usual.exists() else [])
    start = time.perf_counter()
    try:
        with open_store(settings, writes=False) as store:
            report = verify(store, heads=files, home=settings.data, trusted=trust or [])
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    if as_json:
        typer.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode())
        raise typer.Exit(0 if report.is_good else 1)
    for finding in report.findings:
        seq = "" if finding.seq is None else f"sequence number {finding.seq}: "
        typer.echo(f"{seq}{finding.where}: {finding.what}\n    remedy: {finding.remedy}")
    if report.more:
        typer.echo(f"… and {report.more:,} more")
    seconds = time.perf_counter() - start
    typer.echo(
        f"{report.rows:,} audit rows ({report.unsealed:,} not sealed yet), {report.things:,} rows of tables, "
        f"{report.heads:,} heads in the store and {report.outside:,} outside, in {seconds:.1f} s"
    )
    for warning in report.warnings:
        typer.echo(f"warning: {warning}")
    if report.first_bad is not None:
        typer.echo(f"the first bad sequence number is {report.first_bad}")
    well = "all is well" if report.outside else "all is well, as far as the store itself can tell"
    typer.echo(well if report.is_good else f"{len(report.findings) + report.more:,} findings")
    if not report.is_good:
        raise typer.Exit(1)


@app.command("reads")
def show_reads(
    summary: Annotated[bool, typer.Option("--summary", help="sum by data product and reader")] = False,
    actor: Annotated[str | None, typer.Option(help="only this reader: an id, or the name as listed")] = None,
    product: Annotated[str | None, typer.Option(help="only this data product, e.g. batches")] = None,
    start: Annotated[datetime | None, typer.Option(help="asked at this time (UTC) or later")] = None,
    end: Annotated[datetime | None, typer.Option(help="asked before this time (UTC)")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="most lines")] = 50,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print who was answered what, the newest first, where reads are noted (setting audit_reads)."""
    from hub.store.reads.reading import Wanted, count_lost, list_reads, summarise_reads

    settings = read_settings(data=data, database=database)
    times = [None if at is None else at.replace(tzinfo=UTC) for at in (start, end)]
    wanted = Wanted(actor=actor, product=product, start=times[0], end=times[1])
    with open_store(settings, writes=False) as store, store.read() as connection:
        lost = count_lost(connection, wanted)
        items = (
            summarise_reads(connection, wanted, limit=limit)
            if summary
            else list_reads(connection, wanted, limit=limit).items
        )
    if as_json:
        document = {"items": items, "lost": lost}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for one in items:
        typer.echo(_sum_up(one) if summary else _tell_read(one))
    if not items:
        typer.echo("no reads are noted here; the setting audit_reads says which are to be")
    if lost:
        typer.echo(f"{lost:,} reads of that time could not be noted")


def _sum_up(one: Mapping[str, Any]) -> str:
    rows = "" if one["rows"] is None else f", {one['rows']:,} rows"
    return (
        f"{one['product']:24} {one['actor']}: {one['reads']:,} reads{rows}, "
        f"{one['first']:%Y-%m-%d %H:%M} to {one['last']:%Y-%m-%d %H:%M}"
    )


def _tell_read(one: Mapping[str, Any]) -> str:
    at = f"{one['asked_at']:%Y-%m-%d %H:%M:%S}"
    if one["kind"] in ("begun", "ended"):
        return f"{at}  {one['kind']}: {one['asked']} ({one['node']})"
    if one["kind"] == "lost":
        return f"{at}  lost: {one['rows']:,} reads were not noted ({one['node']})"
    rows = "" if one["rows"] is None else f" {one['rows']:,} rows"
    by = f" {one['tool']}" if one["tool"] else ""
    return f"{at}  {one['actor']}  {one['product']} ({one['door']}{by}) {one['status']}{rows}  {one['asked']}"


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="file of JSON lines to write, e.g. trail.jsonl")],
    entity: Annotated[
        str | None, typer.Option(help="only this thing: batch/B26-0117, or table/id of any audited row")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write sealed audit rows with their proofs, and beside them a program that checks them anywhere."""
    from hub.store.answers.things import Ambiguous, NotFound
    from hub.store.seal.export import NothingSealed, export_trail

    settings = read_settings(data=data, database=database)
    with (
        plain_errors(NothingSealed, NotFound, Ambiguous, ValueError, OSError),
        open_store(settings, writes=False) as store,
    ):
        done = export_trail(store, out, entity=entity)
    typer.echo(f"{done.rows:,} rows in {out}, signed with key {done.key_id}")
    if entity is not None:
        typer.echo("an export of one thing cannot show where its rows end: only that of the whole trail can")
    typer.echo(f"check   python3 {done.verifier} {out} {done.key_id}")
    typer.echo(f"or      {done.command}")
