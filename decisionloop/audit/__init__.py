"""Proof of what was written down: commitments of rows, Merkle trees, the chain of their roots, signed checkpoints."""
