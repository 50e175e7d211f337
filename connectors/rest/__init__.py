"""REST: any JSON API comes in as described by settings, documents and the records that they state go out."""

from connectors.rest.connector import Rest
from connectors.rest.settings import RestConfig

__all__ = ["Rest", "RestConfig"]
