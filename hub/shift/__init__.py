"""THE SHIFT: sources and a store come in; they are read, resolved and read again when due; out comes what was done."""
