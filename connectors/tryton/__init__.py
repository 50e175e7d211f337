"""Tryton's rows come in (productions, works, lots, moves, quality, laboratory), ISA-95 facts go out."""

from connectors.tryton.config import TrytonConfig
from connectors.tryton.connector import Tryton

__all__ = ["Tryton", "TrytonConfig"]
