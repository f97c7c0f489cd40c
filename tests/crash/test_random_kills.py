"""kill -9 at any time of a turn of the loop: running it again completes it as if nothing had happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tests.crash.disturbing import Undisturbed, disturb
from tests.crash.harness import DAYS, Day, Moment, World

SEED = 20_050_708
AGAIN_SHARE = 0.5
"""How often a run that completes a killed one is killed too."""
Place = tuple[Day, str]
PLACES: list[Place] = [(day, step) for day in DAYS for step in day.steps]


@pytest.fixture
def owed(engine: str, kills: int) -> list[Place]:
    """The places that must be hit on an engine: all of them where the kills suffice, else every other one on each."""
    if kills >= 2 * len(PLACES):
        return PLACES
    return PLACES[("sqlite", "postgresql").index(engine) :: 2]


def test_a_turn_killed_at_any_time_is_completed_by_running_it_again(
    world: World,
    undisturbed: dict[str, Undisturbed],
    owed: list[Place],
    kills: int,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, hits, problems, lives = random.Random(SEED), Counter[str](), list[str](), 0
    while hits.total() < kills // 2 or _unhit(owed, hits):
        day, step = owed[lives] if lives < len(owed) else chance.choice(_unhit(owed, hits) or PLACES)
        planned = random_kills(chance, day, step, undisturbed[day.name].seconds)
        told = disturb(world, day, planned, undisturbed[day.name])
        hits.update(told.hits)
        problems += [f"{day.name}, killed {', then '.join(map(str, planned))}: {text}" for text in told.problems]
        lives += 1
        assert lives < 3 * max(kills, len(owed)), f"kills come too late: {hits}"
    summary = f"{hits.total()} kills in {lives} turns on {world.engine}: {dict(hits.most_common())}"
    record_property("kills", summary)
    with capsys.disabled():
        print(f"\n{summary}")
    assert not problems, "\n".join(problems)


def _unhit(places: Sequence[Place], hits: Counter[str]) -> list[Place]:
    """The places whose step no kill has hit yet."""
    return [(day, step) for day, step in places if step not in hits]


def random_kills(chance: random.Random, day: Day, step: str, seconds: dict[str, float]) -> list[Moment]:
    """A kill at a random time of a step, and now and then one or two more of the runs that follow it."""
    steps = [step]
    while len(steps) < 3 and chance.random() < AGAIN_SHARE:
        steps.append(chance.choice(day.steps[day.steps.index(steps[-1]) :]))
    return [Moment(name, chance.random() * seconds[name]) for name in steps]
