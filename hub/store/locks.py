"""Keys of PostgreSQL's advisory locks, all in one place so that no two are the same by accident.

Instants in microseconds are keys as well (`hub.store.order`), and so are digests of names
(`hub.store.presence`). A transaction that takes several takes them in the order in which they stand here.
"""

ALONE = 0x506C616E74
"""Held by the one transaction that changes the unified state."""
KEYS = 0x6B6579
"""Held while keys are made known."""
LOG = 0x73656C
"""Held by the one node that appends to the log."""
NAMING = 0x506C616E78
"""Held from the first new name of a tag to the commit: sampling and resolving both name what they meet."""
PUTTING = 0x506C616E76
"""Held in common by transactions that put samples, and alone by whoever asks which puts are committed."""
ARRIVALS = 0x506C616E77
"""Held while arrivals are numbered, to the commit."""
COMMITS = 0x506C616E75
"""Held while acts are put in order, one after another, until each has committed."""
