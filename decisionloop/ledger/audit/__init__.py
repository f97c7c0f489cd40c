"""The audit chain of a ledger: sealing what is new, verifying what is there, proving one decision, erasing a person."""
