"""The OpenAPI document as bytes, the same from the same code on every machine."""

import orjson

from hub.api.app import create_app
from hub.store.database import Database


def export_openapi() -> bytes:
    """Give the document as indented JSON with sorted keys and a final newline."""
    database = Database("sqlite://")  # never opened: the document comes from the routes alone
    try:
        document = create_app(database).openapi()
    finally:
        database.close()
    return orjson.dumps(
        document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    )
