"""A use case that decides a small batch a week, for ever: what each batch costs, however many came before it."""
