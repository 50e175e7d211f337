"""The modelling matrix over the counter: formats, by names or by filter, with a key that may only read."""

import io
from typing import Any

import pandas as pd
import pyarrow as pa

from tests.api.conftest import Counter
from tests.api.test_samples import read_arrow


def test_the_matrix_is_the_same_in_every_format(looked_at: Counter) -> None:
    table = read_arrow(looked_at, "/v1/matrix", batch="b26 0117")
    told = looked_at.get("/v1/matrix", batch="B26-0117")
    columns = [column["name"] for column in told["columns"]]
    assert columns
    [row] = told["items"]
    assert row["values"] == {name: table[name][0].as_py() for name in columns}
    assert row["completeness"] == 1.0
    for column in told["columns"]:
        metadata: Any = table.schema.field(column["name"]).metadata
        assert metadata[b"unit"].decode() == (column["unit"] or "")
    for media, read in (("text/csv", pd.read_csv), ("application/vnd.apache.parquet", pd.read_parquet)):
        answer = looked_at.client.get("/v1/matrix", params={"batch": "B26-0117"}, headers={"Accept": media})
        assert read(io.BytesIO(answer.content)).columns.tolist() == table.column_names
    assert isinstance(table, pa.Table)


def test_a_long_question_is_asked_by_post_with_a_key_that_may_only_read(looked_at: Counter) -> None:
    by_filter = looked_at.get("/v1/matrix", filter="status eq 'Complete'", group="cqa")
    asked = {"filter": "status eq 'Complete'", "groups": ["cqa"], "provenance": True}
    answer = looked_at.client.post("/v1/matrix", json=asked)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["items"]
    assert (
        {row["batch"] for row in rows}
        == {row["batch"] for row in by_filter["items"]}
        == {"B26-0117", "B26-0119"}
    )
    assert all(row["provenance"] is not None for row in rows)
    assert all(row["provenance"] is None for row in by_filter["items"])
    assert {column["group"] for column in answer.json()["columns"]} <= {"cqa"}


def test_a_matrix_of_nothing_or_of_too_much_is_refused(looked_at: Counter) -> None:
    assert "filter" in looked_at.problem("/v1/matrix", 422)["detail"]
    looked_at.problem("/v1/matrix", 404, batch="B99-9999")
    both = looked_at.problem("/v1/matrix", 422, batch="B26-0117", filter="status eq 'Complete'")
    assert "not both" in both["detail"]
    many = looked_at.client.post("/v1/matrix", json={"batches": ["B26-0117"] * 1001})
    assert many.status_code == 422
    assert many.json()["type"] == "urn:plantwide:problem:too-much-asked"


def test_a_group_named_twice_is_one_group(looked_at: Counter) -> None:
    once = looked_at.get("/v1/matrix", batch="B26-0117", group=["cqa", "raw"])
    assert looked_at.get("/v1/matrix", batch="B26-0117", group=["cqa", "raw"] * 3) == once


def test_an_address_takes_as_long_a_filter_as_a_list_does(looked_at: Counter) -> None:
    long = "code eq 'B26-0117'" + " or code eq 'no such batch'" * 90
    assert len(long) > 2000
    assert len(looked_at.get("/v1/matrix", filter=long)["items"]) == 1
