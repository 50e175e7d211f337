"""Documents on the shelf: there as long as nothing is known since, and never more than fit."""

from datetime import UTC, datetime, timedelta

from hub.store.questions.shelf import Shelf

THEN = datetime(2026, 4, 20, 6, tzinfo=UTC)
LATER = THEN + timedelta(microseconds=1)
KIND = ("batches", (), False)


def read(known: list[list[int]], shelf: Shelf, at: datetime, keys: list[int]) -> list[bytes]:
    shelved = shelf.at(at)
    assert shelved is not None

    def look(missing: list[int]) -> dict[int, bytes]:
        known.append(missing)
        return {key: b"%d" % key for key in missing}

    return shelved.read(KIND, keys, look)


def test_what_is_there_is_not_read_again_and_the_order_is_that_of_the_keys() -> None:
    shelf, asked = Shelf(), list[list[int]]()
    assert read(asked, shelf, THEN, [3, 1]) == [b"3", b"1"]
    assert read(asked, shelf, THEN, [1, 2, 3]) == [b"1", b"2", b"3"]
    assert asked == [[3, 1], [2]]


def test_another_instant_empties_the_shelf_and_an_older_one_leaves_it() -> None:
    shelf, asked = Shelf(), list[list[int]]()
    for at in (THEN, LATER, THEN, LATER):
        read(asked, shelf, at, [1])
    assert asked == [[1], [1], [1]]


def test_members_that_were_selected_are_another_kind() -> None:
    shelf = Shelf()
    shelf.keep(THEN, KIND, {1: b"whole"})
    assert shelf.find(THEN, ("batches", ("code",), False), [1]) == {}
    assert shelf.find(THEN, KIND, [1]) == {1: b"whole"}


def test_a_full_shelf_begins_anew_and_an_empty_store_keeps_nothing() -> None:
    shelf = Shelf(most_bytes=4)
    shelf.keep(THEN, KIND, {1: b"abc"})
    shelf.keep(THEN, KIND, {2: b"de"})
    assert shelf.find(THEN, KIND, [1, 2]) == {2: b"de"}
    shelf.keep(THEN, KIND, {3: b"too long"})
    assert shelf.find(THEN, KIND, [3]) == {}
    assert Shelf().at(None) is None
