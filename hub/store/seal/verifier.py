"""Check an export of a Plantwide audit trail with Python's standard library alone.

    python3 trail.verify.py trail.jsonl [KEY_ID] [--heads heads.jsonl]

Each row must be what its hash was made over, continue the row before it in its thing's chain, and be in the
tree whose head is signed. Compare the key's id with the one that the hub's owner gave you, or name it. A file
of heads that was kept elsewhere shows besides that no row was cut off and that the past was not rewritten: of
the whole trail. An export of one thing shows that no row before its own is missing, but not where they end.
"""

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

CHAINED = (
    "prev_hash",
    "entity_type",
    "entity_id",
    "version",
    "action",
    "actor",
    "recorded_at",
    "reason",
    "before",
    "digest",
)
NULLABLE = ("prev_hash", "reason", "before", "digest")
ROW = {*CHAINED, "seq", "hash", "proof"}
HEAD = {"kind", "size", "root", "at", "key_id", "signature", "public_key", "rows", "entity"}
FIRST = {"version": 0, "hash": None, "digest": None}
ONE_THING = "of {entity}, in a trail of {size}: whether later rows of it were left out is not shown"
BAD = (ValueError, KeyError, TypeError, AttributeError)
Row = dict[str, Any]
Point = tuple[int, int, int, int]

# ------------------------------------------------------------------ Ed25519 (RFC 8032, 5.1)
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a: Point, b: Point) -> Point:
    """Add two points of the curve (RFC 8032, 5.1.4)."""
    low, high = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = high - low, d - c, d + c, high + low
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(number: int, point: Point) -> Point:
    """Add a point to itself so many times."""
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, point)
        point, number = add(point, point), number >> 1
    return found


def read_point(raw: bytes) -> Point:
    """Give the point that 32 bytes name (RFC 8032, 5.1.3). Raises `ValueError` when they name none."""
    number = int.from_bytes(raw, "little")
    y, is_odd = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(raw) != 32 or y >= P or x * x % P != square or (is_odd and not x):
        raise ValueError("no point of the curve")
    x = P - x if x & 1 != is_odd else x
    return x, y, 1, x * y % P


BASE = read_point(bytes.fromhex("58" + "66" * 31))


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Tell whether the owner of a public key signed a message (RFC 8032, 5.1.7)."""
    try:
        key, start = read_point(public), read_point(signature[:32])
    except ValueError:
        return False
    number = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or number >= ORDER:
        return False
    drawn = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = multiply(number, BASE), add(start, multiply(drawn, key))
    return (
        not (left[0] * right[2] - right[0] * left[2]) % P
        and not (left[1] * right[2] - right[1] * left[2]) % P
    )


# ------------------------------------------------------------------ rows and the tree (RFC 9162, 2.1)
def hash_row(row: Row) -> str:
    """Give the hash that a row must have."""
    parts = ["" if row[name] is None else str(row[name]) for name in CHAINED]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def hash_leaf(row: Row) -> bytes:
    """Give the hash of a row's leaf."""
    return hashlib.sha256(b"\x00" + row["hash"].encode()).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Give the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def climb(row: Row, size: int) -> str:
    """Give the root that a row's audit path leads to (RFC 9162, 2.1.3.2); empty for a malformed proof."""
    found, at, last = hash_leaf(row), row["seq"], size - 1
    if not 0 <= at <= last:
        return ""
    for text in row["proof"]:
        beside = bytes.fromhex(text)
        if len(beside) != 32 or beside.hex() != text or last == 0:
            return ""
        if at & 1 or at == last:
            found = hash_children(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hash_children(found, beside)
        at, last = at >> 1, last >> 1
    return "" if last else found.hex()


def give_roots(leaves: Iterable[bytes]) -> Iterator[str]:
    """Give the root of the tree after each leaf."""
    perfect: list[bytes] = []
    for number, leaf in enumerate(leaves):
        perfect.append(leaf)
        while number & 1:
            right, left = perfect.pop(), perfect.pop()
            perfect.append(hash_children(left, right))
            number >>= 1  # noqa: PLW2901 - one bit a level
        root = perfect[-1]
        for left in reversed(perfect[:-1]):
            root = hash_children(left, root)
        yield root.hex()


# ------------------------------------------------------------------ what is checked
def check_row(row: Row, head: Row, before: Row) -> str:
    """Say what is wrong with a row that comes after another in its thing's chain; empty when nothing is."""
    if row.keys() != ROW or hash_row(row) != row["hash"] or "" in [row[name] for name in NULLABLE]:
        return "it is not what its hash was made over"
    if climb(row, head["size"]) != head["root"]:
        return "it is not in the tree that the head was signed over"
    if head["entity"] not in {None, f"{row['entity_type']}/{row['entity_id']}"}:
        return "it is of another thing than the export"
    if row["version"] != before["version"] + 1 or row["prev_hash"] != before["hash"]:
        return "it does not continue the row before it"
    if row["before"] is not None and hashlib.sha256(row["before"].encode()).hexdigest() != before["digest"]:
        return "its image of what was before is not what the row before it left"
    return ""


def decode(text: str) -> bytes:
    """Give the bytes of base64 that is written in the one right way. Raises `ValueError` for any other."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise binascii.Error("not the way to write these bytes")
    return raw


def check_head(head: Row) -> str:
    """Say what is wrong with the head or its signature; empty when nothing is."""
    text = "plantwide tree head\nsize {size}\nroot {root}\nat {at}\nkey {key_id}\n".format(**head)
    public = decode(head["public_key"])
    if head.keys() != HEAD or head["kind"] != "head":
        return "it is not written as a head is"
    if hashlib.sha256(public).hexdigest()[:16] != head["key_id"]:
        return "the public key is not the one that the head names"
    return "" if is_signed(text.encode(), decode(head["signature"]), public) else "the signature is wrong"


def read_line(line: bytes) -> Row:
    """Give the object of a line. Raises `ValueError` for anything else."""
    found: Row = json.loads(line)
    if type(found) is not dict or not line.endswith(b"}\n"):
        raise ValueError("not a line of an export")
    return found


def check_rows(lines: Iterable[bytes], head: Row, leaves: list[bytes]) -> Iterator[str]:
    """Say what is wrong with rows; give their leaves on the way."""
    chains: dict[tuple[str, int], Row] = {}
    for number, line in enumerate(lines):
        try:
            row = read_line(line)
            thing = (row["entity_type"], row["entity_id"])
            fault = check_row(row, head, chains.get(thing, FIRST))
            if head["entity"] is None and not fault and row["seq"] != number:
                fault = f"row {number} should stand here"
            chains[thing] = {name: row[name] for name in FIRST}
            leaves.append(hash_leaf(row))
        except BAD:
            leaves.append(b"")
            yield f"line {number + 2}: it cannot be read"
            continue
        if fault:
            yield f"row {row.get('seq', 'without a number')}, line {number + 2}: {fault}"


def check_count(head: Row, rows: int) -> Iterator[str]:
    """Say how many rows are missing or too many."""
    if rows != head["rows"]:
        yield f"{head['rows']} rows were exported and {rows} are here"
    if head["entity"] is None and rows != head["size"]:
        yield f"the head covers {head['size']} rows and {rows} are here"


def check_outside(head: Row, leaves: Sequence[bytes], outside: Iterable[Row]) -> Iterator[str]:
    """Say which heads that were kept elsewhere these rows do not lead to."""
    roots = list(give_roots(leaves)) if head["entity"] is None else []
    for other in outside:
        size, name = other["size"], f"the head outside of {other['size']} rows, {other['at']}"
        if size > head["size"]:
            yield f"{name}: this export ends before it, or its last {size - head['size']} rows were cut off"
        elif (size == head["size"] and other["root"] != head["root"]) or (
            0 < size <= len(roots) and other["root"] != roots[size - 1]
        ):
            yield f"{name}: it covers other rows than these"


def read_heads(file: Path) -> tuple[list[Row], list[str]]:
    """Give the heads of a file of heads, and what is wrong with its lines."""
    heads: list[Row] = []
    wrong: list[str] = []
    for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1):
        try:
            row = read_line(line)
            if row["kind"] == "head":
                heads.append({"size": int(row["size"]), "root": row["root"], "at": row["at"]})
        except BAD:
            wrong.append(f"{file}: line {number} is neither a head nor a key")
    return heads, wrong if heads else [*wrong, f"{file}: there is no head in it"]


def check(lines: Iterator[bytes], outside: Iterable[Row] = ()) -> tuple[str, str, list[str]]:
    """Give what is here, the key's id, and what is wrong with it."""
    head = read_line(next(lines))
    try:
        fault = check_head(head)
    except ValueError:
        fault = "the signature or the key is not written as one is"
    wrong, leaves = [f"head: {fault}"] if fault else [], list[bytes]()
    wrong += check_rows(lines, head, leaves)
    wrong += check_count(head, len(leaves))
    wrong += check_outside(head, leaves, outside)
    scope = "the whole trail" if head["entity"] is None else ONE_THING.format(**head)
    return (
        f"{len(leaves)} rows ({scope}), signed {head['at']} with key {head['key_id']}",
        head["key_id"],
        wrong,
    )


def main(arguments: Sequence[str]) -> int:
    """Check the file; 0 when all is well, 1 when not, 2 when it cannot be read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("export", type=Path)
    parser.add_argument("key_id", nargs="?")
    parser.add_argument("--heads", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    try:
        files = [read_heads(file) for file in given.heads]
        with given.export.open("rb") as lines:
            found, key_id, wrong = check(iter(lines), [head for heads, _ in files for head in heads])
    except (OSError, StopIteration, *BAD) as error:
        sys.stdout.write(f"this is no export of an audit trail, or it was damaged: {error!r}\n")
        return 2
    wrong += [fault for _, faults in files for fault in faults]
    if given.key_id not in {None, key_id}:
        wrong.append(f"it is signed with key {key_id}, not with {given.key_id}")
    verdict = "WRONG" if wrong else "all is well"
    sys.stdout.write("".join(f"{fault}\n" for fault in wrong) + f"{found}: {verdict}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
