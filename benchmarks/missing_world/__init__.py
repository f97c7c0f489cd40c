"""A small simulated world whose outcomes come late, in holes or never, for reasons that only it knows."""
