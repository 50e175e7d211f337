"""The description of the service: valid by the OASIS schema, whole in itself, and true of what is served."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hub.odata.metadata import EDM, print_metadata
from hub.odata.model import list_sets
from tests.odata.conftest import Odata

NS = {"e": EDM}


@pytest.fixture(scope="module")
def document() -> Any:
    return etree.fromstring(print_metadata(page_rows=50, requests=10))


def find(node: Any, path: str) -> list[Any]:
    return node.xpath(path, namespaces=NS)


def test_it_is_valid_by_the_schema_of_oasis(document: Any, shared_folder: Path) -> None:
    path = shared_folder / "data" / "odata" / "edmx.xsd"
    if not path.is_file():
        pytest.skip("shared: no data/odata/edmx.xsd and edm.xsd (the schemas of CSDL XML) in that folder")
    edm = path.with_name("edm.xsd").as_uri()
    schema: Any = etree.parse(path)
    (imported,) = schema.xpath("//*[local-name()='import']")
    imported.set("schemaLocation", edm)
    etree.XMLSchema(schema).assertValid(document)


def test_names_are_names_each_once_and_never_that_of_their_type(document: Any) -> None:
    for kind in find(document, "//e:EntityType"):
        names = find(kind, "e:Property/@Name|e:NavigationProperty/@Name")
        assert len(set(names)) == len(names)
        assert all(name.isidentifier() and len(name) <= 128 for name in names)
        assert kind.get("Name") not in names
        keys = find(kind, "e:Key/e:PropertyRef/@Name")
        assert keys
        for key in keys:
            (found,) = find(kind, f"e:Property[@Name='{key}']")
            assert found.get("Nullable") == "false"


def test_every_navigation_ends_in_a_set_of_its_type_and_says_what_is_equal(document: Any) -> None:
    types = {one.get("Name"): one for one in find(document, "//e:EntityType")}
    sets = {one.get("Name"): one for one in find(document, "//e:EntitySet")}
    for one in sets.values():
        kind = types[one.get("EntityType").removeprefix("Plantwide.")]
        bound = {b.get("Path"): b.get("Target") for b in find(one, "e:NavigationPropertyBinding")}
        assert sorted(bound) == sorted(find(kind, "e:NavigationProperty/@Name"))
        for way in find(kind, "e:NavigationProperty"):
            target = way.get("Type").removeprefix("Collection(").removesuffix(")")
            assert sets[bound[way.get("Name")]].get("EntityType") == target
            for pair in find(way, "e:ReferentialConstraint"):
                other = types[target.removeprefix("Plantwide.")]
                (own,) = find(kind, f"e:Property[@Name='{pair.get('Property')}']")
                (theirs,) = find(other, f"e:Property[@Name='{pair.get('ReferencedProperty')}']")
                assert own.get("Type") == theirs.get("Type")


def test_it_says_what_the_service_can_do(document: Any) -> None:
    told = {
        one.get("Term").removeprefix("Capabilities."): one
        for one in find(document, "//e:EntityContainer/e:Annotation")
    }
    assert told["AsynchronousRequestsSupported"].get("Bool") == "true"
    assert told["BatchSupported"].get("Bool") == "true"
    assert "substring" in find(told["FilterFunctions"], ".//e:String/text()")
    assert find(told["Aggregation.ApplySupported"], ".//e:String/text()") == [
        "filter",
        "groupby",
        "aggregate",
    ]
    (samples,) = find(document, "//e:EntitySet[@Name='samples']")
    assert find(samples, ".//e:PropertyValue[@Property='RequiresFilter']/@Bool") == ["true"]


def test_it_is_served_as_xml_to_who_may_read(odata: Odata) -> None:
    response = odata.ask("/$metadata")
    assert response.headers["Content-Type"] == "application/xml"
    assert response.headers["OData-Version"] == "4.0"
    served = etree.fromstring(response.content)
    assert len(find(served, "//e:EntitySet")) == len(list_sets())
    odata.refused(501, "/$metadata", format="json")


def test_the_values_of_a_row_are_of_the_types_that_it_says(odata: Odata) -> None:
    python = {"Edm.String": str, "Edm.Double": (int, float), "Edm.Int64": int, "Edm.Boolean": bool}
    for one in list_sets():
        if one.name != "samples":
            for row in odata.get(f"/{one.name}")["value"]:
                for member in one.members:
                    value = row[member.name]
                    if value is None:
                        assert member.may_be_null, (one.name, member.name)
                    elif member.type == "Edm.DateTimeOffset":
                        assert value.endswith("Z")
                    else:
                        assert isinstance(value, python[member.type]), (one.name, member)
