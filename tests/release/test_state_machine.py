"""Whatever is asked of releases, in whatever order: one decides, one is the baseline, every move is allowed."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.release.machine import PureWorld, lives_in, runs


def test_the_state_machine_keeps_what_must_be_true_at_any_moment():
    run_state_machine_as_test(lives_in(PureWorld), settings=runs(few=60, steps=40))
