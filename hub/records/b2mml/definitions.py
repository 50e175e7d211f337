"""The steps as the site speaks of them, and how the order's product is made (95.02)."""

from collections.abc import Iterable, Mapping

from hub.records.b2mml import markup
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.markup import Document, Element, make, maybe
from hub.records.b2mml.schedule import need


def build_segments(facts: Gathering) -> Element:
    """Give ProcessSegmentInformation: the batch's segments inside what they are part of."""
    known = {one["uid"] for one in facts.segments}
    inside: dict[str | None, list[Document]] = {}
    for one in sorted(facts.segments, key=lambda s: (s["code"] or "", s["uid"])):
        above = one["parent"]
        inside.setdefault(above["uid"] if above and above["uid"] in known else None, []).append(one)
    segments = [_segment(facts, one, inside, title="ProcessSegment") for one in inside.get(None, [])]
    return make(
        "ProcessSegmentInformation",
        facts.subject_id(),
        maybe("PublishedDate", facts.newest),
        *segments,
    )


def _segment(
    facts: Gathering, one: Document, inside: Mapping[str | None, Iterable[Document]], *, title: str
) -> Element:
    return make(
        title,
        facts.names.element("ID", "process_segment", one),
        maybe("Description", one["description"]),
        markup.code("OperationsType", one, "operations_type"),
        markup.told("ProcessSegmentParameter", "standard_duration_s", one["standard_duration_s"]),
        *(_segment(facts, p, inside, title="ProcessSegmentChild") for p in inside.get(one["uid"], ())),
    )


def build_definitions(facts: Gathering) -> Element:
    """Give OperationsDefinitionInformation: the definitions by which the order is made."""
    definitions = [_definition(facts, one) for one in facts.definitions]
    return make(
        "OperationsDefinitionInformation",
        facts.subject_id(),
        maybe("PublishedDate", facts.newest),
        *definitions,
    )


def _definition(facts: Gathering, one: Document) -> Element:
    names = facts.names
    product = one["product"]
    needs = [n for n in facts.definition_needs if n["operations_definition"]["uid"] == one["uid"]]
    made = make(
        "MaterialSpecification",
        make("ID", "product", schemeID=markup.OWN),
        names.element("MaterialDefinitionID", "material_definition", product),
        make("MaterialUse", "Produced"),
    )
    return make(
        "OperationsDefinition",
        names.element("ID", "operations_definition", one),
        maybe("Description", one["description"]),
        maybe("Version", one["definition_version"]),
        maybe("EffectiveStartDate", one["effective_from"]),
        maybe("EffectiveEndDate", one["effective_to"]),
        markup.code("OperationsType", one, "operations_type"),
        make(
            "OperationsSegment",
            markup.unspecified("ID"),
            made if product else None,
            *(need(facts, n, title="MaterialSpecification") for n in needs),
        ),
        maybe("BillOfResourcesID", one["route"]),
    )
