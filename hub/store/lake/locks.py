"""Keys of the advisory locks of PostgreSQL that puts and folds share."""

PUTTING = 0x506C616E76
"""Held in common by transactions that put samples, and alone by whoever asks which puts are committed."""
