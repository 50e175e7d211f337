"""SENAITE's objects come in (samples, analyses, specifications, attachments), laboratory facts go out."""

from connectors.senaite.config import SenaiteConfig
from connectors.senaite.connector import Senaite

__all__ = ["Senaite", "SenaiteConfig"]
