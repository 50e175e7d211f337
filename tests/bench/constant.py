"""The least a web framework can do for a page: FastAPI that reads the same parameters and answers the same bytes."""

import os
from pathlib import Path

from fastapi import FastAPI, Response

from hub.api.parameters import AnyName, Cursor, Filter, Limit, Ordering

BODY = Path(os.environ["PLANTWIDE_BENCH_BODY"]).read_bytes()
app = FastAPI(openapi_url=None)


@app.get("/v1/batches")
def list_batches(
    filter: Filter = None,
    name: AnyName = None,
    order: Ordering = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Give the bytes."""
    del filter, name, order, cursor, limit
    return Response(BODY, media_type="application/json")
