"""MIND: statements come in; what they are about goes out: things, their names, what counts, what clashes."""
