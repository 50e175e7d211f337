"""`plantwide star …`: the star as Parquet files."""

import orjson
import typer

from hub.cli.opening import (
    DatabaseOption,
    DataOption,
    JsonOption,
    fail,
    make_desk,
    open_store,
    plain_errors,
    read_settings,
)
from hub.store.star.generations import Generations, StarBusy

app = typer.Typer(no_args_is_help=True)


@app.command("refresh")
def refresh_now(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Write the files whose rows have changed; a serving hub does so by itself."""
    from hub.store.star.writing import refresh

    settings = read_settings(data=data, database=database)
    with plain_errors(StarBusy), open_store(settings, writes=False) as store:
        done = refresh(store, settings.star_folder, clock=make_desk(store).clock)
    rows = sum(view.rows for view in done.manifest.views.values())
    typer.echo(
        f"{done.written} files written, {done.kept} kept: {rows:,} rows, {done.manifest.bytes:,} bytes "
        f"in {settings.star_folder / 'current'}"
    )


@app.command("stats")
def stats(data: DataOption = None, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Tell what lies in the files: rows and files of each view, as of when."""
    settings = read_settings(data=data, database=database)
    found = Generations(settings.star_folder).current()
    if found is None:
        fail(f"there are no files in {settings.star_folder}; `plantwide star refresh` writes them")
    manifest = found[1]
    if as_json:
        typer.echo(orjson.dumps(manifest.model_dump(mode="json")).decode())
        return
    for name, view in manifest.views.items():
        typer.echo(f"{name:24} {view.rows:>12,} rows in {len(view.parts):,} files")
    typer.echo(f"as known at {manifest.known_at}, written {manifest.written_at}, {manifest.bytes:,} bytes")
