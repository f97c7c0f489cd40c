"""kill -9 at any time of a turn of the loop: running it again completes it as if nothing had happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tests.crash.conftest import IN_ONE_PROCESS
from tests.crash.disturbing import Undisturbed, disturb
from tests.crash.harness import DAYS, FIRST, LEARNING_DAY, ORDINARY, Day, Moment, World

pytestmark = IN_ONE_PROCESS

SEED = 20_050_708
AGAIN_SHARE = 0.5
"""How often a run that completes a killed one is killed too, where there is time for many lives."""
Place = tuple[Day, str]
PLACES: list[Place] = [(day, step) for day in DAYS for step in day.steps]
Plan = tuple[Day, list[str]]
ON_ONE_ENGINE = {"sqlite": (FIRST, LEARNING_DAY), "postgresql": (ORDINARY,)}
"""Where there is time for few lives: the days that are disturbed on each engine, in each of their steps."""


@pytest.fixture
def owed(engine: str, kills: int) -> list[Plan]:
    """The steps that must be hit on an engine, each run that completes a killed one killed in the next of them.

    Where the kills suffice these are all the steps, each in a life of its own; else all steps of a day in one life, on
    one engine.
    """
    if kills >= 2 * len(PLACES):
        return [_alone(place) for place in PLACES]
    return [(day, list(day.steps)) for day in ON_ONE_ENGINE[engine]]


@pytest.mark.exhaustive
def test_a_turn_killed_at_any_time_is_completed_by_running_it_again(
    world: World,
    undisturbed: dict[str, Undisturbed],
    owed: list[Plan],
    kills: int,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, hits, problems, lives = random.Random(SEED), Counter[str](), list[str](), 0
    places = [(day, step) for day, steps in owed for step in steps]
    while hits.total() < kills // 2 or _unhit(places, hits):
        day, steps = owed[lives] if lives < len(owed) else _alone(chance.choice(_unhit(places, hits) or PLACES))
        steps = steps if len(steps) > 1 else _and_again(chance, day, *steps)
        planned = [Moment(step, chance.random() * undisturbed[day.name].seconds[step]) for step in steps]
        told = disturb(world, day, planned, undisturbed[day.name])
        hits.update(told.hits)
        problems += [f"{day.name}, killed {', then '.join(map(str, planned))}: {text}" for text in told.problems]
        lives += 1
        assert lives < 3 * max(kills, len(places)), f"kills come too late: {hits}"
    summary = f"{hits.total()} kills in {lives} turns on {world.engine}: {dict(hits.most_common())}"
    record_property("kills", summary)
    with capsys.disabled():
        print(f"\n{summary}")
    assert not problems, "\n".join(problems)


def _unhit(places: Sequence[Place], hits: Counter[str]) -> list[Place]:
    """The places whose step no kill has hit yet."""
    return [(day, step) for day, step in places if step not in hits]


def _alone(place: Place) -> Plan:
    day, step = place
    return day, [step]


def _and_again(chance: random.Random, day: Day, step: str) -> list[str]:
    """A step to be killed in, and now and then one or two later ones for the runs that follow."""
    steps = [step]
    while len(steps) < 3 and chance.random() < AGAIN_SHARE:
        steps.append(chance.choice(day.steps[day.steps.index(steps[-1]) :]))
    return steps
