"""What the pages say about the role for BI tools, done as they say it: the role is made, and gone after the tests."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from hub.cli import app
from tests.house.tree import ROOT

ROLE = f"bi_reader_{os.getpid()}"
"""Roles are of the whole server."""
DRIVER = "PostgreSQL Unicode"


def read_page(name: str) -> str:
    """Give a page of the docs, with the role of this process."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8").replace("bi_reader", ROLE)


def find_block(page: str, kind: str) -> str:
    """Give the one block of a kind: a language, and after a blank the block's title where it has one."""
    language, _, title = kind.partition(" ")
    fence = f'{language} title="{title}"' if title else language
    (body,) = re.findall(rf"^```{fence}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(body)


@contextmanager
def made_reader(database: str) -> Iterator[URL]:
    """Make the role as `docs/mart.md` says; give the address with which a tool comes in."""
    page, url = read_page("mart.md"), make_url(database)
    plain = url.set(drivername="postgresql")
    _, *words = find_block(page, "sh").split()
    done = CliRunner().invoke(app, [*words, "--database", url.render_as_string(hide_password=False)])
    assert done.exit_code == 0, done.output
    with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(find_block(page, "sql role").encode())
        try:
            yield plain.set(username=ROLE, password="choose-one")
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(ROLE)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def require_driver() -> None:
    """Skip where unixODBC or the driver of the page is not installed."""
    known = shutil.which("odbcinst") and subprocess.run(
        ["odbcinst", "-q", "-d"], capture_output=True, text=True, check=False
    )
    if shutil.which("isql") is None or not known or DRIVER not in known.stdout:
        pytest.skip("ODBC: isql or the driver is not installed (docs/mart.md says how on Debian)")


def odbc_source(reader: URL) -> str:
    """Give the data source of the page for this server."""
    source = find_block(read_page("mart.md"), "ini")
    told = {"Servername": reader.host, "Port": reader.port or 5432, "Database": reader.database}
    for name, value in {**told, "SSLmode": "prefer"}.items():
        source = re.sub(rf"^{name} = .*$", f"{name} = {value}", source, flags=re.MULTILINE)
    return source
