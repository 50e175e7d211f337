"""What instruments' files mean, what can be wrong with them, and files that need a converter."""

import importlib.util
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.asm import Asm, AsmConfig
from hub.model import Record, Sample, TestResult
from hub.sdk import BadRecord, Document, Misconfigured, Page, Rejected
from tests.connectors.asm.files import HEAD, asm, flex2, measurement, row

ALLOTROPY = os.environ.get("PLANTWIDE_ALLOTROPY_PYTHON") or (
    sys.executable if importlib.util.find_spec("allotropy") else None
)

LACKING = (
    "allotropy: install the extra `allotrope`, or set PLANTWIDE_ALLOTROPY_PYTHON to a Python that has it"
)


def parse(text: str, form: str = "asm", **settings: Any) -> list[Record | Rejected]:
    config = AsmConfig.model_validate({"root": "/", "timezone": "Etc/UTC", **settings})
    return list(Asm(config).parse(Document(object_type=form, key="f", payload=text)))


def results(parts: list[Record | Rejected]) -> list[TestResult]:
    return [part for part in parts if isinstance(part, TestResult)]


def pages(root: Path, cursor: dict[str, Any] | None = None, **settings: Any) -> list[Page]:
    return list(Asm(AsmConfig.model_validate({"root": root, **settings})).read("results", cursor))


# ------------------------------------------------------------------------------------- meaning
def test_a_sample_has_its_batch_vessel_and_values_as_written() -> None:
    sample, *values = parse(flex2(row()), "flex2", timezone="America/New_York")
    assert isinstance(sample, Sample)
    assert (sample.code, sample.batch and sample.batch.value) == ("S-1", "B1")
    assert sample.equipment is not None
    assert (sample.equipment.value, sample.sample_type) == ("BR-1", "Default")
    gln, gluc, ph = results(values)
    assert (gln.test_code, gln.property, gln.value.text, gln.value.unit) == (
        "glutamine", "molar concentration", "0.560", "mmol/L",
    )  # fmt: skip
    assert (gluc.value.comparator, gluc.value.value, gluc.value.unit) == ("<", 0.2, "g/L")
    assert ph.value.unit == "[pH]"
    assert gln.measured_at == datetime(2021, 2, 18, 15, 28, 4, tzinfo=UTC)
    assert gln.analyst is not None
    assert gln.analyst.value == "Ann"


@pytest.mark.parametrize(
    ("at", "order", "read"),
    [
        ("6-24-2022  14:34:52", "mdy", "2022-06-24T14:34:52"),
        ("24-6-2022  14:34:52", "dmy", "2022-06-24T14:34:52"),
        ("1/2/2020 16:20", "mdy", "2020-01-02T16:20:00"),
        ("1/2/2020 16:20", "dmy", "2020-02-01T16:20:00"),
        ("2020-02-01 16:20:01", "mdy", "2020-02-01T16:20:01"),
    ],
)
def test_times_are_read_in_the_order_that_the_settings_say(at: str, order: str, read: str) -> None:
    value = results(parse(flex2(row(at=at)), "flex2", date_order=order))[0]
    assert value.measured_at == datetime.fromisoformat(read).replace(tzinfo=UTC)


def test_a_time_of_the_other_order_or_without_a_zone_is_refused_with_what_to_do() -> None:
    wrong = parse(flex2(row(at="24/6/2022 14:34")), "flex2")
    assert next(r.reason for r in wrong if isinstance(r, Rejected)).endswith("no time with `date_order` mdy")
    naive = parse(flex2(row()), "flex2", timezone=None)
    assert {"timezone" in f"{r.reason} {r.remedy}" for r in naive if isinstance(r, Rejected)} == {True}, naive


def test_the_batch_may_be_part_of_the_samples_name() -> None:
    text = flex2(row("B26-0117_d03", ""))
    (sample,) = (
        p for p in parse(text, "flex2", batch_pattern=r"^(?P<batch>B\d+-\d+)_") if isinstance(p, Sample)
    )
    assert sample.batch is not None
    assert sample.batch.value == "B26-0117"
    with pytest.raises(ValidationError, match="no group"):
        AsmConfig(root=Path("/"), batch_pattern="B.*")
    with pytest.raises(ValidationError, match="no regular expression"):
        AsmConfig(root=Path("/"), batch_pattern="(")


def test_one_name_in_two_batches_is_two_samples() -> None:
    samples = [p for p in parse(flex2(row("P1", "B1"), row("P1", "B2")), "flex2") if isinstance(p, Sample)]
    assert [(s.code, s.batch and s.batch.value) for s in samples] == [("P1", "B1"), ("P1", "B2")]


def test_a_model_has_analytes_peaks_and_calculated_values_with_their_sample() -> None:
    peaks = [{"written name": "Monomer", "peak area": {"value": 98.50, "unit": "mAU.s"}}]
    text = asm(
        measurement(
            **{
                "absorbance": {"value": 1.250, "unit": "mAU"},
                "processed data aggregate document": {
                    "processed data document": [{"peak list": {"peak": peaks}}]
                },
                "chromatogram data cube": {"data": {"measures": [[1, 2]]}},
                "device control aggregate document": {"flow": {"value": 1, "unit": "mL/min"}},
            }
        ),
        **{
            "calculated data aggregate document": {
                "calculated data document": [
                    {
                        "calculated data name": "ratio of a ratio",
                        "calculated datum": {"value": 2, "unit": "(unitless)"},
                        "data source aggregate document": {
                            "data source document": [{"data source identifier": "C1"}]
                        },
                    },
                    {
                        "calculated data identifier": "C1",
                        "calculated data name": "ratio",
                        "calculated datum": {"value": 4, "unit": "(unitless)"},
                        "data source aggregate document": {
                            "data source document": [{"data source identifier": "M1"}]
                        },
                    },
                ]
            }
        },
    )
    told = {(r.test_code, r.property, r.kind, r.value.text, r.value.unit) for r in results(parse(text))}
    assert told == {
        ("absorbance", None, "measured", "1.25", "10*-3{AU}"),
        ("Monomer", "peak area", "measured", "98.5", "10*-3{AU}.s"),
        ("ratio", None, "calculated", "4", "1"),
        ("ratio of a ratio", None, "calculated", "2", "1"),
    }
    (sample,) = (p for p in parse(text) if isinstance(p, Sample))
    assert {r.sample for r in results(parse(text))} == {sample.key}
    assert results(parse(text))[0].measured_at == datetime(2024, 1, 2, 8, 4, 5, tzinfo=UTC)


def test_what_a_converter_could_not_turn_into_a_number_is_what_the_instrument_said() -> None:
    analyte = {
        "analyte name": "lactate",
        "mass concentration": {"value": -0.0, "unit": "g/L"},
        "custom information document": {"flag": "< 0.02", "analyte code": "LAC2B"},
    }
    (value,) = results(
        parse(asm(measurement("S-1", **{"analyte aggregate document": {"analyte document": [analyte]}})))
    )
    assert (value.value.comparator, value.value.value, value.status) == ("<", 0.02, "< 0.02")
    assert value.property == "mass concentration, LAC2B"


# ----------------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("asm", "{", "no JSON"),
        ("asm", "[" * 100_000, "no JSON"),
        ("asm", "{}", r"no \$asm.manifest"),
        ("flex2", "Sample ID,Gln\n1,2\n", "header lacks Date & Time"),
        ("vi_cell_blu", "", "header lacks Sample ID"),
        ("cedex_bioht", "40\tx\n", "no header line"),
        ("poem", "roses", "nothing reads poem"),
    ],
)
def test_a_file_that_is_something_else_is_refused(form: str, text: str, said: str) -> None:
    with pytest.raises(BadRecord, match=said):
        parse(text, form)


@pytest.mark.parametrize(
    ("form", "text", "where"),
    [
        ("asm", asm(measurement(None), measurement(pH={"value": 7.1, "unit": "pH"})), "measurement 1/1"),
        ("flex2", flex2(row(""), row()), "line 2"),
        ("cedex_bioht", "0\tt\t#ARC-FILE#\t\t\t\t\t\t6.0\tAnn\n40\t2023-09-15 16:55:51\tS\n", "line 2"),
        ("flex2", flex2(row(gln="1.0"), head=HEAD.replace("Gln", "Osm")).replace("mosm", ""), None),
    ],
)
def test_a_part_that_cannot_be_read_leaves_the_rest(form: str, text: str, where: str | None) -> None:
    parts = parse(text, form)
    assert [part.where for part in parts if isinstance(part, Rejected)] == ([where] if where else [])
    assert form == "cedex_bioht" or results(parts)


def test_a_model_that_is_nested_without_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"x": deep}
    (refused,) = parse(asm(measurement(deep=deep)))
    assert isinstance(refused, Rejected)
    assert "nested deeper" in refused.reason


def test_files_are_recognised_and_those_of_nobody_wait_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(asm(measurement()), encoding="utf-8")
    (tmp_path / "b.csv").write_bytes(flex2(row()).encode("utf-16"))
    (tmp_path / "c.txt").write_text("0\tt\t#ARC-FILE#\n", encoding="utf-8-sig")
    (tmp_path / "d.csv").write_text("something;else\n", encoding="utf-8")
    (tmp_path / "e.csv").write_bytes(b"caf\xe9")
    (page,) = pages(tmp_path)
    assert sorted((d.key, d.object_type) for d in page.documents) == [
        ("a.json", "asm"), ("b.csv", "flex2"), ("c.txt", "cedex_bioht"),
    ]  # fmt: skip
    told = {r.key: r.remedy for r in page.rejected}
    assert set(told) == {"d.csv", "e.csv"}
    assert "`vendor`" in str(told["d.csv"])
    assert told["e.csv"] == "set `encoding`"


def test_a_large_file_waits_and_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "large.csv").write_bytes(b" " * (1024 * 1024 + 1))
    (tmp_path / "out.csv").write_text(flex2(row()), encoding="utf-8")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "out.csv")
    (page,) = pages(tmp_path / "in", max_mib=1)
    assert page.documents == []
    assert [(r.key, r.remedy) for r in page.rejected] == [("large.csv", "raise `max_mib`")]


# ------------------------------------------------------------------------------------ converting
def test_without_allotropy_the_check_says_how_to_get_it(tmp_path: Path) -> None:
    lacking = tmp_path / "python"
    lacking.write_text(f'#!{sys.executable}\nprint(\'{{"lacking": "no module"}}\')\n', encoding="utf-8")
    lacking.chmod(0o700)
    for python in (lacking, tmp_path / "nowhere"):
        asm_of = Asm(AsmConfig(root=tmp_path, vendor="QIACUITY_DPCR", python=python))
        with pytest.raises(Misconfigured, match=r"allotropy is not installed|cannot be run") as said:
            asm_of.check()
        assert "environment of its own" in str(said.value.remedy)


def test_a_converter_that_dies_or_hangs_leaves_its_files_in_quarantine(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a", encoding="utf-8")
    (tmp_path / "b.csv").write_text("b", encoding="utf-8")
    for script, said in (
        ("import sys; print('{\"model\": {}}', flush=True); sys.exit('out of memory')", "out of memory"),
        ('import time; print(\'{"error": "bad"}\', flush=True); time.sleep(60)', "`convert_s`"),
    ):
        python = tmp_path / "python"
        python.write_text(f"#!{sys.executable}\n{script}\n", encoding="utf-8")
        python.chmod(0o700)
        (page,) = pages(tmp_path, vendor="QIACUITY_DPCR", python=python, convert_s=1.0)
        assert len(page.documents) + len(page.rejected) == 2
        assert any(said in r.reason for r in page.rejected)


@pytest.mark.parametrize(
    ("folder", "vendor", "globs"),
    [
        ("qiacuity_dpcr/testdata", "QIACUITY_DPCR", ["*example01.csv", "*example04.csv"]),
        ("cytiva_unicorn/testdata", "CYTIVA_UNICORN", ["unicorn_1.zip"]),
        ("benchling_empower/testdata/input", "BENCHLING_EMPOWER", ["example_01.json"]),
    ],
)
@pytest.mark.skipif(ALLOTROPY is None, reason=LACKING)
def test_other_instruments_are_converted_as_published(
    shared_folder: Path, folder: str, vendor: str, globs: list[str]
) -> None:
    root = shared_folder / "data" / "instruments" / folder
    settings = {"globs": globs, "vendor": vendor, "form": "allotropy", "python": ALLOTROPY}
    (page,) = pages(root, **settings)
    assert page.rejected == []
    for document in page.documents:
        name = f"{Path(document.key).stem}.json"
        golden = root / name if root.name == "testdata" else root.parent / "output" / name
        ours, theirs = (
            sorted((r.test_code, r.property or "", r.value.text) for r in results(parse(text)))
            for text in (document.payload, json.dumps(json.loads(golden.read_text(encoding="utf-8"))))
        )
        assert ours == theirs
        assert ours


@pytest.mark.skipif(ALLOTROPY is None, reason=LACKING)
def test_a_vendor_that_allotropy_does_not_know_is_refused_with_those_that_it_does(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="knows no POEMS") as said:
        Asm(AsmConfig(root=tmp_path, vendor="POEMS", python=Path(ALLOTROPY or ""))).check()
    assert "QIACUITY_DPCR" in str(said.value.remedy)
