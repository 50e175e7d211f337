"""`plantwide mcp`: the tools for agents over standard input and output."""

import os

import typer

from hub.cli.opening import DatabaseOption, DataOption, fail, open_noting, open_store, read_settings

KEY = "PLANTWIDE_KEY"


def mcp(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Serve one agent (MCP over standard input and output) with the key in PLANTWIDE_KEY; it only reads."""
    from hub.agents.door import is_installed, serve_standard_streams

    if not is_installed():
        fail("the extra is not installed; run `pip install 'plantwide[mcp]'`")
    key = os.environ.pop(KEY, "")
    if not key:
        fail(f"put a key with the scope read into the environment as {KEY} (`plantwide key create`)")
    from hub.agents.asking import Asker
    from hub.api.app import create_app, issue_login, read_version

    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store:
        noted = open_noting(settings, store)
        app = create_app(store, noting=noted[0] if noted else None)
        try:
            issue_login(app, key)
        except PermissionError as error:
            fail(str(error))
        typer.echo("plantwide: tools for agents on standard input and output", err=True)
        if noted is not None:
            noted[1].start()
        try:
            serve_standard_streams(Asker(app, {"x-api-key": key}), version=read_version())
        finally:
            if noted is not None:
                noted[1].stop()
