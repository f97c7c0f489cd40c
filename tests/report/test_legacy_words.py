"""What another system earned the page never says of the loop, and what cannot be told has no figure."""

from __future__ import annotations

from decisionloop.report.record.claims import Said, claims_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.legacy import AgreementLine, BesideMoney, LegacyLines
from decisionloop.report.record.story import OTHERS, RULES, PeriodMoney, UseCaseLines
from decisionloop.report.words.headline import headline
from decisionloop.report.words.legacy import legacy_sentences, subject_of, told_of
from decisionloop.report.words.money import money_sentences

CASE = UseCaseLines("lend", "Lend", "", "client", "EUR", "", "arrears", ())


def period(month: str, *by: str) -> PeriodMoney:
    policy, rules = Estimate.of(-50.0, -70.0, -30.0), Estimate.of(20.0, 10.0, 30.0)
    return PeriodMoney(month, 100, policy, rules, Estimate.of(-70.0, -90.0, -50.0), True, by)


def test_whose_money_it_is_follows_from_who_decided() -> None:
    theirs, ours = period("2026-01", OTHERS), period("2026-02", RULES)
    assert subject_of([ours]) == "the loop"
    assert subject_of([theirs]) == "the other system"
    assert subject_of([theirs, ours]) == "what was done"
    assert subject_of([]) == "the loop"


def test_no_sentence_about_another_system_s_money_names_the_loop() -> None:
    lines = [period("2026-01", OTHERS), period("2026-02", OTHERS)]
    told = headline(CASE, lines, ())
    page = told_of(subject_of(lines), money_sentences(lines, "EUR"))
    everything = " ".join([told.verdict, *told.standfirst, *page])
    assert "the loop" not in everything.lower()
    assert "the other system's decisions lost €100" in told.verdict
    assert "The rules would have done better" in everything
    assert not lines[0].is_by_model


def test_a_sentence_goes_on_claiming_what_it_claimed() -> None:
    (told,) = told_of("the other system", [Said("The loop did better.", {"money": 1.0})])
    assert (str(told), claims_of(told)) == ("The other system did better.", {"money": 1.0})


def lines(money: BesideMoney, unknown: int) -> LegacyLines:
    agreement = AgreementLine(RULES, "", 10, 6, (("hold", 4, 4), ("lend", 6, 2)))
    return LegacyLines(10, unknown, (("no action", 3, "Say it."),), (agreement,), (money,))


def test_what_cannot_be_told_is_said_with_the_reason_and_without_a_figure() -> None:
    untold = BesideMoney("the scorecard", "r", Estimate(), Estimate(), 0, 10, 4)
    told = " ".join(legacy_sentences(lines(untold, 10), CASE))
    assert "What the scorecard would have earned cannot be told, because nobody knows with which chance" in told
    assert "in 4 of 10 decisions another action would have been taken" in told
    assert "€" not in told
    assert "The rules would have done the same in 60% of 10 decisions" in told
    assert "3 decisions left out, with no action. Say it." in told.replace("Three", "3")


def test_what_can_be_told_of_some_says_of_how_many() -> None:
    gain = Estimate.of(0.5, 0.25, 0.75)
    told = list(legacy_sentences(lines(BesideMoney(RULES, "", gain, gain, 6, 10, 1), 10), CASE))[3]
    assert told.startswith(
        "The rules would have earned €0.50 a decision more (€0.25 to €0.75) in the 6 of 10 decisions"
    )
    assert "of the others it cannot" in told
