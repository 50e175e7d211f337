"""MEMORY: records, decisions and samples come in, rows and answers go out; it alone knows tables."""
