"""What a person decides about a conflict: which source counts, why; and taking that back."""

from datetime import datetime

from hub.model.comparison import essence_of
from hub.model.mastered import MASTERED
from hub.model.shape import fields_of
from hub.resolve.resolution import judge_again
from hub.store.database import Connection
from hub.store.decisions import add_decision, find_decision, reverse_decision
from hub.store.entities import Assertion, load_assertions
from hub.store.identifiers import names_by_id, names_of_entities
from hub.store.pending import statements_of_names
from hub.store.systems import list_systems


class NothingToDecide(ValueError):
    """The sources do not contradict each other about this, so there is nothing to decide."""


class NoSuchVoice(ValueError):
    """The source that should count says nothing about this; the message lists those that do."""


class NoDecision(ValueError):
    """No decision stands here that could be taken back."""


def settle_conflict(
    connection: Connection,
    entity_type: str,
    thing_id: int,
    *,
    attribute: str,
    counts: str,
    by: str,
    reason: str,
    now: datetime,
) -> int:
    """Let the source with the code `counts` count while all say what they say now; give the decision's id.

    Raises `NothingToDecide`, `NoSuchVoice`.
    """
    said = [a for a in load_assertions(connection, entity_type, [thing_id]) if a.attribute == attribute]
    if not any(a.in_conflict or (a.decision_id and not a.is_winner) for a in said):
        raise NothingToDecide(f"nobody contradicts what counts as {attribute} of this {entity_type}")
    systems = list_systems(connection)
    voices = {systems[a.system_id].code: a for a in said}
    if counts not in voices:
        raise NoSuchVoice(f"counts: only {', '.join(sorted(voices))} say something of {attribute}")
    field = next(f for f in fields_of(MASTERED[entity_type]) if f.name == attribute)
    chosen = voices[counts]
    decision = add_decision(
        connection,
        entity_type=entity_type,
        name_id=_name_of(connection, entity_type, chosen),
        attribute=attribute,
        system_id=chosen.system_id,
        judged={code: essence_of(field, a.value) for code, a in sorted(voices.items())},
        by=by,
        reason=reason,
        now=now,
    )
    judge_again(connection, entity_type, [thing_id], now=now)
    return decision


def _name_of(connection: Connection, entity_type: str, chosen: Assertion) -> int:
    """Give the name under which a source says what it says: the decision follows that name.

    Raises `NoSuchVoice` when the source has withdrawn that and the hub has not resolved it yet.
    """
    names = {n.id: n for n in names_of_entities(connection, entity_type, [chosen.entity_id])}
    saying = {
        s.identifier_id
        for s in statements_of_names(connection, names)
        if s.system_id == chosen.system_id and chosen.attribute in s.body
    }
    if not saying:
        raise NoSuchVoice(
            f"counts: what it said of {chosen.attribute} has been withdrawn meanwhile; look again"
        )
    return min((n for i, n in names.items() if i in saying), key=lambda n: (n.scheme, n.value)).id


def reopen_conflict(
    connection: Connection,
    entity_type: str,
    thing_id: int,
    *,
    attribute: str,
    by: str,
    reason: str,
    now: datetime,
    decision_id: int | None = None,
) -> int:
    """Take back the decision that settles a conflict, or another one about it that stands; give which.

    What counted without it counts again. Raises `NoDecision`.
    """
    if decision_id is None:
        said = load_assertions(connection, entity_type, [thing_id])
        decision_id = next((a.decision_id for a in said if a.attribute == attribute and a.decision_id), None)
    decision = find_decision(connection, decision_id) if decision_id else None
    if decision is None or (decision.entity_type, decision.attribute) != (entity_type, attribute):
        raise NoDecision(f"no decision about {attribute} of this {entity_type} stands")
    name = names_by_id(connection, [decision.name_id])[decision.name_id]
    if name.entity_id != thing_id or not reverse_decision(
        connection, decision.id, by=by, reason=reason, now=now
    ):
        raise NoDecision(f"no decision about {attribute} of this {entity_type} stands")
    judge_again(connection, entity_type, [thing_id], now=now)
    return decision.id
