"""The description of the service as CSDL XML 4.0; what it can do stands there as annotations."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from lxml import etree

from hub.odata.model import NAMESPACE, SAMPLES, EntitySet, list_sets
from hub.store.questions.expression import FUNCTIONS
from hub.store.questions.grammar import MAX_STEPS
from hub.store.questions.grouping import METHODS

EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
EDM = "http://docs.oasis-open.org/odata/ns/edm"
_VOCABULARIES = {
    "Org.OData.Core.V1": "Core",
    "Org.OData.Capabilities.V1": "Capabilities",
    "Org.OData.Aggregation.V1": "Aggregation",
}
_AT = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/{}.xml"
_FORMATS = ("application/json;odata.metadata=minimal", "application/json;odata.metadata=none")
_Element = Any
_DEFAULT: Any = {None: EDM}


@cache
def print_metadata(*, page_rows: int, requests: int) -> bytes:
    """Give the document; pages have so many rows, batches so many requests."""
    root = etree.Element(f"{{{EDMX}}}Edmx", {"Version": "4.0"}, nsmap={"edmx": EDMX})
    for namespace, alias in _VOCABULARIES.items():
        reference = etree.SubElement(root, f"{{{EDMX}}}Reference", {"Uri": _AT.format(namespace)})
        etree.SubElement(reference, f"{{{EDMX}}}Include", {"Namespace": namespace, "Alias": alias})
    services = etree.SubElement(root, f"{{{EDMX}}}DataServices")
    schema: _Element = etree.SubElement(
        services, f"{{{EDM}}}Schema", {"Namespace": NAMESPACE}, nsmap=_DEFAULT
    )
    for one in list_sets():
        _add_type(schema, one)
    container = _add(schema, "EntityContainer", Name="Hub")
    for one in list_sets():
        _add_set(container, one)
    _annotate_container(container, page_rows, requests)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _add_type(schema: _Element, one: EntitySet) -> None:
    kind = _add(schema, "EntityType", Name=one.type)
    key = _add(kind, "Key")
    for name in one.key:
        _add(key, "PropertyRef", Name=name)
    for member in one.members:
        told = {"Name": member.name, "Type": member.type}
        if not member.may_be_null:
            told["Nullable"] = "false"
        if member.type == "Edm.DateTimeOffset":
            told["Precision"] = "6"
        _add(kind, "Property", **told)
    types = {other.name: f"{NAMESPACE}.{other.type}" for other in list_sets()}
    for way in one.ways:
        target = types[way.target]
        told = {"Name": way.name, "Type": f"Collection({target})" if way.is_many else target}
        navigation = _add(kind, "NavigationProperty", **told)
        if way.own is not None and way.other is not None:
            _add(navigation, "ReferentialConstraint", Property=way.own, ReferencedProperty=way.other)
    _say(kind, "Core.Description", String=one.description)


def _add_set(container: _Element, one: EntitySet) -> None:
    made = _add(container, "EntitySet", Name=one.name, EntityType=f"{NAMESPACE}.{one.type}")
    for way in one.ways:
        _add(made, "NavigationPropertyBinding", Path=way.name, Target=way.target)
    for term, member in (
        ("InsertRestrictions", "Insertable"),
        ("UpdateRestrictions", "Updatable"),
        ("DeleteRestrictions", "Deletable"),
    ):
        _record(made, f"Capabilities.{term}", {member: False})
    _record(made, "Capabilities.CountRestrictions", {"Countable": True})
    if one.name == SAMPLES:
        _restrict_samples(made)
        return
    _record(made, "Capabilities.SearchRestrictions", {"Searchable": True})
    _record(made, "Capabilities.ExpandRestrictions", {"Expandable": True, "MaxLevels": MAX_STEPS})


def _restrict_samples(made: _Element) -> None:
    _record(made, "Capabilities.FilterRestrictions", {"Filterable": True, "RequiresFilter": True})
    _record(made, "Capabilities.SortRestrictions", {"Sortable": False})
    _record(made, "Capabilities.SearchRestrictions", {"Searchable": False})
    _say(made, "Capabilities.SkipSupported", Bool="false")
    _say(
        made,
        "Core.LongDescription",
        String="$filter=tag eq 'TIC-101' and time ge 2026-03-01T00:00:00Z and time lt 2026-03-02T00:00:00Z, "
        "or batch eq 'B26-0117', alone or with tags and times.",
    )


def _annotate_container(container: _Element, page_rows: int, requests: int) -> None:
    for term, value in (
        ("AsynchronousRequestsSupported", True),
        ("BatchContinueOnErrorSupported", True),
        ("BatchSupported", True),
        ("CrossJoinSupported", False),
        ("KeyAsSegmentSupported", False),
        ("TopSupported", True),
        ("SkipSupported", True),
    ):
        _say(container, f"Capabilities.{term}", Bool=_truth(value))
    level = "Org.OData.Capabilities.V1.ConformanceLevelType/Intermediate"
    _add(_say(container, "Capabilities.ConformanceLevel"), "EnumMember").text = level
    _list(container, "Capabilities.SupportedFormats", _FORMATS)
    _list(container, "Capabilities.FilterFunctions", (*FUNCTIONS, "any", "all"))
    _record(
        container,
        "Capabilities.BatchSupport",
        {"Supported": True, "ContinueOnErrorSupported": True, "MaximumSize": requests},
    )
    _record(
        container,
        "Aggregation.ApplySupported",
        {
            "Transformations": ("filter", "groupby", "aggregate"),
        },
    )
    _say(
        container,
        "Core.Description",
        String=f"Figures are made with {', '.join(METHODS)} and $count. A page has at most "
        f"{page_rows} rows; follow @odata.nextLink.",
    )


def _say(parent: _Element, term: str, **value: str) -> _Element:
    return _add(parent, "Annotation", Term=term, **value)


def _record(parent: _Element, term: str, told: dict[str, Any]) -> None:
    record = _add(_say(parent, term), "Record")
    for name, value in told.items():
        match value:
            case bool():
                _add(record, "PropertyValue", Property=name, Bool=_truth(value))
            case int():
                _add(record, "PropertyValue", Property=name, Int=str(value))
            case _:
                _fill(_add(record, "PropertyValue", Property=name), value)


def _list(parent: _Element, term: str, values: Sequence[str]) -> None:
    _fill(_say(parent, term), values)


def _fill(parent: _Element, values: Sequence[str]) -> None:
    collection = _add(parent, "Collection")
    for value in values:
        _add(collection, "String").text = value


def _add(parent: _Element, tag: str, **attributes: str) -> _Element:
    return etree.SubElement(parent, f"{{{EDM}}}{tag}", attributes)


def _truth(value: bool) -> str:  # noqa: FBT001 - a value to be written
    return "true" if value else "false"
