"""An export of the trail: rows with proofs, the signed head, and a program that checks them anywhere."""

import base64
from dataclasses import dataclass
from pathlib import Path

import orjson

from hub.store.database import Database
from hub.store.seal import verifier
from hub.store.seal.heads import list_keys, newest_head
from hub.store.seal.reading import find_row, read_sealed


class NothingSealed(Exception):
    """No head has been signed yet, so nothing can be proved; run `plantwide audit seal` first."""


@dataclass(frozen=True)
class Exported:
    """How many rows were written, under which key, and what stands beside them."""

    rows: int
    key_id: str
    verifier: Path
    command: str
    """How openssl checks the head's signature by itself."""


def export_trail(database: Database, out: Path, *, entity: str | None = None) -> Exported:
    """Write the sealed rows (of one thing when named) to `out` and what checks them beside it.

    Raises `NothingSealed`, and as `find_row` for a thing that is not known.
    """
    with database.read() as connection:
        head = newest_head(connection)
        if head is None:
            raise NothingSealed("nothing is sealed yet; run `plantwide audit seal` first")
        thing = None if entity is None else find_row(connection, entity)
        public = next(k.public for k in list_keys(connection) if k.public.key_id == head.key_id)
        rows = 0
        body = out.with_name(f"{out.name}.part")
        with body.open("wb") as lines:
            for row in read_sealed(connection, head, thing):
                lines.write(orjson.dumps(row) + b"\n")
                rows += 1
    scope = None if thing is None else f"{thing.table}/{thing.row_id}"
    first = orjson.dumps({**head.as_json(), "public_key": public.text, "rows": rows, "entity": scope})
    with out.open("wb") as whole, body.open("rb") as lines:
        whole.write(first + b"\n")
        while part := lines.read(1 << 20):
            whole.write(part)
    body.unlink()
    program = _beside(out, "verify.py")
    program.write_text(Path(verifier.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    text, signature, key = (_beside(out, end) for end in ("head.txt", "head.sig", "key.pem"))
    text.write_bytes(head.message)
    signature.write_bytes(base64.b64decode(head.signature))
    key.write_text(public.pem, encoding="utf-8")
    command = f"openssl pkeyutl -verify -pubin -rawin -inkey {key} -sigfile {signature} -in {text}"
    return Exported(rows, head.key_id, program, command)


def _beside(out: Path, end: str) -> Path:
    return out.with_name(f"{out.stem}.{end}")
