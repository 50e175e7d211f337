"""Names say what a thing is; plates and errors say what a name cannot."""

import inspect

import pytest

from tests.house.tree import list_modules, list_packages, load

NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "managers", "service"}


def test_no_module_has_a_name_that_fits_anything() -> None:
    assert [name for name in list_modules() if NAMELESS & set(name.split("."))] == []


@pytest.mark.parametrize("package", list_packages())
def test_a_room_has_a_door_plate(package: str) -> None:
    plate = inspect.getdoc(load(package)) or ""
    assert len(plate.split()) >= 6, f"{package}: say in one sentence what comes in and what goes out"


def test_every_error_says_in_its_docstring_what_happened() -> None:
    errors = [
        thing
        for name in list_modules()
        for thing in vars(load(name)).values()
        if inspect.isclass(thing) and issubclass(thing, BaseException) and thing.__module__ == name
    ]
    assert [
        f"{error.__module__}.{error.__name__}" for error in errors if not vars(error).get("__doc__")
    ] == []
    assert errors
