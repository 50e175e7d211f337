"""THE OUTBOX: audit rows come in; what others may be told goes out, in the order it became known."""
