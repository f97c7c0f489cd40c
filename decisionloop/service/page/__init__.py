"""The live page: who decides now, what it earns and what waits for a person; and what people do about it."""
