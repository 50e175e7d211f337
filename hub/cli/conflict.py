"""`plantwide conflict …`: where sources disagree, and letting one of them count, with a reason."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from hub.cli.opening import DatabaseOption, DataOption, JsonOption, fail, open_store, operator, read_settings
from hub.cli.rule import ReasonOption
from hub.model import format_instant
from hub.model.mastered import MASTERED
from hub.resolve.conflicts import NoDecision, NoSuchVoice, NothingToDecide, reopen_conflict, settle_conflict
from hub.store.answers.conflicts import Place, State, Wanted, list_conflicts, read_conflict
from hub.store.answers.things import Ambiguous, NotFound, find_thing
from hub.store.database import Connection

app = typer.Typer(no_args_is_help=True)

TypeArgument = Annotated[str, typer.Argument(help="type of the thing: batch, material_lot, …")]
NameArgument = Annotated[str, typer.Argument(help="its uid, or any of its names")]
AttributeArgument = Annotated[str, typer.Argument(help="the attribute: actual_size, …")]
_PAGE = 500
_STATES: dict[str, State] = {"open": "open", "resolved": "resolved", "all": "all"}


@app.command("list")
def list_all(
    state: Annotated[str, typer.Option(help="open, resolved or all")] = "open",
    entity_type: Annotated[str | None, typer.Option("--type", help="only things of this type")] = None,
    attribute: Annotated[str | None, typer.Option(help="only this attribute")] = None,
    batch: Annotated[str | None, typer.Option(help="what concerns this batch")] = None,
    product: Annotated[str | None, typer.Option(help="what concerns this material")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List attributes about which sources disagree, with every voice."""
    settings = read_settings(data=data, database=database)
    found: list[dict[str, Any]] = []
    with open_store(settings, writes=False) as store, store.read() as connection, _named():
        wanted = Wanted(
            _state(state),
            entity_type,
            attribute,
            find_thing(connection, "batch", batch).id if batch else None,
            find_thing(connection, "material_definition", product).id if product else None,
        )
        after: list[Any] | None = None
        while True:
            some, after = list_conflicts(connection, wanted, after=after, limit=_PAGE)
            found += some
            if after is None:
                break
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for conflict in found:
        _print(conflict)
    typer.echo(f"{len(found)} {state}")


@app.command("show")
def show(
    entity_type: TypeArgument,
    name: NameArgument,
    attribute: AttributeArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what sources say of one attribute, and every decision about it."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection, _named():
        found = _read(connection, _find(connection, entity_type, name, attribute=attribute))
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    _print(found)
    for decision in found["decisions"]:
        typer.echo(f"    decision {decision['id']} ({decision['state']}): {_decided(decision)}")


@app.command("resolve")
def resolve(
    entity_type: TypeArgument,
    name: NameArgument,
    attribute: AttributeArgument,
    counts: Annotated[str, typer.Option("--counts", help="code of the source whose word counts")],
    reason: ReasonOption,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Let one source count, as long as every source says what it says now."""
    settings = read_settings(data=data, database=database)
    by, now = operator(), datetime.now(UTC)
    with open_store(settings) as store, store.begin(by, at=now, reason=reason, alone=True) as connection:
        with _named():
            place = _find(connection, entity_type, name, attribute=attribute)
            settle_conflict(
                connection,
                entity_type,
                place[1],
                attribute=attribute,
                counts=counts,
                by=by,
                reason=reason,
                now=now,
            )
        found = _read(connection, place)
    _print(found)


@app.command("reopen")
def reopen(
    entity_type: TypeArgument,
    name: NameArgument,
    attribute: AttributeArgument,
    reason: ReasonOption,
    decision: Annotated[int | None, typer.Option(help="another decision than the one that counts")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Take back a decision: everything becomes as it is without it."""
    settings = read_settings(data=data, database=database)
    by, now = operator(), datetime.now(UTC)
    with open_store(settings) as store, store.begin(by, at=now, reason=reason, alone=True) as connection:
        with _named():
            place = _find(connection, entity_type, name, attribute=attribute)
            reopen_conflict(
                connection,
                entity_type,
                place[1],
                attribute=attribute,
                by=by,
                reason=reason,
                now=now,
                decision_id=decision,
            )
        found = _read(connection, place)
    _print(found)


@contextmanager
def _named() -> Generator[None]:
    """End with one line where a name, or what should be done, fits nothing."""
    try:
        yield
    except NotFound:
        fail("nothing has this uid, code or name")
    except Ambiguous as error:
        fail(f"{error}: {', '.join(str(one['uid']) for one in error.candidates)}")
    except (NothingToDecide, NoSuchVoice, NoDecision) as error:
        fail(str(error))


def _state(given: str) -> State:
    state = _STATES.get(given)
    if state is None:
        fail("--state is open, resolved or all")
    return state


def _find(connection: Connection, entity_type: str, name: str, *, attribute: str) -> Place:
    if entity_type not in MASTERED:
        fail(f"things are of the types {', '.join(MASTERED)}")
    return entity_type, find_thing(connection, entity_type, name).id, attribute


def _read(connection: Connection, place: Place) -> dict[str, Any]:
    found = read_conflict(connection, place)
    if found is None:
        fail(f"no source says anything of {place[2]}")
    return found


def _print(conflict: dict[str, Any]) -> None:
    rule = conflict["rule"]
    by = f"rule {rule['entity_type']}/{rule['attribute']} v{rule['version']}" if rule else "no rule"
    code = conflict["entity"]["code"] if conflict["entity"] else "?"
    typer.echo(f"{conflict['entity_type']} {code} {conflict['attribute']}: {conflict['state']} ({by})")
    for said in conflict["statements"]:
        mark = "counts" if said["is_winner"] else "differs" if said["in_conflict"] else ""
        mark = "settled" if said["is_settled"] else mark
        apart = said["difference"]
        more = f" ({apart['value']:+g} {apart['unit'] or ''})".replace(" )", ")") if apart else ""
        typer.echo(f"    {said['source']:<14} {_spell(said['value'])}{more}  {mark}".rstrip())
    if conflict["decision"]:
        typer.echo(f"    {_decided(conflict['decision'])}")
    if conflict["reopened"]:
        changed = ", ".join(
            f"{c['source']} said {_spell(c['then'])}, says {_spell(c['now'])}"
            for c in conflict["reopened"]["changed"]
        )
        typer.echo(f"    open again: {_decided(conflict['reopened'])}; since then {changed}")


def _decided(decision: dict[str, Any]) -> str:
    when = format_instant(decision["decided_at"])
    return f"{decision['counts']} counts, by {decision['decided_by']} at {when}: {decision['reason']}"


def _spell(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case {"text": str() as text}:
            return f"{text} {value.get('source_unit') or value.get('unit') or ''}".strip()
        case {"scheme": _}:
            return str(value.get("label") or value["value"])
        case {"value": number}:
            return f"{number:g} {value.get('unit') or ''}".strip()
        case _:
            return str(value)
