"""The commands: what a person types comes in, what was done and where to look comes out."""

import gc

# Nearly all that a command makes stays to its end: looking for rubbish every 700 objects costs a tenth of it.
gc.set_threshold(50_000, 20, 20)

from hub.cli.root import app  # noqa: E402 - so that it holds while the modules are read

__all__ = ["app"]
