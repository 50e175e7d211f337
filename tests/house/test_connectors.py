"""Each of our connectors comes in by the same door as anybody's, with what a stranger needs to use it."""

import ast

import pytest
import yaml

from tests.house.tree import ROOT, list_connectors, load

CONNECTORS = sorted(list_connectors())
SUITES = {"RecordSuite", "SampleSuite"}


def test_every_connector_folder_is_an_entry_point() -> None:
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/__init__.py")}
    assert folders == set(CONNECTORS)


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_class_bears_the_name_of_its_entry_point(name: str) -> None:
    module, _, symbol = list_connectors()[name].partition(":")
    assert getattr(load(module), symbol).name == name


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_has_a_readme(name: str) -> None:
    readme = ROOT / "connectors" / name / "README.md"
    assert readme.is_file()
    assert len(readme.read_text(encoding="utf-8").split()) > 100


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_has_an_example_configuration_that_names_it(name: str) -> None:
    examples = sorted((ROOT / "connectors" / name).glob("example*.yaml"))
    assert examples, f"connectors/{name}/example.yaml is missing"
    for path in examples:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert written["connector"] == name
        module, _, symbol = list_connectors()[name].partition(":")
        settings = {"timezone": written.get("timezone"), **written["settings"]}
        getattr(load(module), symbol).config_class.model_validate(settings)


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_passes_a_conformance_suite(name: str) -> None:
    bases = set[str]()
    for path in (ROOT / "tests" / "connectors" / name).rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases |= {ast.unparse(base).rpartition(".")[2].partition("[")[0] for base in node.bases}
    assert bases & SUITES, f"tests/connectors/{name}/ has no class Test…(RecordSuite) or Test…(SampleSuite)"
