"""The words that the page uses, and what is to be known before its figures are believed."""

from __future__ import annotations

from decisionloop.contract import UseCase
from decisionloop.contract.days import in_days
from decisionloop.report.record.story import Definition
from decisionloop.report.words.figures import percent, plural


def notes_for(use_case: UseCase) -> tuple[str, ...]:
    """Notes on how the figures were made."""
    days = in_days(use_case.outcome.maturity_days)
    has = "has" if use_case.outcome.maturity_days == 1 else "have"
    passed = f"each is due, {days} after its decision at the latest" if use_case.outcome.due else f"{days} {has} passed"
    notes = [
        f"Outcomes count once {passed}; before that nothing is concluded from them.",
        "Figures of a month sum or average those of its batches.",
        "Totals over several periods add their uncertainties as if one period told nothing about the next.",
    ]
    if use_case.outcome.means_zero_when_absent:
        notes.append("A decision without an outcome counts as 0 once its outcome is due.")
    if use_case.is_observing:
        notes.insert(1, "Another system decides; decisions whose facts have a fault are left out of the money above.")
    elif use_case.policy.holdout_share:
        notes.insert(
            1,
            f"{percent(use_case.policy.holdout_share)} of the {plural(use_case.entity.noun)} stay on the rules "
            "for good; the money above counts them, and on them the loop earns what the rules do.",
        )
    if not all(use_case.revealing):
        unseen = [f"“{one.wording}”" for one in use_case.actions if not one.reveals_outcome]
        rest = "nobody can tell" if use_case.is_observing else "can only be estimated"
        notes.append(f"After {' or '.join(unseen)} no outcome is seen; what it would have been {rest}.")
    return tuple(notes)


def definitions_for(use_case: UseCase) -> tuple[Definition, ...]:
    """Definitions in the order in which the page uses the words."""
    return (
        *_who_decides(use_case),
        Definition("The rules", "The logic that decided before there was a model, and what one can always go back to."),
        Definition("Release", "Something that can decide: the rules, or a model of one training."),
        Definition("Shadow", "A model that answers beside the deciding one while nobody acts on its answers."),
        *_draws(use_case),
        Definition("Cohort", "The decisions of one batch or one month, judged together once their outcomes are in."),
        Definition(
            "Reference",
            "What facts are compared with: what the deciding model learnt from or, while the rules decide, which learn "
            "nothing, the first batch.",
        ),
        *_WATCHING,
        Definition("The gate", "The checks, money first, that a model must pass before it may decide."),
        Definition(
            "Within its support",
            "A model that departs from the rules only in cases of which enough outcomes are known, of what the rules "
            "would do and of what it would do; in all others the rules decide.",
        ),
    )


_WATCHING = (
    Definition("Check", "One measure of one batch or cohort, held against its limit."),
    Definition("Alarm", "A check that found something surely beyond its limit, and large enough to matter."),
    Definition(
        "Incident", "Alarms about the same thing, as one; it is open until a person or their silence closes it."
    ),
    Definition("Alert", "What else people are told of a batch or a release: that it was halted, refused or stopped."),
    Definition("Notice", "A message that an incident or an alert sends to a channel of yours."),
)


def _who_decides(use_case: UseCase) -> tuple[Definition, ...]:
    if use_case.is_observing:
        return (Definition("The other system", "Whoever makes the decisions that the page tells of."),)
    said = "What was really decided: by the rules at first, then by models, with exploration."
    return (Definition("The loop", said),)


def _draws(use_case: UseCase) -> tuple[Definition, ...]:
    """What is left to chance: nothing beside another system."""
    if use_case.is_observing:
        return ()
    nouns = plural(use_case.entity.noun)
    return (
        Definition("Exploration", "A small share of decisions drawn at random, so that the loop keeps learning."),
        Definition("Holdout", f"A small share of {nouns} who stay on the rules for good: the referee."),
    )
