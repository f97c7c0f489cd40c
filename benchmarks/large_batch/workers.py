"""What a worker of a cluster loads before its first part, so that the clock sees parts alone."""

from __future__ import annotations


def load(part: int) -> int:
    """Load libraries and kernels; returns the number of the part."""
    import tasks.act.choose
    import tasks.predict.freeze
    import tasks.predict.score
    import tasks.predict.validate  # noqa: F401
    from decisionloop.predict.scorer.engine import compile_kernels
    from expectations.engine import great_expectations

    great_expectations()
    compile_kernels()
    return part
