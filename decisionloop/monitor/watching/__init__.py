"""The sequence of watching, as pure functions: of a batch before it acts, and of a cohort when it is mature."""
