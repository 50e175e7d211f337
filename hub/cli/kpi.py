"""`plantwide kpi …`: key figures at the terminal, and into the store for BI tools."""

from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer

from hub.cli.opening import DatabaseOption, DataOption, JsonOption, fail, open_store, operator, read_settings
from hub.insight.formulas import FORMULAS
from hub.insight.keeping import keep_all
from hub.insight.performance import Figure, NoSuchScope, compute, describe
from hub.insight.periods import ALWAYS, Grain
from hub.store.mart.figures import Scope

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """List the key figures with their formulas and sources."""
    if as_json:
        typer.echo(orjson.dumps([describe(formula) for formula in FORMULAS.values()]).decode())
        return
    for formula in FORMULAS.values():
        typer.echo(f"{formula.code:26} {formula.text}  [{formula.source}]")


@app.command("show")
def show(
    code: Annotated[str, typer.Argument(help="code of a key figure, see `plantwide kpi list`")],
    of: Annotated[Scope, typer.Option("--of", help="by what figures are told apart")] = "all",
    per: Annotated[Grain, typer.Option("--per", help="length of a period")] = "month",
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Print a key figure by scope and period, with numerator and denominator, or what it lacks."""
    formula = FORMULAS.get(code)
    if formula is None:
        fail(f"there is no key figure {code}; see `plantwide kpi list`")
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        try:
            figures = compute(connection, formula, of, grain=per)
        except NoSuchScope as error:
            fail(str(error))
    typer.echo(f"{formula.title}: {formula.text} [{formula.source}, version {formula.version}]")
    for figure in figures:
        typer.echo(_tell(figure, per))


@app.command("compute")
def compute_all(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Compute all figures month by month; those whose inputs have changed are kept anew (`fact_kpi`)."""
    with open_store(read_settings(data=data, database=database)) as store:
        kept = keep_all(store, actor=operator(), now=datetime.now(UTC))
    typer.echo(f"{kept.written} figures written, {kept.withdrawn} withdrawn; the others are as they were")


def _tell(figure: Figure, per: Grain) -> str:
    when = f"{figure.period.start:%Y-%m-%d}"
    if figure.period == ALWAYS:
        when = "all" if per == "all" else "no day"
    place = " ".join(part for part in (figure.name, figure.word) if part)
    if figure.value is None:
        return f"{when:10} {place:30} incomplete: {'; '.join(figure.incomplete)}"
    sides = "" if figure.denominator is None else f"  = {figure.numerator:g} / {figure.denominator:g}"
    return f"{when:10} {place:30} {figure.value:.6g} {figure.formula.unit}{sides}"
