"""`plantwide link …`: which names are or may be one thing, and deciding about it, with a reason."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import orjson
import typer

from hub.cli.opening import DatabaseOption, DataOption, JsonOption, fail, open_store, operator, read_settings
from hub.cli.rule import ReasonOption
from hub.model import format_instant
from hub.model.mastered import MASTERED
from hub.resolve.judged import Contradicted, NotDecidable, NothingToUndo, UnknownName, judge, undo
from hub.store.answers.links import Wanted, list_links, list_scheme_versions, read_link
from hub.store.links import Decision

app = typer.Typer(no_args_is_help=True)

TypeArgument = Annotated[str, typer.Argument(help="type of both: batch, material_definition, …")]
NameArgument = Annotated[str, typer.Argument(help="a name with its scheme, e.g. 'mes:batch|B26-0117'")]
IdArgument = Annotated[int, typer.Argument(help="number of the link, as `link list` shows it", min=1)]
_PAGE = 500
_STATES = ("proposed", "confirmed", "rejected", "reversed", "contradicted", "all")


@app.command("list")
def list_all(
    state: Annotated[str, typer.Option(help=f"one of {', '.join(_STATES)}")] = "proposed",
    entity_type: Annotated[str | None, typer.Option("--type", help="only names of this type")] = None,
    method: Annotated[str | None, typer.Option(help="human: what people decided")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what rules propose, with its evidence; or what people decided (`--method human --state all`)."""
    if state not in _STATES:
        fail(f"--state is one of {', '.join(_STATES)}")
    wanted = Wanted(
        entity_type,
        None if state in ("contradicted", "all") else state,
        method,
        True if state == "contradicted" else None,
    )
    settings = read_settings(data=data, database=database)
    found: list[dict[str, Any]] = []
    with open_store(settings, writes=False) as store, store.read() as connection:
        cursor: str | None = None
        while True:
            page = list_links(connection, wanted, cursor=cursor, limit=_PAGE)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for link in found:
        _print(link)
    typer.echo(f"{len(found)} {state}")


@app.command("same")
def same(
    entity_type: TypeArgument,
    one: NameArgument,
    other: NameArgument,
    reason: ReasonOption,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Decide that two names are one thing: confirms a proposal, or joins what nobody proposed."""
    _decide(entity_type, (one, other), decision="same", reason=reason, data=data, database=database)


@app.command("apart")
def apart(
    entity_type: TypeArgument,
    one: NameArgument,
    other: NameArgument,
    reason: ReasonOption,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Keep two names apart: rejects a proposal for good, and cuts what the hub has joined by itself."""
    _decide(entity_type, (one, other), decision="apart", reason=reason, data=data, database=database)


@app.command("undo")
def undo_one(
    link_id: IdArgument, reason: ReasonOption, data: DataOption = None, database: DatabaseOption = None
) -> None:
    """Undo a decision: everything becomes as it is without it."""
    settings = read_settings(data=data, database=database)
    with open_store(settings) as store:
        with _refusals():
            undo(store, link_id, reason=reason, by=operator())
        with store.read() as connection:
            found = read_link(connection, link_id)
    if found is not None:
        _print(found)


@app.command("rules")
def rules(data: DataOption = None, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """List every approved whitelist of schemes among which equal names are the same, the newest first."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        versions = list_scheme_versions(connection)
    if as_json:
        typer.echo(orjson.dumps(versions, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for version in versions:
        since = format_instant(version["effective_from"])
        state = "in force" if version["is_in_force"] else "replaced" if version["applied_at"] else "to come"
        typer.echo(
            f"version {version['version']} ({state}) from {since}, "
            f"by {version['approved_by']}: {version['reason']}"
        )
        for group in version["groups"]:
            typer.echo(f"    {group['entity_type']:<20} {', '.join(group['schemes'])}")


def _decide(
    entity_type: str,
    names: tuple[str, str],
    *,
    decision: Decision,
    reason: str,
    data: Any,
    database: str | None,
) -> None:
    if entity_type not in MASTERED:
        fail(f"things are of the types {', '.join(MASTERED)}")
    settings = read_settings(data=data, database=database)
    with open_store(settings) as store:
        with _refusals():
            link_id = judge(store, entity_type, names, decision=decision, reason=reason, by=operator())
        with store.read() as connection:
            found = read_link(connection, link_id)
    if found is not None:
        _print(found)


@contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except (UnknownName, NotDecidable, Contradicted, NothingToUndo) as error:
        fail(str(error))


def _print(link: dict[str, Any]) -> None:
    score = f" {link['score']:.0%}" if link["method"] == "rule" and link["score"] is not None else ""
    typer.echo(f"{link['id']}  {link['entity_type']}  {link['state']} by {link['method']}{score}")
    for side in ("one", "other"):
        name, thing = link[side], link[side]["thing"]
        means = (
            f"{thing['code']} {thing['description'] or ''} ({thing['lifecycle']})" if thing else "nothing yet"
        )
        typer.echo(f"    {name['scheme']}|{name['value']}  means {' '.join(means.split())}")
    for line in _evidence(link["evidence"] or {}):
        typer.echo(f"    {line}")
    if link["decision"]:
        typer.echo(f"    {link['decision']}: {_told(link, 'decided')}{link['reason']}")
    if link["is_contradicted"]:
        typer.echo("    but sources declare that they are one thing")
    if link["undone_at"]:
        typer.echo(f"    undone: {_told(link, 'undone')}{link['undone_reason']}")


def _told(link: dict[str, Any], what: str) -> str:
    return f"by {link[f'{what}_by']} at {format_instant(link[f'{what}_at'])}: "


def _evidence(evidence: dict[str, Any]) -> Generator[str]:
    if "norm" in evidence:
        several = f", {evidence['candidates']} candidates" if "candidates" in evidence else ""
        yield f"both read {evidence['norm']} when stripped{several}"
    for rule in evidence.get("rules", ()):
        yield f"{rule['rule']}:"
        for lot in rule.get("lots", ()):
            yield f"  lot {lot['lot']}"
            yield from (f"    {_said(said)}" for said in lot["said"])
        yield from (f"  {_said(said)}" for said in rule.get("said", ()))


def _said(said: dict[str, str]) -> str:
    return f"{said['source']} says {said['value']} ({said['record']})"
