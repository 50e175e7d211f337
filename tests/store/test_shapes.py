"""Rows become documents: members in their order, those of several columns with keys, or null."""

from hub.store.answers.shapes import write_shape

SHAPE = write_shape([("code", ()), ("size", ("value", "unit")), ('it\'s "quoted"', ("only",))], skip=1)


def test_each_row_is_a_document_with_its_members_in_order() -> None:
    (document,) = SHAPE([(7, "B1", 2.5, "kg", "x")])
    assert list(document.items()) == [
        ("code", "B1"),
        ("size", {"value": 2.5, "unit": "kg"}),
        ('it\'s "quoted"', {"only": "x"}),
    ]


def test_a_member_of_several_columns_is_null_only_when_all_of_them_are() -> None:
    documents = SHAPE([(7, None, None, None, None), (8, "B2", None, "kg", 0), (9, "B3", 0.0, None, "")])
    assert [(d["size"], d['it\'s "quoted"']) for d in documents] == [
        (None, None),
        ({"value": None, "unit": "kg"}, {"only": 0}),
        ({"value": 0.0, "unit": None}, {"only": ""}),
    ]


def test_what_comes_after_the_members_is_in_no_document() -> None:
    assert SHAPE([(7, "B1", 1.0, "g", None, "for the order only")]) == SHAPE([[7, "B1", 1.0, "g", None]])


def test_documents_share_nothing_that_can_change() -> None:
    first, second = SHAPE([(7, "B1", 1.0, "g", None)] * 2)
    first["size"]["value"] = 2.0
    assert second["size"]["value"] == 1.0
