"""THE SEAL: audit rows come in; a Merkle tree over them, signed heads for the outside, and proofs go out."""
