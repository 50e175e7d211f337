"""A batch of the unified model comes in, documents of B2MML V7.0.1 go out, strictly as the schemas want them.

The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International.
"""

from hub.records.b2mml.documents import DOCUMENTS, KINDS, OF, Empty, Kind, write_all, write_document
from hub.records.b2mml.gathering import TooLarge

__all__ = ["DOCUMENTS", "KINDS", "OF", "Empty", "Kind", "TooLarge", "write_all", "write_document"]
