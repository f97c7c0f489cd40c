"""How long the state machine of releases is tried: a little with every run of tests, and much in `make torture`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "torture", max_examples=500, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
