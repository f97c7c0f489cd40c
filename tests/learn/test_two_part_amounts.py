"""An amount that is mostly zero is learnt in two parts where these predict it better, and in one everywhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decisionloop.contract import UseCase
from decisionloop.learn.amount_form import LEAST, AmountForm, amount_form
from decisionloop.learn.candidates import Candidate, Kind, best_form, out_of_fold, train
from decisionloop.learn.fitting import fit
from decisionloop.learn.model_card import MeasuredCandidate, model_card
from decisionloop.learn.training_set import TrainingSet
from decisionloop.predict.release_model import predict
from decisionloop.predict.scorer.scorer import CompiledScorer
from decisionloop.predict.two_part import TwoPartScorer
from tests.zero_heavy import amount_alone, bought, class_and_amount, expected_spending, lesson, shops, spent, usual_size

KINDS = pytest.mark.parametrize("kind", ["scorecard", "gradient_boosting"])
LEND = 1

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def use_case(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return amount_alone(tmp_path_factory.mktemp("usecases"))


@pytest.fixture(scope="module")
def with_class(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return class_and_amount(tmp_path_factory.mktemp("usecases"))


@pytest.fixture(scope="module", params=["scorecard", "gradient_boosting"])
def candidate(request: pytest.FixtureRequest, use_case: UseCase) -> Candidate:
    return train(use_case, request.param, lesson(shops(0), spent(shops(0), 0)))


def error(told: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((told - truth) ** 2)))


def test_two_parts_are_nearer_to_the_truth_than_one_regression(use_case: UseCase, candidate: Candidate) -> None:
    rows, others = lesson(shops(0), spent(shops(0), 0)), shops(1)
    form, truth = candidate.amounts, expected_spending(others)
    assert form is not None
    assert form.is_two_part
    assert 0.8 < form.zeros / form.rows < 0.9
    one = fit(use_case, candidate.kind, rows, form.as_one)["amount"].score(others)
    two = candidate.model.leading.score(others)
    assert error(two, truth) < 0.9 * error(one, truth)
    assert "error out of fold" in form.words


def test_their_mean_is_the_mean_of_the_truth_in_all_and_by_part(candidate: Candidate) -> None:
    others = shops(1, 20_000)
    told, truth = candidate.model.leading.score(others), expected_spending(others)
    assert told.mean() == pytest.approx(truth.mean(), rel=0.1)
    for column in ("turnover", "debt"):
        high = (others[column] > others[column].median()).to_numpy()
        assert told[high].mean() == pytest.approx(truth[high].mean(), rel=0.15)


def test_the_candidate_is_measured_in_the_form_that_it_has(use_case: UseCase, candidate: Candidate) -> None:
    frame = shops(0)
    rows = lesson(frame, spent(frame, 0))
    told = out_of_fold(use_case, candidate.kind, rows, frame, rows.entity, candidate.amounts).amount
    assert told is not None
    assert candidate.amounts is not None
    assert candidate.amounts.errors is not None
    assert error(told[:, LEND, 0], rows.amount) == pytest.approx(candidate.amounts.errors[0])


def test_the_card_says_the_form_its_errors_and_that_its_reasons_are_approximate(
    use_case: UseCase, candidate: Candidate
) -> None:
    frame = shops(0)
    card = model_card(use_case, "r1", "2024", MeasuredCandidate(candidate, lesson(frame, spent(frame, 0)), {}))
    assert "**Amounts.** Amounts in two parts (" in card
    assert "the chance that it is not zero, times what it is then; error out of fold" in card
    assert "approximate" in card
    assert "exact Shapley" not in card
    assert set(candidate.pipelines) == {"amount_occurs", "amount_size"}


@KINDS
def test_without_zeros_nothing_changes_and_nothing_is_said(use_case: UseCase, kind: Kind) -> None:
    frame = shops(0, 1500)
    rows = lesson(frame, usual_size(frame) + 1.0)
    trained = train(use_case, kind, rows)
    scorer = fit(use_case, kind, rows, AmountForm(len(rows), 0))["amount"].deployable(str(use_case.version))
    assert isinstance(trained.model.leading, CompiledScorer)
    assert trained.model.leading.to_bytes() == scorer.to_bytes()
    assert "**Amounts.**" not in model_card(use_case, "r1", "2024", MeasuredCandidate(trained, rows, {}))


def test_where_the_parts_are_surely_worse_it_stays_one_regression_and_says_so() -> None:
    form = AmountForm(1000, 950, has_occurrence=True)
    one = form.judged((13.5, 12.0), is_surely_worse=True)
    assert not one.is_two_part
    assert one.words == (
        "amounts by one regression (950 of 1,000 amounts are zero; "
        "two parts are surely worse: error out of fold 13.5 in two parts, 12 by one regression)"
    )
    assert form.judged((13.5, 12.0), is_surely_worse=False).is_two_part


def test_a_few_huge_amounts_do_not_make_two_parts_worse(use_case: UseCase) -> None:
    """The largest of some 370 amounts is 100 times their mean."""
    told = []
    for seed in range(4):
        frame, others = shops(seed, 2500), shops(seed + 50)
        rows = lesson(frame, spent(frame, seed, spread=2.0))
        form = best_form(use_case, "scorecard", rows)
        assert form is not None
        fitted = [fit(use_case, "scorecard", rows, one)["amount"].score(others) for one in (form, form.as_one)]
        told.append([error(one, expected_spending(others)) for one in fitted])
    chosen, one_regression = np.mean(told, axis=0)
    assert chosen < one_regression


@KINDS
def test_negative_amounts_are_as_good_as_positive_ones(use_case: UseCase, kind: Kind) -> None:
    frame, others = shops(0), shops(1)
    signs = [np.where((one["trade"] == "farm").to_numpy(), -1.0, 1.0) for one in (frame, others)]
    trained = train(use_case, kind, lesson(frame, spent(frame, 0) * signs[0]))
    told, truth = trained.model.leading.score(others), expected_spending(others) * signs[1]
    assert trained.amounts is not None
    assert trained.amounts.is_two_part
    farm = signs[1] < 0
    assert told[farm].mean() == pytest.approx(truth[farm].mean(), rel=0.25)
    assert told[~farm].mean() == pytest.approx(truth[~farm].mean(), rel=0.15)


@KINDS
def test_where_every_amount_is_zero_zero_is_expected(use_case: UseCase, kind: Kind) -> None:
    frame = shops(0, 600)
    trained = train(use_case, kind, lesson(frame, np.zeros(600)))
    assert trained.amounts is not None
    assert trained.amounts.words == (
        "amounts by one regression (600 of 600 amounts are zero; so every amount is expected to be)"
    )
    np.testing.assert_array_equal(trained.model.leading.score(shops(1, 50)), 0.0)


@KINDS
def test_fewer_than_ten_amounts_are_not_taken_apart(use_case: UseCase, kind: Kind) -> None:
    frame = shops(0, 600)
    few = np.where(np.arange(600) % 70 == 0, 50.0, 0.0)
    assert 0 < (few != 0).sum() < LEAST
    trained = train(use_case, kind, lesson(frame, few))
    assert trained.amounts is not None
    assert "the other 9 are fewer than the 10 that a model of their size needs" in trained.amounts.words
    assert trained.model.leading.score(frame).mean() == pytest.approx(few.mean(), rel=0.05)


@KINDS
def test_ten_amounts_can_be_taken_apart_in_every_fold_that_has_them(use_case: UseCase, kind: Kind) -> None:
    frame = shops(0, 600)
    rows = lesson(frame, np.where(np.arange(600) % 60 == 0, 50.0 + np.arange(600), 0.0))
    assert amount_form(use_case, rows).is_two_part
    trained = train(use_case, kind, rows)  # no fold has ten of them left: both forms are the same there
    assert trained.amounts is not None
    assert trained.amounts.errors is not None
    assert trained.amounts.errors[0] == trained.amounts.errors[1]
    assert np.isfinite(trained.model.leading.score(shops(1, 50))).all()


def test_what_does_not_vary_among_the_others_cannot_say_how_large_they_are(use_case: UseCase) -> None:
    frame = shops(0, 600)
    has_one = np.arange(600) < 20
    for name, value in (("turnover", 80.0), ("debt", 3.0), ("trade", "farm")):
        frame[name] = frame[name].mask(has_one, value)
    form = amount_form(use_case, lesson(frame, np.where(has_one, 10.0, 0.0)))
    assert not form.is_two_part
    assert "no feature varies among those that are not" in form.words


def of_buyers(frame: object, amount: np.ndarray, kept: np.ndarray) -> TrainingSet:
    return lesson(frame, amount, kept.astype(np.float64))  # type: ignore[arg-type]


def test_a_class_in_which_nobody_spends_is_zero_and_the_other_is_learnt_alone(with_class: UseCase) -> None:
    frame, others = shops(0), shops(1)
    rows = of_buyers(frame, spent(frame, 0), bought(frame, 0))
    trained = train(with_class, "scorecard", rows)
    assert trained.amounts is not None
    assert "zero where the outcome is 0, elsewhere what it is there" in trained.amounts.words
    amount = predict(with_class, trained.model, others).amount
    assert amount is not None
    np.testing.assert_array_equal(amount[:, LEND, 0], 0.0)
    one = fit(with_class, "scorecard", rows, trained.amounts.as_one)["amount"]
    of_one = one.score(others.assign(outcome_class=1.0))
    assert error(amount[:, LEND, 1], usual_size(others)) < 0.7 * error(of_one, usual_size(others))
    assert set(trained.pipelines) == {"class", "amount_size"}
    assert trained.model.has_exact_reasons  # of the class, which leads


def test_trees_tell_the_class_in_either_form(with_class: UseCase) -> None:
    """Whichever form was better out of fold, who buys nothing spends nothing, and buyers are told apart."""
    frame, others = shops(0), shops(1)
    trained = train(with_class, "gradient_boosting", of_buyers(frame, spent(frame, 0), bought(frame, 0)))
    amount = predict(with_class, trained.model, others).amount
    assert amount is not None
    assert np.abs(amount[:, LEND, 0]).mean() < 0.02 * usual_size(others).mean()
    assert error(amount[:, LEND, 1], usual_size(others)) < 0.4 * usual_size(others).std()


def test_in_the_other_class_too_many_may_spend_nothing(with_class: UseCase) -> None:
    frame = shops(0)
    kept = np.random.default_rng(4).random(len(frame)) < 0.6
    trained = train(with_class, "scorecard", of_buyers(frame, np.where(kept, spent(frame, 0), 0.0), kept))
    assert trained.amounts is not None
    assert "zero where the outcome is 0, elsewhere the chance that it is not zero" in trained.amounts.words
    amount = predict(with_class, trained.model, shops(1)).amount
    assert amount is not None
    np.testing.assert_array_equal(amount[:, LEND, 0], 0.0)
    assert amount[:, LEND, 1].mean() == pytest.approx(expected_spending(shops(1)).mean(), rel=0.15)


def test_a_few_zeros_of_the_other_class_teach_its_size_with_the_rest(with_class: UseCase) -> None:
    frame = shops(0)
    kept, amount = bought(frame, 0), spent(frame, 0)
    amount[np.flatnonzero(kept)[:3]] = 0.0
    rows = of_buyers(frame, amount, kept)
    form = amount_form(with_class, rows)
    assert (form.zero_class, form.has_occurrence) == (0, False)
    np.testing.assert_array_equal(form.of_size(rows), kept)


def test_scorer_of_parts_is_what_a_release_keeps(candidate: Candidate) -> None:
    assert isinstance(candidate.model.leading, TwoPartScorer)
    assert not candidate.model.has_exact_reasons
    assert candidate.model.refusals == ()
    assert replace(candidate.model, amount_scorer=candidate.model.leading.on("numpy")).engine == "numpy"
