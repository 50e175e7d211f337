"""B2MML and BatchML documents of a MES come in from a folder or over HTTP, ISA-88/95 facts go out.

The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International.
"""

from connectors.b2mml.config import B2mmlConfig
from connectors.b2mml.connector import B2mml

__all__ = ["B2mml", "B2mmlConfig"]
