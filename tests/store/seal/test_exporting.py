"""An export is checked by its own program with bare Python: whatever was changed in it is named."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from hub.store.database import Database
from hub.store.seal import verifier
from hub.store.seal.export import NothingSealed, export_trail
from hub.store.seal.signing import Signer
from tests.conftest import _copied
from tests.store.seal.scenes import seal_twice

BARE = (sys.executable, "-I", "-S")
"""Python without the packages of its environment, user or site."""


@pytest.fixture(scope="module")
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an export of a whole trail of 19 rows, with the heads that left the store."""
    folder = tmp_path_factory.mktemp("exported")
    with _copied(request, "sqlite", folder) as url:
        seal_twice(url, folder)
        database = Database(url)
        export_trail(database, folder / "trail.jsonl")
        export_trail(database, folder / "source.jsonl", entity="source_system/1")
        database.close()
        yield folder


def read(folder: Path, name: str = "trail.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
    return file


def check(*words: str | Path) -> tuple[int, str]:
    """Run the check in this process: what it says and its exit status."""
    done = verifier_main(*words)
    return done.returncode, done.stdout


def verifier_main(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(verifier.__file__)
    return subprocess.run(
        [*BARE, program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_program_beside_an_export_runs_with_bare_python_and_is_content(exported: Path) -> None:
    key_id = read(exported)[0]["key_id"]
    done = subprocess.run(
        [
            *BARE,
            exported / "trail.verify.py",
            exported / "trail.jsonl",
            key_id,
            "--heads",
            exported / "heads.jsonl",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "19 rows (the whole trail)" in done.stdout
    assert f"with key {key_id}: all is well" in done.stdout


def test_the_program_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(verifier.__file__).read_text(encoding="utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names


def test_two_hundred_flipped_bits_are_each_found_and_the_line_or_row_named(exported: Path) -> None:
    content, random = (exported / "trail.jsonl").read_bytes(), Random(3)
    starts = [0, *(at + 1 for at, byte in enumerate(content) if byte == 10)]
    for _ in range(200):
        at = random.randrange(len(content))
        changed = bytearray(content)
        changed[at] ^= 1 << random.randrange(8)
        number = max(n for n, start in enumerate(starts) if start <= at)
        try:
            _, _, wrong = verifier.check(iter(bytes(changed).splitlines(keepends=True)))
        except verifier.BAD:
            wrong = ["head: it cannot be read"] if number == 0 else []
        place = "" if number == 0 else f"line {number + 1}:"
        assert [fault for fault in wrong if place in fault], bytes(changed[at - 20 : at + 20])


def test_a_bit_flipped_in_a_row_is_named_by_the_program(exported: Path, tmp_path: Path) -> None:
    rows = read(exported)
    rows[5]["actor"] = "tess"
    status, said = check(write(tmp_path / "t.jsonl", rows))
    assert status == 1
    assert "row 4, line 6: it is not what its hash was made over" in said


def test_a_tail_cut_off_is_found_even_when_the_count_is_made_to_fit(exported: Path, tmp_path: Path) -> None:
    head, *rows = read(exported)
    status, said = check(write(tmp_path / "a.jsonl", [head, *rows[:-2]]))
    assert (status, "19 rows were exported and 17 are here" in said) == (1, True)
    status, said = check(write(tmp_path / "b.jsonl", [{**head, "rows": 17}, *rows[:-2]]))
    assert (status, "the head covers 19 rows and 17 are here" in said) == (1, True)


def test_an_export_of_a_store_whose_tail_was_cut_is_found_by_the_heads_outside(
    exported: Path, tmp_path: Path
) -> None:
    """The older head is rightly signed, and all rows are in it: only a newer head outside tells."""
    _, *rows = read(exported)
    key, first, _ = read(exported, "heads.jsonl")
    head = {**first, "public_key": key["public_key"], "rows": 16, "entity": None}
    old = [{**row, "proof": prove(rows, row["seq"], 16)} for row in rows[:16]]
    file = write(tmp_path / "t.jsonl", [head, *old])
    assert check(file)[0] == 0
    status, said = check(file, "--heads", exported / "heads.jsonl")
    assert status == 1
    assert "its last 3 rows were cut off" in said


def prove(rows: list[dict[str, Any]], seq: int, size: int) -> list[str]:
    """Give the audit path of a row in a perfect tree."""
    level, path = [verifier.hash_leaf(row) for row in rows[:size]], list[str]()
    while len(level) > 1:
        path.append(level[seq ^ 1].hex())
        seq, level = seq // 2, [verifier.hash_children(*level[at : at + 2]) for at in range(0, len(level), 2)]
    return path


def test_a_wrong_signature_and_another_key_are_found(exported: Path, tmp_path: Path) -> None:
    head, *rows = read(exported)
    other = Signer.make()
    forged = {**head, "signature": other.sign(b"another text")}
    status, said = check(write(tmp_path / "a.jsonl", [forged, *rows]))
    assert (status, "head: the signature is wrong" in said) == (1, True)
    own = {**head, "key_id": other.public.key_id, "public_key": other.public.text}
    text = "plantwide tree head\nsize {size}\nroot {root}\nat {at}\nkey {key_id}\n".format(**own)
    file = write(tmp_path / "b.jsonl", [{**own, "signature": other.sign(text.encode())}, *rows])
    status, said = check(file, head["key_id"])
    assert (status, f"it is signed with key {other.public.key_id}, not with {head['key_id']}" in said) == (
        1,
        True,
    )


def test_rows_in_another_order_or_of_another_thing_are_found(exported: Path, tmp_path: Path) -> None:
    head, *rows = read(exported)
    status, said = check(write(tmp_path / "a.jsonl", [head, rows[1], rows[0], *rows[2:]]))
    assert (status, "row 0 should stand here" in said) == (1, True)
    head, *rows = read(exported, "source.jsonl")
    assert [row["version"] for row in rows] == [1, 2]
    assert check(exported / "source.jsonl")[0] == 0
    status, said = check(write(tmp_path / "b.jsonl", [{**head, "entity": "batch/1"}, *rows]))
    assert (status, "it is of another thing than the export" in said) == (1, True)
    status, said = check(write(tmp_path / "c.jsonl", [{**head, "rows": 1}, rows[1]]))
    assert (status, "row 15, line 2: it does not continue the row before it" in said) == (1, True)


def test_an_export_of_one_thing_says_that_it_does_not_show_where_its_rows_end(
    exported: Path, tmp_path: Path
) -> None:
    """Nothing that is signed tells how many rows a thing has, so the newest can be left out unseen."""
    head, *rows = read(exported, "source.jsonl")
    file = write(tmp_path / "cut.jsonl", [{**head, "rows": 1}, rows[0]])
    unsaid = "whether later rows of it were left out is not shown"
    for words in ((file,), (file, "--heads", exported / "heads.jsonl"), (exported / "source.jsonl",)):
        status, said = check(*words)
        assert (status, unsaid in said) == (0, True)
    assert unsaid not in check(exported / "trail.jsonl")[1]


def test_what_is_no_export_is_told_so(tmp_path: Path) -> None:
    for content in ("", "{}\n", "[1]\n", "no json\n"):
        (tmp_path / "t.jsonl").write_text(content)
        assert check(tmp_path / "t.jsonl")[0] in {1, 2}
    assert check(tmp_path / "not there.jsonl")[0] == 2


def test_an_unsealed_store_exports_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(NothingSealed, match="run `plantwide audit seal` first"):
        export_trail(database, tmp_path / "t.jsonl")
    assert not (tmp_path / "t.jsonl").exists()


# ------------------------------------------------------------------ Ed25519
RFC_8032 = (  # 7.1, TEST 1 to 3: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_published_signatures_are_accepted(public: str, message: str, signature: str) -> None:
    assert verifier.is_signed(bytes.fromhex(message), bytes.fromhex(signature), bytes.fromhex(public))


@hypothesis.settings(max_examples=25)
@hypothesis.given(st.binary(max_size=80), st.binary(min_size=32, max_size=32), st.integers(0, 511))
def test_a_signature_is_judged_as_the_package_cryptography_judges_it(
    message: bytes, seed: bytes, bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verifier.is_signed(message, signature, public)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verifier.is_signed(message, bytes(changed), public)
    assert not verifier.is_signed(message + b"!", signature, public)


def test_a_signature_with_the_group_order_added_or_of_another_length_is_refused() -> None:
    public, message, signature = (bytes.fromhex(text) for text in RFC_8032[1])
    number = int.from_bytes(signature[32:], "little") + verifier.ORDER
    assert not verifier.is_signed(message, signature[:32] + number.to_bytes(32, "little"), public)
    assert not verifier.is_signed(message, signature[:63], public)
    assert not verifier.is_signed(message, signature, b"\xff" * 32)
    assert not verifier.is_signed(message, signature, public[:31])
