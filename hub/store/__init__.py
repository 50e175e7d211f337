"""MEMORY: records, decisions and samples come in, rows and answers go out; the only room that knows tables."""
