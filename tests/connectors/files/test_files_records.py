"""What happens to tables that grow, are rewritten, are half written, or are wrong."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.files import Files, FilesConfig
from hub.model import Batch, Record
from hub.sdk import Cursor, Document, Misconfigured, Rejected, Unavailable

HEAD = "batch,size,unit\n"


def make(root: Path, **stream: Any) -> Files:
    """Give the connector with one stream of batches in `*.csv`."""
    written = {
        "files": "*.csv",
        "key": "{batch}",
        "records": [
            {
                "record": "batch",
                "fields": {"id": "batch", "actual_size": {"path": "size", "unit_path": "unit"}},
            }
        ],
        **stream,
    }
    return Files(FilesConfig.model_validate({"root": str(root), "streams": {"batches": written}}))


def read(files: Files, cursor: Cursor | None = None) -> tuple[list[Document], list[Rejected], Cursor | None]:
    """Read one stream to its end."""
    documents: list[Document] = []
    rejected: list[Rejected] = []
    for page in files.read("batches", cursor):
        documents += page.documents
        rejected += page.rejected
        cursor = page.cursor
    return documents, rejected, cursor


def keys(documents: list[Document]) -> list[str]:
    """Name the documents."""
    return [document.key for document in documents]


def test_a_growing_file_is_read_from_where_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEAD + "1,2,kg\n")
    _, _, cursor = read(make(tmp_path))
    with file.open("a") as end:
        end.write("2,3,kg\n")
    documents, _, cursor = read(make(tmp_path), cursor)
    assert keys(documents) == ["2"]
    assert read(make(tmp_path), cursor)[0] == []


@pytest.mark.parametrize("text", [HEAD + "1,9,kg\n2,3,kg\n", HEAD + "7,1,kg\n"], ids=["changed", "shortened"])
def test_a_rewritten_file_is_read_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEAD + "1,2,kg\n2,3,kg\n")
    _, _, cursor = read(make(tmp_path))
    file.write_text(text)
    os.utime(file, (1, 1))
    assert len(read(make(tmp_path), cursor)[0]) == text.count("\n") - 1


def test_a_half_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEAD + "1,2,kg\n2,3")
    documents, rejected, cursor = read(make(tmp_path, settle_s=3600))
    assert (keys(documents), rejected) == (["1"], [])
    with file.open("a") as end:
        end.write("7,kg\n")
    documents, _, _ = read(make(tmp_path), cursor)
    assert [document.payload for document in documents] == ['{"batch":"2","size":"37","unit":"kg"}']


def test_a_last_line_without_line_end_counts_once_the_file_has_settled(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEAD + "1,2,kg\n2,3,kg")
    documents, _, cursor = read(make(tmp_path, settle_s=3600))
    assert keys(documents) == ["1"]
    os.utime(file, (1, 1))
    documents, _, cursor = read(make(tmp_path, settle_s=3600), cursor)
    assert keys(documents) == ["2"]
    assert read(make(tmp_path), cursor)[0] == []


def test_a_bad_row_is_rejected_with_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,2,kg\n2,3\n\n3,4,kg\n")
    documents, rejected, _ = read(make(tmp_path))
    assert keys(documents) == ["1", "3"]
    assert [(r.where, r.reason, r.payload) for r in rejected] == [
        ("a.csv:3", "2 cells where the header has 3", "2,3")
    ]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path: Path) -> None:
    rows = "".join(f"{n},2,kg\n" for n in range(300))
    (tmp_path / "a.csv").write_text(HEAD + '"x,2,kg\n' + rows)
    documents, rejected, _ = read(make(tmp_path))
    assert len(documents) == 300
    assert [r.where for r in rejected] == ["a.csv:2"]


def test_a_line_in_another_encoding_is_rejected_and_the_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"batch,size,unit\n1,2,kg\n\xb5x,3,kg\n")
    documents, rejected, _ = read(make(tmp_path))
    assert keys(documents) == ["1"]
    assert "set `encoding`" in rejected[0].reason
    assert keys(read(make(tmp_path, encoding="cp1252"))[0]) == ["1", "µx"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig", "cp1250"])
def test_encodings_are_read_and_resumed(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "Č1,2,kg\nŽਊ,3,kg\n"[: None if "utf" in encoding else 8], encoding)
    if "utf" not in encoding:
        assert keys(read(make(tmp_path, encoding=encoding))[0]) == ["Č1"]
        return
    files = make(tmp_path, encoding=encoding, page_rows=1)
    pages = list(files.read("batches", None))
    assert [d.key for p in pages for d in p.documents] == ["Č1", "Žਊ"]
    assert keys(read(files, pages[0].cursor)[0]) == ["Žਊ"]


def test_a_missing_column_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("batch,sise,unit\n1,2,kg\n")
    with pytest.raises(Misconfigured, match=r"a\.csv has no column size; it has batch, sise, unit"):
        make(tmp_path).check()
    with pytest.raises(Misconfigured, match="no column size"):
        read(make(tmp_path))
    assert keys(read(make(tmp_path, optional=["size"]))[0]) == ["1"]


def test_a_header_that_names_a_column_twice_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("batch,size,size,unit\n")
    with pytest.raises(Misconfigured, match="names size twice"):
        make(tmp_path).check()


def test_lines_before_the_header_and_tables_without_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("exported by X\n\n" + HEAD + "1,2,kg\n")
    assert keys(read(make(tmp_path, skip_lines=2))[0]) == ["1"]
    (tmp_path / "a.csv").write_text("1,2,kg\n2,2,kg\n")
    assert keys(read(make(tmp_path, names=["batch", "size", "unit"]))[0]) == ["1", "2"]


def test_an_unknown_unit_is_rejected_by_parse(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,2,stone\n")
    files = make(tmp_path)
    (part,) = files.parse(read(files)[0][0])
    assert isinstance(part, Rejected)
    assert part.where == "size -> batch.actual_size"


def test_nothing_beyond_the_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.csv").write_text(HEAD)
    (tmp_path / "root" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(Misconfigured, match=r"link\.csv leads outside"):
        make(tmp_path / "root").check()
    for glob in ("../*.csv", "/etc/*"):
        with pytest.raises(ValidationError, match="leaves the root"):
            make(tmp_path / "root", files=glob)


def test_a_snapshot_that_is_absent_or_half_written_deletes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no file matches"):
        read(make(tmp_path, snapshot=True))
    (tmp_path / "a.csv").write_text(HEAD + "1,2,kg\n2,3")
    with pytest.raises(Unavailable, match="still being written"):
        read(make(tmp_path, snapshot=True, settle_s=3600))


def test_a_snapshot_is_given_whole_each_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,2,kg\n2,3,kg\n")
    _, _, cursor = read(make(tmp_path, snapshot=True))
    assert keys(read(make(tmp_path, snapshot=True), cursor)[0]) == ["1", "2"]


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is no folder"):
        make(tmp_path / "gone").check()


def test_rows_written_in_the_settings_are_records_too(tmp_path: Path) -> None:
    files = make(tmp_path, files=(), rows=[{"batch": 1, "size": 2, "unit": "kg"}])
    documents, _, cursor = read(files)
    (made,) = files.parse(documents[0])
    assert isinstance(made, Record)
    assert isinstance(made, Batch)
    assert read(files, cursor)[0] == []


def test_each_combination_of_the_distinct_columns_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "ts,batch,size,unit\n" + "".join(f"{n},{n // 50},2,kg\n" for n in range(100))
    )
    files = make(tmp_path, distinct=["batch", "size", "unit"], page_rows=1)
    documents, _, cursor = read(files)
    assert [d.payload for d in documents] == [
        '{"batch":"0","size":"2","unit":"kg"}',
        '{"batch":"1","size":"2","unit":"kg"}',
    ]
    assert read(files, cursor)[0] == []
