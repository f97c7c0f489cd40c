"""The features of the large batch are the columns of its files."""


def features(known, as_of):
    """What was known, without when."""
    return known.drop(columns="known_at")
