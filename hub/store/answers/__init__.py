"""ANSWERS: a question about batches, lots, tags or sources comes in, plain dictionaries and Arrow go out."""
