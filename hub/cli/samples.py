"""`plantwide samples …`: how samples are stored; fold, compact, verify, let go, note on and erase by hand."""

import csv
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
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
from hub.cli.rule import ReasonOption
from hub.ingest.runner import utc_now
from hub.model import format_instant, parse_instant
from hub.shift.settings import Settings
from hub.store.answers.things import Ambiguous, NotFound, find_thing

app = typer.Typer(no_args_is_help=True)
DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what would be done")]
_LONGEST_NOTE = 2_000
TagArgument = Annotated[str, typer.Argument(help="a tag's uid, code or any of its names")]


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


@app.command("annotate")
def annotate(
    tag: TagArgument,
    text: Annotated[str, typer.Argument(help="what is noted, in one line")],
    start: Annotated[str | None, typer.Option("--from", help="first time, with its zone")] = None,
    end: Annotated[str | None, typer.Option("--to", help="its end, exclusive")] = None,
    at: Annotated[str | None, typer.Option(help="an instant instead of a stretch")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Note something of a stretch of a tag's time, or of an instant."""
    from hub.store.samples import annotate_samples

    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_NOTE:
        raise typer.BadParameter(f"a note is one line of 1 to {_LONGEST_NOTE:,} characters")
    if (at is None) == (start is None) or (start is None) != (end is None):
        raise typer.BadParameter("say --from and --to, or --at")
    span = _read_span(at or start, end)
    by, now = operator(), utc_now()
    with (
        open_store(read_settings(data=data, database=database)) as store,
        store.begin(by, at=now, reason="samples are annotated") as connection,
        _named(),
    ):
        found = find_thing(connection, "tag", tag)
        annotate_samples(connection, found.id, span, text=text.strip(), author=by, now=now)
    typer.echo(f"noted of {tag} from {_spell(span)}")


@app.command("erase")
def erase(
    tag: TagArgument,
    start: Annotated[str, typer.Option("--from", help="first time, with its zone")],
    end: Annotated[str, typer.Option("--to", help="last time, exclusive")],
    reason: ReasonOption,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Let the samples that a tag has in a time count no more; none is lost, and the past still shows them."""
    from hub.store.samples import TooManyToErase, erase_samples

    span = _read_span(start, end)
    by, now = operator(), utc_now()
    with (
        plain_errors(TooManyToErase),
        open_store(read_settings(data=data, database=database)) as store,
        store.begin(by, at=now, reason=reason) as connection,
        _named(),
    ):
        found = find_thing(connection, "tag", tag)
        _, hidden = erase_samples(connection, found.id, span, reason=reason, by=by, now=now)
    typer.echo(
        f"{hidden:,} samples of {tag} from {_spell(span)} count no more; what is delivered later counts again"
    )


@contextmanager
def _named() -> Generator[None]:
    """End with one line where a name fits no tag, or several."""
    try:
        yield
    except NotFound:
        fail("no tag has this uid, code or name; `plantwide samples tags` lists those with samples")
    except Ambiguous as error:
        fail(f"{error}: {', '.join(str(one['uid']) for one in error.candidates)}")


def _read_span(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """Give a time as somebody wrote it; without an end, the one instant."""
    try:
        first = parse_instant(start or "")
        last = parse_instant(end) if end else first + timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"write times such as 2026-03-10T09:00:00Z: {error}") from error
    if first >= last:
        raise typer.BadParameter("--from must be before --to")
    return first, last


def _spell(span: tuple[datetime, datetime]) -> str:
    return " to ".join(map(format_instant, span))


def _days(settings: Settings) -> int:
    if settings.retain_days is None:
        fail("no `retain_days` in the settings: samples are kept for ever")
    return settings.retain_days
