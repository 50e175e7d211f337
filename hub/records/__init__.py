"""THE BATCH RECORD: assemble, review, sign, release. Nothing is here yet."""
