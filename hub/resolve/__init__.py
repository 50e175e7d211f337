"""MIND: statements come in, and what they are about goes out: things, their names, what counts, what conflicts."""
