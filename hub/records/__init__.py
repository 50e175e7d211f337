"""THE BATCH RECORD: what is stored comes in; proofs that it is whole, and chains to its sources, go out."""
