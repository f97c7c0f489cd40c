"""How many examples a property is tried with where one of them takes long."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def examples(few: int) -> settings:
    """``few`` in every run of the tests, always the same ones; four times as many others in `make torture`."""
    number = few if settings().derandomize else 4 * few
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])
