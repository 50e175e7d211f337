"""`plantwide samples …`: how samples are stored; fold, compact, verify and let go by hand."""

import csv
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import orjson
import typer

from hub.cli.opening import (
    DatabaseOption,
    DataOption,
    JsonOption,
    fail,
    make_desk,
    open_store,
    operator,
    plain_errors,
    read_settings,
)
from hub.ingest.runner import utc_now
from hub.shift.settings import Settings

app = typer.Typer(no_args_is_help=True)
DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what would be done")]


@app.command("stats")
def stats(data: DataOption = None, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Tell how many samples are stored, where, and how many bytes they take."""
    from hub.store.lake.survey import survey

    with open_store(read_settings(data=data, database=database), writes=False) as store:
        held = survey(store)
    if as_json:
        typer.echo(orjson.dumps(asdict(held), option=orjson.OPT_UTC_Z).decode())
        return
    each = f", {held.live_bytes / held.cold:.2f} bytes a sample" if held.cold else ""
    typer.echo(f"cold   {held.cold:,} samples in {held.runs:,} runs of {held.periods:,} periods{each}")
    typer.echo(
        f"       in {held.place}, folded {held.folded_at or 'never'}, tended {held.tended_at or 'never'}"
    )
    typer.echo(f"hot    {held.hot:,} samples in {held.hot_puts:,} frames of {held.puts:,} puts so far")
    typer.echo(f"older  {held.superseded:,} superseded samples, {held.superseded_bytes:,} bytes")
    typer.echo(f"hours  {held.hours:,} hours rolled up, {held.hourly_bytes:,} bytes")
    if held.last_error:
        typer.echo(f"the last fold failed: {held.last_error}")


@app.command("tags")
def tags(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Print which `tag_id` of the cold runs is which tag, as CSV: for whoever reads their files directly."""
    from hub.store.answers.tags import list_tag_ids

    with (
        open_store(read_settings(data=data, database=database), writes=False) as store,
        store.read() as connection,
    ):
        rows = list_tag_ids(connection)
    writer = csv.writer(sys.stdout)
    writer.writerow(("tag_id", "uid", "code", "unit", "is_step"))
    writer.writerows(rows)


@app.command("fold")
def fold_now(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Fold samples from frames into cold runs now; a serving hub does so by itself."""
    from hub.store.lake.folding import BrokenFrame, fold
    from hub.store.lake.table import Overtaken
    from hub.store.lake.turn import WrongLake, taken_turn
    from hub.store.streams import LeaseLost

    settings = read_settings(data=data, database=database)
    with (
        plain_errors(BrokenFrame, WrongLake, LeaseLost, Overtaken),
        open_store(settings) as store,
        taken_turn(store, owner=make_desk(store).owner, clock=utc_now) as turn,
    ):
        if turn is None:
            fail("another node folds samples now; nothing needs to be done")
        done = fold(turn, rows=settings.fold_rows)
    typer.echo(f"folded {done.samples:,} samples of {done.puts:,} puts into {done.runs:,} runs")


@app.command("compact")
def compact_now(
    every: Annotated[
        bool, typer.Option("--all", help="also periods with fewer runs than the settings say")
    ] = False,
    dry_run: DryRun = False,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make one sorted run of each period, set superseded samples apart, roll up hours, remove leftovers."""
    from hub.store.lake.cleaning import clean, list_leftovers
    from hub.store.lake.compaction import compact, plan
    from hub.store.lake.table import Overtaken
    from hub.store.lake.turn import WrongLake, taken_turn
    from hub.store.streams import LeaseLost

    settings = read_settings(data=data, database=database)
    runs = 2 if every else settings.compact_runs
    with (
        plain_errors(WrongLake, LeaseLost, Overtaken),
        open_store(settings) as store,
        taken_turn(store, owner=make_desk(store).owner, clock=utc_now) as turn,
    ):
        if turn is None:
            fail("another node tends samples now; try again later")
        for task in plan(turn, runs=runs, run_rows=settings.period_rows):
            typer.echo(f"{task.period:<10} {len(task.runs):>4} runs {task.rows:>12,} samples: {task.reason}")
        if dry_run:
            for table, name in list_leftovers(turn):
                typer.echo(f"left over: {table}/{name}")
            return
        done = compact(turn, runs=runs, run_rows=settings.period_rows)
        gone = clean(turn)
    typer.echo(
        f"{done.tasks:,} periods, {done.samples:,} samples; {done.superseded:,} set apart; "
        f"{gone:,} files removed"
    )


@app.command("verify")
def verify_now(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Check every run, and each put's samples against its count and digest; ends with 1 when one fails."""
    from hub.store.lake.checking import verify

    with open_store(read_settings(data=data, database=database), writes=False) as store:
        report = verify(store)
    for fault in report.faults:
        typer.echo(f"WRONG  {fault}")
    typer.echo(
        f"{report.puts:,} puts with {report.samples:,} samples and {report.runs:,} runs checked; "
        f"{len(report.faults):,} faults"
    )
    if report.faults:
        raise typer.Exit(1)


@app.command("retire")
def retire_now(
    reason: Annotated[str, typer.Option(help="why these samples may go, for the audit trail")],
    dry_run: DryRun = False,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Let go of whole periods that are older than `retain_days`; what was put stays on record."""
    from hub.store.lake.cleaning import list_old, retire
    from hub.store.lake.table import Overtaken
    from hub.store.lake.turn import WrongLake, taken_turn
    from hub.store.streams import LeaseLost

    settings = read_settings(data=data, database=database)
    before = utc_now() - timedelta(days=_days(settings))
    with (
        plain_errors(WrongLake, LeaseLost, Overtaken),
        open_store(settings) as store,
        taken_turn(store, owner=make_desk(store).owner, clock=utc_now) as turn,
    ):
        if turn is None:
            fail("another node tends samples now; try again later")
        periods = list_old(turn, before) if dry_run else retire(turn, before, by=operator(), reason=reason)
    typer.echo(f"{'would let go of' if dry_run else 'let go of'} {', '.join(periods) or 'nothing'}")


def _days(settings: Settings) -> int:
    if settings.retain_days is None:
        fail("no `retain_days` in the settings: samples are kept for ever")
    return settings.retain_days
