"""Reading SENAITE: the promises of the door, the empty laboratory of a stranger, pages that shift."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.senaite import Senaite, SenaiteConfig
from hub.sdk import Cursor, Misconfigured, Page, Unauthorized
from hub.sdk.testing import FakeClock, RecordSuite
from tests.connectors.senaite.laboratory import (
    PASSWORD,
    USER,
    Laboratory,
    analysis,
    at,
    objects,
    sample,
    serve,
)


def connect(laboratory: Laboratory, **settings: Any) -> Senaite:
    given = {"url": laboratory.url, "user": USER, "password": PASSWORD, "page_size": 2, **settings}
    return Senaite(SenaiteConfig.model_validate(given))


@pytest.fixture
def lab() -> Iterator[Laboratory]:
    with serve(Laboratory(objects())) as laboratory, FakeClock(laboratory.today):
        yield laboratory


def read(laboratory: Laboratory, stream: str, cursor: Cursor | None = None, **settings: Any) -> list[Page]:
    with connect(laboratory, **settings) as connector:
        return list(connector.read(stream, cursor))


def keys(pages: list[Page]) -> list[str]:
    return [document.key for page in pages for document in page.documents]


class TestSenaiteKeepsThePromises(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, lab: Laboratory) -> None:
        self.lab = lab

    def make(self) -> Senaite:
        return connect(self.lab)

    def make_exact(self) -> Senaite:
        return connect(self.lab, overlap_s=0)

    def make_refused(self) -> Senaite:
        return connect(self.lab, password="not-the-password")

    def holds(self) -> dict[str, int]:
        return {"specifications": 1, "samples": 7, "analyses": 5, "attachments": 1}

    def grow(self) -> bool:
        self.lab.objects["analysisrequest"].append(sample("s99", 2))
        self.lab.objects["analysis"] += [analysis("a98", 2), analysis("a99", 5)]
        self.lab.change("analysisrequest", "s1", at(9))
        return True

    def make_large(self, factor: int) -> Senaite:
        self.lab.objects["analysis"] = [analysis(f"a{n}", 5) for n in range(600 * factor)]
        return connect(self.lab, page_size=50)


def test_a_wrong_password_is_no_empty_laboratory(lab: Laboratory) -> None:
    with connect(lab, password="nope") as connector:
        with pytest.raises(Unauthorized, match="does not know 'hub'"):
            list(connector.read("samples", None))
        with pytest.raises(Unauthorized):
            connector.check()


def test_a_login_withdrawn_while_reading_is_no_end_of_the_laboratory(lab: Laboratory) -> None:
    with connect(lab) as connector:
        pages = connector.read("samples", None)
        next(pages)
        lab.login = (USER, "changed-since")
        with pytest.raises(Unauthorized):
            list(pages)


def test_a_site_without_the_api_is_a_wrong_setting(lab: Laboratory) -> None:
    with connect(lab, url=f"{lab.url}/elsewhere") as connector, pytest.raises(Misconfigured):
        connector.check()


def test_the_check_counts_what_there_is(lab: Laboratory) -> None:
    with connect(lab) as connector:
        health = connector.check()
    assert (health.version, health.detail) == (
        "2.6.0",
        "specifications: 1, samples: 7, analyses: 5, attachments: 1",
    )


def test_objects_that_change_while_they_are_read_push_no_other_out_of_sight(lab: Laboratory) -> None:
    lab.objects["analysisrequest"] = [sample(f"s{n}", n) for n in range(10)]
    lab.moves = [("analysisrequest", f"s{n}", at(30 + n)) for n in (0, 1, 3)]
    pages = read(lab, "samples")
    assert set(keys(pages)) == {f"s{n}" for n in range(10)}
    last = {d.key: d.payload for page in pages for d in page.documents}
    assert at(33) in last["s3"]


def test_the_catalogues_own_change_time_decides_nothing(lab: Laboratory) -> None:
    lab.objects["analysisrequest"] = [
        sample("s1", 9, catalogued=at(0)),
        sample("s2", 1, catalogued=at(5)),
        sample("s3", 3, catalogued=at(5)),
    ]
    pages = read(lab, "samples")
    assert set(keys(pages)) == {"s1", "s2", "s3"}
    assert pages[-1].cursor == {"since": "2026-03-09T08:09:00Z"}
    assert keys(read(lab, "samples", pages[0].cursor))[-1] == "s3"


@pytest.mark.parametrize(
    ("days", "word"),
    [(0.5, "yesterday"), (3, "this-week"), (20, "this-month"), (200, "this-year"), (900, None)],
)
def test_only_as_much_is_listed_as_may_have_changed(lab: Laboratory, days: float, word: str | None) -> None:
    since = (lab.today - timedelta(days=days)).isoformat()
    read(lab, "samples", {"since": since})
    asked = next(options for kind, options in lab.asked if kind == "analysisrequest")
    assert asked.get("recent_modified") == word


def test_what_did_not_change_since_is_listed_but_not_given_again(lab: Laboratory) -> None:
    cursor = read(lab, "samples")[-1].cursor
    lab.change("analysisrequest", "s2", at(50))
    assert set(keys(read(lab, "samples", cursor, overlap_s=0))) == {"s2", "s6", "s7"}
