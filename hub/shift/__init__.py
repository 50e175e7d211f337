"""THE SHIFT: sources and a store come in, read and resolved again whenever due; out comes what was done."""
