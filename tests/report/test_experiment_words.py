"""What a page says of an experiment is what its arms surely are beside the rules."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.report.read.experiment import experiment_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.experiment import Arm, Experiment
from decisionloop.report.words.experiment import SHOWN, experiment_sentences

ALIKE = Arm("nothing", Estimate(5.0, 4.0, 6.0), Estimate(0.0, 0.0, 0.0))


def told(*over_rules: tuple[float, float, float]) -> str:
    arms = [Arm(f"offer {i}", Estimate(5.0, 4.0, 6.0), Estimate(*one)) for i, one in enumerate(over_rules)]
    first, second = experiment_sentences(Experiment((ALIKE, *arms), 400), "EUR")
    assert second == SHOWN
    return first.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("over_rules", "says"),
    [
        (
            [(2.0, 1.0, 3.0), (4.0, 2.0, 6.0), (1.0, -1.0, 3.0)],
            "If everybody had got “offer 1”, a decision would have earned €4.00 more than by the rules (between €2.00 "
            "and €6.00); with “offer 0” €2.00 more (between €1.00 and €3.00). Of no other one is it sure that it would "
            "have earned more.",
        ),
        ([(-2.0, -3.0, -1.0)], "None of “offer 0” for everybody would have earned as much as the rules."),
        (
            [(-2.0, -3.0, 1.0), (0.5, -1.0, 2.0)],
            "The nearest is “offer 1”: €0.50 more (between \u2212€1.00 and €2.00) a decision, by 400 decisions.",
        ),
    ],
)
def test_only_what_is_sure_is_said_to_be_better(over_rules: list[tuple[float, float, float]], says: str) -> None:
    assert told(*over_rules).endswith(says)


def test_where_the_replay_knows_every_outcome_or_nothing_there_is_no_experiment() -> None:
    assert experiment_of(None, None) is None  # type: ignore[arg-type]
    assert experiment_of(None, pd.DataFrame({"policy": [1.0]})) is None  # type: ignore[arg-type]
    assert experiment_sentences(None, "EUR") == ()


def test_that_the_best_is_better_than_the_next_is_said_to_be_unsure_where_it_is() -> None:
    arms = (ALIKE, *(Arm(f"offer {i}", Estimate(5.0, 4.0, 6.0), Estimate(2.0 + i, 1.0, 5.0)) for i in range(2)))
    unsure, sure = (Experiment(arms, 400, Estimate(1.0, low, 3.0)) for low in (-1.0, 0.5))
    assert "Which of the two is better is not sure." in experiment_sentences(unsure, "EUR")[0]
    assert "is not sure" not in experiment_sentences(sure, "EUR")[0]
