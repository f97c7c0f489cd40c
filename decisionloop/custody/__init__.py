"""What auditors, regulators and persons may ask of all that is stored: checkpoints, evidence, erasure, retention."""
