"""A use case as large as it is asked for: 20 features from files, rules, a champion and a shadow of 200 trees."""
