"""HANDS: source settings come in, connectors are run, and what they say is written down with its cursor."""
