"""Steps that take away what is kept no longer."""
