"""Why something moved: the source said so, late, otherwise or no more; names were linked; somebody judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.records.moves import Item
from hub.resolve.precedence import rule_for
from hub.store.answers.changes import Row, Saying
from hub.store.rules import Key, Rule

Document = dict[str, Any]
Cause = tuple[str, str]
"""A word, and a sentence."""

CAUSES = (
    "new",
    "late",
    "corrected",
    "withdrawn",
    "stated_again",
    "linked",
    "judged",
    "ruled",
    "weighed",
    "counted",
    "derived",
    "gone",
)
CALLED = {"batch": "batch", "material_lot": "lot", "quality_event": "quality event"}
"""What people call the things whose values are told."""
_COUNTING = frozenset({"same_as", "count_state", "count_difference"})


@dataclass(frozen=True)
class Known:
    """What a cause is found from: what was said and which rules stood in both readings, what is behind it."""

    since: datetime
    said: Sequence[Mapping[Saying, Document]]
    renamed: frozenset[Row]
    """The things to which a name came, or which a name left."""
    records: Mapping[int, Document]
    owners: Mapping[Row, str | None]
    """The batch (of a name: the thing), by its code, to which what came had belonged or what went belongs."""
    rules: Sequence[Mapping[Key, Rule]]


def explain(item: Item, known: Known) -> Cause:
    """Give why an item moved."""
    match item.of:
        case "golden":
            return _explain_golden(item, known)
        case "statement":
            return _explain_statement(item, known)
        case "name":
            return _explain_name(item, known)
        case "link" | "decision":
            return _explain_judgment(item)
        case "genealogy":
            return "counted", "The movements it is made of were counted anew."
        case "signal":
            return _explain_window(item, known)
        case _:
            return _explain_fact(item, known)


def _explain_fact(item: Item, known: Known) -> Cause:
    if item.before is None or item.after is None:
        if item.rows[0] in known.owners:
            owner = known.owners[item.rows[0]]
            if item.before is None:
                return (
                    "linked",
                    f"It belonged to {f'batch {owner}' if owner else 'no batch or another'} then.",
                )
            return "linked", f"It belongs to {f'batch {owner}' if owner else 'no batch or another'} now."
        return _arrival(item.after, known) if item.after else ("gone", "It is not kept any more.")
    if "is_retracted" in item.members:
        if item.after["is_retracted"]:
            return "withdrawn", f"{item.source} does not state it any more."
        return "stated_again", f"{item.source} states it again."
    if item.before["source_record"] != item.after["source_record"]:
        return _correction(item, known)
    if not item.moved:
        return "stated_again", "It was something else meanwhile, and is what it was."
    if item.members <= _COUNTING:
        return "counted", "It was compared anew with what other systems say of the same."
    return "linked", "A name that it uses means something else."


def _explain_statement(item: Item, known: Known) -> Cause:
    this = f"this {_called(item)}"
    if item.before is None and item.after is not None:
        record = known.records.get(item.after["source_record"], {})
        if record and record["received_at"] <= known.since:
            return "linked", f"It had been said of a name that came to {this}."
        return _arrival(item.after, known)
    if item.after is None:
        if item.thing in known.renamed:
            return "linked", f"It is said of a name that left {this}, or no more."
        return "withdrawn", f"{item.source} does not say it any more."
    if "value" in item.members:
        return _correction(item, known)
    return _weigh(item, known)


def _explain_golden(item: Item, known: Known) -> Cause:
    spoken = [_spoken(item, said) for said in known.said]
    before, after = (next((one for one in some.values() if one["is_winner"]), None) for some in spoken)
    if before is None and after is None:
        return "derived", f"It follows from the names of the {_called(item)} and from what is said of them."
    weighed = _weigh(item, known)
    if weighed[0] == "judged" or (before and after and before["value"] == after["value"]):
        return weighed if weighed[0] != "weighed" else ("linked", "What it refers to has been linked.")
    if after is None or (before is not None and before["source"] not in spoken[1]):
        return "withdrawn", f"{before['source'] if before else 'Its source'} does not say it any more."
    source = after["source"]
    stated = Item("statement", "", spoken[0].get(source), after, source=source, thing=item.thing)
    return _explain_statement(stated, known) if stated.has_moved and "value" in stated.members else weighed


def _called(item: Item) -> str:
    return CALLED["batch" if item.thing is None else item.thing[0]]


def _spoken(item: Item, said: Mapping[Saying, Document]) -> dict[str, Document]:
    """Give what is said of the attribute that an item is about, by source."""
    about = (item.thing, item.attribute)
    return {saying.source: one for saying, one in said.items() if (saying.thing, saying.attribute) == about}


def _weigh(item: Item, known: Known) -> Cause:
    """Tell why another statement counts though it says what it said: by a decision, a rule, or the others."""
    decided = [{one["decision_id"] for one in _spoken(item, said).values()} - {None} for said in known.said]
    if decided[0] != decided[1]:
        return "judged", "Somebody decided which source counts, or took a decision back."
    entity_type = "batch" if item.thing is None else item.thing[0]
    rules = [rule_for(some, entity_type, item.attribute or "") for some in known.rules]
    if rules[0].content != rules[1].content:
        return "ruled", f"The rule changed: {rules[0].label} to {rules[1].label}."
    return "weighed", "What other sources say of it has changed."


def _explain_name(item: Item, known: Known) -> Cause:
    if item.before is None or item.after is None:
        owner = known.owners.get(item.rows[0])
        if owner is not None:
            meant = f"meant {owner} then" if item.before is None else f"means {owner} now"
            return "linked", f"The name {meant}."
        return ("new", "A source used the name.") if item.after else ("gone", "It is not kept any more.")
    return "linked", "It is known by another step, or for another time."


def _explain_judgment(item: Item) -> Cause:
    one = item.after or item.before or {}
    if item.of == "decision" or one.get("method") == "human":
        return "judged", f"{one.get('decided_by')}: {one.get('reason') or 'no reason given'}"
    return "linked", f"Found by the step “{one.get('method')}” from what sources say."


def _explain_window(item: Item, known: Known) -> Cause:
    if "samples" in item.members and item.members == {"samples"}:
        return "late", f"Samples of this time became known after {known.since:%Y-%m-%d %H:%M:%S} UTC."
    return "derived", "It follows from the times of the batch and its phases on the unit."


def _arrival(document: Document, known: Known) -> Cause:
    """Tell whether the source had it before the instant."""
    record = known.records.get(document["source_record"], {})
    time = record.get("source_time")
    if time is not None and time <= known.since:
        return (
            "late",
            f"{document['source']} had it by {time:%Y-%m-%d %H:%M:%S} UTC, the hub learned of it later.",
        )
    return "new", f"{document['source']} said it since."


def _correction(item: Item, known: Known) -> Cause:
    versions = [
        known.records.get((one or {}).get("source_record", 0), {}).get("source_version")
        for one in (item.before, item.after)
    ]
    if versions[0] == versions[1] or None in versions:
        return "corrected", f"{item.source} says it otherwise."
    return "corrected", f"{item.source} corrected it: version {versions[0]} to {versions[1]}."
