"""What a review of the features says: what earns, what has earned nothing twice, what that saves, and no more."""

from __future__ import annotations

from dataclasses import replace

from decisionloop.report.record.claims import claims_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.words.features import (
    ONLY_ONE,
    age_words,
    feature_in_brief,
    features_markdown,
    features_sentences,
    worth_words,
)
from tests.report.conftest import sample_features

REVIEW = sample_features()
STATUS, AGE, BILL, AGAIN = REVIEW.lines
NBSP = "\u00a0"


def told(review) -> str:
    return " ".join(features_sentences(review, "NTD")).replace(NBSP, " ")


def test_it_says_what_was_reviewed_and_what_surely_earns():
    said = told(REVIEW)
    assert said.startswith(
        "On 1 September 2005 the gradient-boosted model was fitted again without each feature, and valued on 24,210 "
        "decisions up to 22 August 2005. Without “repayment status” it would surely earn less."
    )
    assert "The rules decided then: it is the model that would be trained." in told(replace(REVIEW, is_deciding=False))
    harmful = replace(REVIEW, lines=(STATUS, replace(BILL, worth=Estimate(-9.0, -12.0, -6.0))))
    assert "Without “last bill” it would surely earn more." in told(harmful)
    both = replace(REVIEW, lines=(STATUS, replace(AGE, worth=STATUS.worth)))
    assert "Without “repayment status” and “time as a client”, each by itself, it would surely earn less." in told(both)
    assert "Of no feature can the data tell" in told(replace(REVIEW, lines=(AGE,)))


def test_what_earns_nothing_twice_is_named_with_what_removing_it_would_save():
    said = told(REVIEW)
    assert (
        "“Last bill” has earned nothing in two reviews in a row, though up to NT$820 for 1,000 decisions is left open. "
        "Leaving it out would save 21 look-ups a decision (NT$0.000023 for 1,000 decisions), 1.2% of the last batch "
        "that its faults sent to the rules and a column that is missing in 1.2% of the last batch, "
        "and a source to keep and to watch."
    ) in said
    surely = replace(BILL, worth=Estimate(-40.0, -70.0, -10.0))
    assert "in two reviews in a row. Leaving" in told(replace(REVIEW, lines=(STATUS, surely)))
    unpriced = replace(REVIEW, lines=(STATUS, replace(BILL, saved_money=None, to_rules=None, missing=0.0)))
    assert "Leaving it out would save 21 look-ups a decision, and a source to keep and to watch." in told(unpriced)
    dearer = replace(BILL, saved_lookups=-4, to_rules=0.0, missing=None)
    assert "would save no work in serving" in told(replace(REVIEW, lines=(STATUS, dearer)))


def test_that_several_may_be_left_out_alone_is_not_said_of_all_together():
    said = told(REVIEW)
    assert "Each of them may be left out alone; it does not follow that all may" in said
    assert "Leaving out all of them would cost +NT$5,400 (+NT$900 to +NT$9,900) for 1,000 decisions." in said
    assert "would cost cannot be told" in told(replace(REVIEW, together=None))
    assert "It may be left out alone" in told(replace(REVIEW, lines=(STATUS, BILL)))


def test_before_a_second_review_nothing_is_named():
    lines = tuple(replace(one, is_idle=False) for one in REVIEW.lines)
    assert "It is the first review" in told(replace(REVIEW, lines=lines, reviews=1))
    assert "No feature has earned nothing in two reviews in a row." in told(replace(REVIEW, lines=lines))


def test_of_a_single_feature_it_says_that_it_cannot_be_told():
    only = replace(REVIEW, lines=(replace(STATUS, worth=Estimate()),), reviews=1)
    assert ONLY_ONE in told(only)


def test_a_line_and_the_sentences_claim_the_same():
    claims = {key: value for one in features_sentences(REVIEW, "NTD") for key, value in claims_of(one).items()}
    for line in REVIEW.lines:
        assert claims_of(feature_in_brief(line, "NTD")) == {f"feature.worth[{line.name}]": line.worth}
        assert claims[f"feature.worth[{line.name}]"] == line.worth


def test_a_line_leaves_out_what_nobody_knows():
    assert feature_in_brief(STATUS, "NTD").replace(NBSP, " ") == (
        "status: +NT$91,000 (+NT$61,000 to +NT$121,000); 71% of the leading reasons; 0% missing; 2.1% moved; records 3 "
        "days old; since 2005-05-01"
    )
    bare = replace(AGE, reasons=None, missing=None, drift=None, worth=Estimate())
    assert feature_in_brief(bare, "NTD") == "age: cannot be told"
    assert feature_in_brief(BILL, "NTD").endswith("; earns nothing, twice in a row")
    assert worth_words(Estimate(5.0), "NTD") == "+NT$5"
    assert (age_words(2.5), age_words(3.0), age_words(41.7)) == ("2.5 days", "3 days", "42 days")


def test_the_artifact_has_a_row_for_each_feature():
    markdown = features_markdown(REVIEW, "Raise a credit line", "NTD")
    assert markdown.startswith("# Raise a credit line: what each feature earns\n")
    assert "has earned nothing in two reviews" in markdown
    assert (
        sum(line.startswith(("| repayment", "| time as", "| last bill", "| bill in")) for line in markdown.splitlines())
        == 4
    )
