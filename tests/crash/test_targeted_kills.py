"""kill -9 exactly where it hurts: between an effect and the record of it, and inside of transactions."""

from __future__ import annotations

import pytest

from tests.crash.disturbing import Undisturbed, disturb
from tests.crash.harness import FIRST, LEARNING_DAY, ORDINARY, Day, World
from tests.crash.turn import Stop

ON_EITHER = [
    # While tables are made, and between the facts that make the rules decide.
    (FIRST, Stop("decisionloop.ledger.storage.migrate", "upgrade", "after")),
    (FIRST, Stop("tasks.predict.register_rules", "register_release", "after")),
    (FIRST, Stop("tasks.predict.register_rules", "change_stages", "after")),
    (FIRST, Stop("tasks.predict.freeze", "open_batch", "after")),
    # A snapshot half written, written but not named, named but not recorded, recorded but not yet the batch's.
    (ORDINARY, Stop("os", "fsync", "before")),
    (ORDINARY, Stop("os", "replace", "before")),
    (ORDINARY, Stop("tasks.keep", "record_snapshot", "before", 2)),
    (ORDINARY, Stop("tasks.keep", "append_batch_event", "before", 1)),
    (ORDINARY, Stop("tasks.predict.freeze", "keep_part", "after", 2)),
    (ORDINARY, Stop("tasks.predict.freeze", "keep_part", "before", 5)),
    (ORDINARY, Stop("tasks.predict.validate", "append_results", "after")),
    (ORDINARY, Stop("tasks.predict.validate", "keep_part", "before", 2)),
    (ORDINARY, Stop("tasks.predict.score", "append_shadow_run", "after")),
    (ORDINARY, Stop("tasks.keep", "append_batch_event", "before", 3)),
    # Outcomes without the books of their reading, figures not kept.
    (ORDINARY, Stop("tasks.observe.outcomes", "append_intake", "before")),
    (ORDINARY, Stop("tasks.observe.cohorts", "append_measurements", "before")),
    # What monitors judge by, and a figure in the transaction of its alarms (tests/tasks/test_watching_killed.py).
    (FIRST, Stop("tasks.watch.inputs", "keep_reference", "after")),
    (ORDINARY, Stop("tasks.watch.alarms", "append_measurements", "after")),
    (LEARNING_DAY, Stop("tasks.watch.inputs", "keep_reference", "after")),
    # A promotion: judged, in the ledger with no alias that follows, or with one of them.
    (LEARNING_DAY, Stop("tasks.learn.verdicts", "append_verdict", "after", 1)),
    (LEARNING_DAY, Stop("decisionloop.registry", "Registry.set_alias", "after", 1)),
    (LEARNING_DAY, Stop("tasks.learn.release_stages", "change_stages", "after", 1)),
    # A training: triggered, begun in MLflow, all in MLflow, registered (one of two candidates).
    (LEARNING_DAY, Stop("tasks.learn.retraining_answer", "append_learn_run", "after")),
    (LEARNING_DAY, Stop("decisionloop.registry", "Registry._log_run", "after")),
    (LEARNING_DAY, Stop("tasks.learn.candidates", "register_release", "before")),
    (LEARNING_DAY, Stop("tasks.learn.candidates", "register_release", "after")),
    # A judgement: a verdict without its stage, the winner not yet in shadow, named in MLflow only.
    (LEARNING_DAY, Stop("tasks.learn.verdicts", "append_verdict", "after", 2)),
    (LEARNING_DAY, Stop("tasks.learn.first_look", "enter_shadow", "before")),
    (LEARNING_DAY, Stop("decisionloop.registry", "Registry.set_alias", "after", 2)),
]
ON_BOTH = [
    # One part chosen. Inside the first transaction that decides, right after it, and inside the one that says so.
    (ORDINARY, Stop("tasks.act.choose", "keep_part", "after")),
    (ORDINARY, Stop("decisionloop.ledger.decisions", "append", "before", 2)),
    (ORDINARY, Stop("decisionloop.ledger.decisions", "append", "before", 3)),
    (ORDINARY, Stop("tasks.keep", "append_batch_event", "after", 4)),
    (ORDINARY, Stop("tasks.act.decide", "_log", "after")),
    # The receiver has carried a chunk out and said so, and the ledger does not know it; or knows that one only.
    (ORDINARY, Stop("tasks.act.deliver", "_log", "before", 1)),
    (ORDINARY, Stop("tasks.act.deliver", "_log", "before", 4)),
    (ORDINARY, Stop("tasks.act.deliver", "append_deliveries", "after", 2)),
    (ORDINARY, Stop("tasks.keep", "append_batch_event", "before", 5)),
]


def _cases(engine: str, place: int) -> list[object]:
    """The kills of one engine: those of both, and every other one of the rest."""
    return [
        pytest.param(engine, day, stop, id=f"{engine}-{stop}", marks=pytest.mark.xdist_group(f"crash-{engine}"))
        for day, stop in [*ON_BOTH, *ON_EITHER[place::2]]
    ]


@pytest.mark.parametrize(("engine", "day", "stop"), [*_cases("sqlite", 0), *_cases("postgresql", 1)])
def test_a_turn_killed_at_a_weak_place_is_completed_by_running_it_again(
    world: World, undisturbed: dict[str, Undisturbed], day: Day, stop: Stop
) -> None:
    told = disturb(world, day, [stop], undisturbed[day.name])
    assert told.hits, f"the process was not killed there: {told.problems}"
    assert not told.problems, "\n".join(told.problems)
