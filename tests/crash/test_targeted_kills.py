"""kill -9 exactly where it hurts: between an effect and the record of it, and inside of transactions.

Killed runs are dear, and what completes one may as well be killed in its turn, further on: here a life meets several of
these kills, on one engine. ``make torture`` gives each of them a life of its own, on either engine.
"""

from __future__ import annotations

import pytest

from tests.crash.conftest import IN_ONE_PROCESS, kills_owed
from tests.crash.disturbing import Undisturbed, disturb
from tests.crash.harness import FIRST, LEARNING_DAY, ORDINARY, Day, World
from tests.crash.turn import Stop

pytestmark = IN_ONE_PROCESS

TORTURE = 100
"""With so many kills owed there is time for a life each."""
Life = tuple[Day, list[Stop]]

UPGRADED = Stop("decisionloop.ledger.storage.migrate", "upgrade", "after")
# Each place is where a run comes by after the kill before it; the call is counted from the beginning of that run, and
# of a whole day alike.
LIVES: list[Life] = [
    # While tables are made, and between the facts that make the rules decide; an open batch without a snapshot, and
    # what monitors judge by.
    (
        FIRST,
        [
            UPGRADED,
            Stop("tasks.predict.register_rules", "register_release", "after"),
            Stop("tasks.predict.register_rules", "change_stages", "after"),
            Stop("tasks.predict.freeze", "open_batch", "after"),
            Stop("tasks.watch.inputs", "keep_reference", "after"),
        ],
    ),
    # A snapshot written but not named; one of the parts validated; all of them, and not said so; outcomes without the
    # books of their reading; figures not kept.
    (
        ORDINARY,
        [
            Stop("os", "replace", "before"),
            Stop("tasks.predict.validate", "keep_part", "before", 2),
            Stop("tasks.predict.validate", "append_results", "after"),
            Stop("tasks.observe.outcomes", "append_intake", "before"),
            Stop("tasks.observe.cohorts", "append_measurements", "before"),
        ],
    ),
    # A promotion: in the ledger with no alias that follows, then with one of them.
    (
        LEARNING_DAY,
        [
            Stop("tasks.learn.release_stages", "change_stages", "after", 1),
            Stop("decisionloop.registry", "Registry.set_alias", "after", 1),
        ],
    ),
    # A promotion judged and no more. A judgement: the winner of a training named in MLflow only.
    (
        LEARNING_DAY,
        [
            Stop("tasks.learn.verdicts", "append_verdict", "after", 1),
            Stop("decisionloop.registry", "Registry.set_alias", "after", 2),
        ],
    ),
    # A snapshot named but not recorded; a shadow alone; a figure in the transaction of its alarms
    # (tests/tasks/test_watching_killed.py).
    (
        ORDINARY,
        [
            Stop("tasks.keep", "record_snapshot", "before", 2),
            Stop("tasks.predict.score", "append_shadow_run", "after"),
            Stop("tasks.watch.alarms", "append_measurements", "after"),
        ],
    ),
    # A part frozen; all of them, and they are not yet the batch's; one part chosen. Inside the first transaction that
    # decides. The receiver has carried a chunk out and said so, and the ledger does not know it.
    (
        ORDINARY,
        [
            Stop("tasks.predict.freeze", "keep_part", "after", 2),
            Stop("tasks.keep", "append_batch_event", "before", 1),
            Stop("tasks.act.choose", "keep_part", "after"),
            Stop("decisionloop.ledger.decisions", "append", "before", 2),
            Stop("tasks.act.deliver", "_log", "before", 1),
        ],
    ),
    # A training: triggered, begun in MLflow; all in MLflow, one of its two candidates registered, and what monitors
    # will judge its release by.
    (
        LEARNING_DAY,
        [
            Stop("tasks.learn.retraining_answer", "append_learn_run", "after"),
            Stop("decisionloop.registry", "Registry._log_run", "after"),
            Stop("tasks.learn.candidates", "register_release", "before"),
            Stop("tasks.learn.candidates", "register_release", "after"),
            Stop("tasks.watch.inputs", "keep_reference", "after"),
        ],
    ),
    # A judgement: a verdict without its stage, the winner not yet in shadow.
    (
        LEARNING_DAY,
        [
            Stop("tasks.learn.verdicts", "append_verdict", "after", 2),
            Stop("tasks.learn.first_look", "enter_shadow", "before"),
        ],
    ),
    # Most parts frozen; scored and not said so. Further inside the transaction that decides, and right after it. The
    # ledger knows all chunks but the last.
    (
        ORDINARY,
        [
            Stop("tasks.predict.freeze", "keep_part", "before", 5),
            Stop("tasks.keep", "append_batch_event", "before", 3),
            Stop("decisionloop.ledger.decisions", "append", "before", 3),
            Stop("tasks.act.decide", "_log", "after"),
            Stop("tasks.act.deliver", "_log", "before", 4),
        ],
    ),
    # Decided and said so; the ledger knows one chunk only.
    (
        ORDINARY,
        [
            Stop("tasks.keep", "append_batch_event", "after", 4),
            Stop("tasks.act.deliver", "append_deliveries", "after", 2),
        ],
    ),
    # A snapshot half written; everything sent and not said so.
    (
        ORDINARY,
        [
            Stop("os", "fsync", "before"),
            Stop("tasks.keep", "append_batch_event", "before", 5),
        ],
    ),
]

SHOWN = [LIVES[place] for place in (0, 5, 8, 7)]
"""Where there is time for few lives: one of each kind. Promotions: tests/tasks/test_deploying_killed.py."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The lives that are shown, every other one on each engine; with time a life for every kill on either."""
    if kills_owed(metafunc.config) >= TORTURE:
        each = [(day, [stop]) for day, stops in LIVES for stop in stops]
        # The tables of a PostgreSQL ledger are made by `decisionloop ledger upgrade`, and by no turn.
        lives = {"sqlite": each, "postgresql": [one for one in each if one[1] != [UPGRADED]]}
    else:
        lives = {"sqlite": SHOWN[::2], "postgresql": SHOWN[1::2]}
    metafunc.parametrize(
        ("engine", "day", "stops"),
        [
            pytest.param(engine, day, stops, id=f"{engine}-{'-then-'.join(map(str, stops))}")
            for engine, of_engine in lives.items()
            for day, stops in of_engine
        ],
    )


def test_a_turn_killed_at_weak_places_is_completed_by_running_it_again(
    world: World, undisturbed: dict[str, Undisturbed], day: Day, stops: list[Stop]
) -> None:
    told = disturb(world, day, stops, undisturbed[day.name])
    assert len(told.hits) == len(stops), f"killed in {told.hits} only: {told.problems}"
    assert not told.problems, "\n".join(told.problems)
