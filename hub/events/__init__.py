"""THE HERALD: what became known comes in; signed events go out, in order, to whoever asked to be told."""
