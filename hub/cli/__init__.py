"""The commands: what a person types comes in, what was done and where to look comes out."""

from hub.cli.root import app

__all__ = ["app"]
