"""The features are the columns of the source."""


def features(known, as_of):
    """What was known, without when."""
    return known.drop(columns="seen_at")
