"""Reading back what was decided: a batch in hand, its parts, its cohort, what releases said of it."""
