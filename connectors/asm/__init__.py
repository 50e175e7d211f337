"""Files of instruments come in, as Allotrope Simple Model or as they write them; results go out."""

from connectors.asm.connector import Asm
from connectors.asm.settings import AsmConfig

__all__ = ["Asm", "AsmConfig"]
