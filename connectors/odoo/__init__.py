"""Odoo's rows come in (orders, work orders, lots, stock moves, quality), ISA-95 facts go out."""

from connectors.odoo.config import OdooConfig
from connectors.odoo.connector import Odoo

__all__ = ["Odoo", "OdooConfig"]
