"""The pytest plugin: `--live FILE` tries a real source, `--grades FILE` writes down what the suites found.

Pytest loads it wherever Plantwide is installed.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest

from hub.sdk.contract import Connector
from hub.sdk.testing.promises import ConnectorSuite
from hub.sdk.testing.session import Session
from hub.sdk.testing.verdict import NotOffered

_PROPERTY = "plantwide"
_COLLECTED: list[dict[str, Any]] = []
"""What the reports of this process, or of its workers, have told."""
_NAMES = pytest.StashKey[dict[type, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kit."""
    group = parser.getgroup("plantwide", "conformance of connectors")
    group.addoption("--live", metavar="FILE", help="try the real source of this settings file, and only it")
    group.addoption(
        "--live-pages", type=int, default=5, metavar="N", help="read no more than N pages of a stream (5)"
    )
    group.addoption("--grades", metavar="FILE", help="write what the suites found to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "against(connector, software, how='live'|'recorded'|'published'): a proof of a connector against "
        "software or data that its authors did not write",
    )
    config.stash[_NAMES] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """With `--live` only the suites of that source run; with `--grades` only promises and proofs."""
    if config.getoption("--grades"):
        items[:] = [item for item in items if _is_promise(item) or item.get_closest_marker("against")]
    if not config.getoption("--live"):
        return
    kind: Any = pytest.Module  # its constructor is untyped
    module = kind.from_parent(session, path=Path(__file__).parent / "real.py")
    items[:] = list(session.genitems(module))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the verdict on a promise, or the outcome of a proof, on the report."""
    raised = call.excinfo.value if call.excinfo else None  # pytest makes its own of it meanwhile
    report = yield
    if not item.config.getoption("--grades") or (report.when != "call" and report.passed):
        return report
    if report.when == "teardown":
        return report
    finding = _find(item, raised, report)
    if finding:
        report.user_properties.append((_PROPERTY, finding))
    for mark in item.iter_markers("against"):
        connector, software = mark.args
        proof = {
            "connector": connector,
            "software": software,
            "how": mark.kwargs.get("how", "live"),
            "outcome": report.outcome,
        }
        report.user_properties.append((_PROPERTY, proof))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect; with xdist this runs where all reports arrive."""
    for name, value in report.user_properties:
        if name == _PROPERTY:
            _COLLECTED.append(cast("dict[str, Any]", value))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was found."""
    target = session.config.getoption("--grades")
    if target and not hasattr(session.config, "workerinput"):
        Path(target).write_text(json.dumps(_COLLECTED), encoding="utf-8")
        _COLLECTED.clear()


def _find(
    item: pytest.Item, raised: BaseException | None, report: pytest.TestReport
) -> dict[str, Any] | None:
    if not isinstance(item, pytest.Function) or not _is_promise(item):
        return None
    kind: Any = item.cls
    connector = _name_connector(item, kind)
    if report.skipped:
        verdict = "not offered" if isinstance(raised, NotOffered) else "not tried"
    else:
        verdict = "kept" if report.passed else "broken"
    return {"connector": connector, "suite": kind.__name__, "promise": _name(item), "verdict": verdict}


def _name(item: pytest.Item) -> str:
    """Give a test's name without its parameters."""
    return str(getattr(item, "originalname", None) or item.name)


def _is_promise(item: pytest.Item) -> bool:
    """Tell a promise of the kit from a test of the author's own."""
    kind: Any = getattr(item, "cls", None)
    return (
        kind is not None
        and issubclass(kind, ConnectorSuite)
        and any(_name(item) in vars(base) for base in kind.__mro__ if base.__module__.startswith("hub.sdk."))
    )


def _name_connector(item: pytest.Function, kind: type) -> str:
    """Ask a suite once, while its world is running, of which connector it speaks.

    One whose world does not come up, or whose `make` fails, is named by what `make` says that it gives, else
    by its folder: a suite without a name would leave its promises out of the grade.
    """
    names = item.config.stash[_NAMES]
    if kind not in names:
        try:
            suite: Any = item.instance
            connector: Connector[Any] = suite.make()
            with Session(connector):
                names[kind] = connector.name
        except (Exception, pytest.skip.Exception):  # noqa: BLE001 - its promises say what is wrong with it
            return _read_name(kind) or item.path.parent.name
    return names[kind]


def _read_name(kind: type) -> str:
    """Give the name of the class that `make` is annotated with; empty where that says none."""
    try:
        given = get_type_hints(cast("Any", kind).make).get("return")
    except (NameError, TypeError):  # a name that is not there at run time, or no annotation
        return ""
    name = getattr(given, "name", "")
    return name if isinstance(name, str) else ""


@pytest.fixture(scope="session")
def live_file(request: pytest.FixtureRequest) -> Path:
    """Give the settings file of the source that is to be tried."""
    given = request.config.getoption("--live")
    if not given:
        pytest.skip("no --live FILE is given")
    return Path(given)


@pytest.fixture(scope="session")
def live_pages(request: pytest.FixtureRequest) -> int:
    """Give how many pages of a stream may be read."""
    pages: Any = request.config.getoption("--live-pages")
    return int(pages)
