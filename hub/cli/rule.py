"""`plantwide rule …`: whose word counts for an attribute, version by version."""

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from hub.cli.opening import DatabaseOption, DataOption, JsonOption, fail, open_store, operator, read_settings
from hub.model import format_instant, parse_instant
from hub.resolve.ruling import RuleError, set_rules
from hub.store.answers.rules import list_rules, read_rule
from hub.store.rules import Rule, Tolerance

app = typer.Typer(no_args_is_help=True)

TypeArgument = Annotated[str, typer.Argument(help="type of things: batch, material_lot, … or *")]
AttributeArgument = Annotated[str, typer.Argument(help="attribute: actual_size, … or *")]


def _check_reason(given: str) -> str:
    if len(given.strip()) < 3 or not given.isprintable():
        raise typer.BadParameter("say in a line of text why")
    return given.strip()


ReasonOption = Annotated[
    str, typer.Option("--reason", help="why, for the audit trail", callback=_check_reason)
]


@app.command("list")
def list_all(data: DataOption = None, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """List the rules in force, and versions whose time is still to come."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        rules = list_rules(connection)
    _print(rules, as_json=as_json)


@app.command("history")
def history(
    entity_type: TypeArgument,
    attribute: AttributeArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every version of one rule, the newest first: who approved it, since when, why."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        rules = read_rule(connection, (entity_type, attribute))
    if not rules:
        fail(f"there is no rule {entity_type}/{attribute}; see `plantwide rule list`")
    _print(rules, as_json=as_json)


@app.command("set")
def set_one(
    entity_type: TypeArgument,
    attribute: AttributeArgument,
    reason: ReasonOption,
    strategy: Annotated[str, typer.Option(help="system, latest, earliest, widest or union")] = "system",
    order: Annotated[
        str, typer.Option(help="kinds or codes of sources, the first counts: ERP,MES or sap.prd,MES")
    ] = "",
    relative: Annotated[float, typer.Option(help="part of the value that still agrees: 0.005")] = 0.0,
    absolute: Annotated[float, typer.Option(help="amount that still agrees; seconds for times")] = 0.0,
    unit: Annotated[str | None, typer.Option(help="unit of --absolute: kg, min, …")] = None,
    effective: Annotated[
        str | None, typer.Option("--from", help="instant with zone; without it at once")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Give a rule a new version; every value it chooses is chosen anew at once."""
    settings = read_settings(data=data, database=database)
    by, now = operator(), datetime.now(UTC)
    try:
        begins = parse_instant(effective) if effective else None
    except ValueError as error:
        fail(f"--from: {error}")
    rule = Rule(
        entity_type,
        attribute,
        strategy,
        tuple(name.strip() for name in order.split(",") if name.strip()),
        Tolerance(relative, absolute, unit),
        effective_from=begins,
        approved_by=by,
        reason=reason,
        origin="person",
    )
    with open_store(settings) as store, store.begin(by, at=now, reason=reason, alone=True) as connection:
        try:
            kept = set_rules(connection, [rule], now=now)
        except RuleError as error:
            fail(str(error))
    for one in kept:
        state = "in force" if one.is_active else f"in force from {_when(one.effective_from)}"
        typer.echo(f"{one.label}: {state}")


def _print(rules: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(rules, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for rule in rules:
        what = f"{rule['entity_type']}/{rule['attribute']}"
        state = "in force" if rule["is_in_force"] else f"from {_when(rule['effective_from'])}"
        typer.echo(
            f"{what:<32} v{rule['version']:<3} {rule['strategy']:<9} {' > '.join(rule['order'])}"
            f"{_spell(rule['tolerance'])}  [{state}, {rule['approved_by']}]"
        )
        if rule["reason"]:
            typer.echo(f"    {rule['reason']}")


def _spell(tolerance: dict[str, Any]) -> str:
    parts = [f"{tolerance['relative'] * 100:g} %"] if tolerance["relative"] else []
    if tolerance["absolute"]:
        parts.append(f"{tolerance['absolute']:g} {tolerance['unit'] or ''}".strip())
    return f"  ± {' or '.join(parts)}" if parts else ""


def _when(moment: datetime | None) -> str:
    return format_instant(moment) if moment else ""
