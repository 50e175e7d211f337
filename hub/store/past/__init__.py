"""THE PAST: an instant comes in; what the hub knew then goes out, to the queries that read the present."""
