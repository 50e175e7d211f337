"""A laboratory for every test, on loopback."""

from collections.abc import Iterator

import pytest

from tests.connectors.rest.laboratory import Laboratory, item, serve


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """Give a laboratory with seven samples, three of them changed in the same second across a page's end."""
    times = ["08:00:00", "08:00:00", "09:00:00", "09:00:00", "09:00:00", "10:00:00", "11:00:00"]
    made = Laboratory([item(n, f"2026-03-01T{t}Z", f"3.{n}0") for n, t in enumerate(times, 1)])
    with serve(made):
        yield made
