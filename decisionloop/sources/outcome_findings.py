"""Which outcomes would be taken in, how late the others are and how different: told from data before the loop runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.monitor.labels import promised_share
from decisionloop.observe.running_totals import COPY, marked
from decisionloop.sources.base import Source, TellingSource
from decisionloop.sources.figures import some_of
from decisionloop.sources.known_outcomes import AskedOutcomes, KnownOutcomes

_WORTH_SAYING = 0.01
"""Shares below this are left unsaid."""


def outcome_findings(use_case: UseCase, source: Source, asked: AskedOutcomes) -> Iterator[str]:
    """Each finding with its remedy, about the outcomes that were ``asked`` for."""
    if not isinstance(source, TellingSource):
        yield from _unread(asked.shown, asked.is_read)
    outcomes = asked.outcomes
    if outcomes.empty:
        seen_by = f"{asked.as_of:%Y-%m-%d %H:%M}"
        yield f"No outcome had been seen by {seen_by}. Check the outcome's times, or wait for outcomes."
        return
    yield from _one_class(use_case, outcomes["outcome_class"])
    yield from _copies(asked.shown)
    if asked.known is None:
        return
    yield from _several(use_case, asked.known)
    yield from _after_window(use_case, asked.known)
    yield from _after_due(use_case, asked.known)
    if use_case.are_outcomes_drawn:  # what is not shown is the draw's doing, and what the log leaves blank is not
        yield from _blank(use_case, asked.readable, asked.decided)
    else:
        yield from _never(use_case, asked.known)


def _unread(shown: pd.DataFrame, is_read: np.ndarray) -> Iterator[str]:
    if is_read.all():
        return
    first = shown["entity_id"].to_numpy(dtype=object)[int(np.argmin(is_read))]
    yield (
        f"{int((~is_read).sum())} of {len(shown):,} outcomes have a time, class or amount that nobody can read, and "
        f"are refused; the first is of {first}. Correct them."
    )


def _one_class(use_case: UseCase, classes: pd.Series) -> Iterator[str]:
    """Whether all outcomes are of one class; where no news is a 0, a table of nothing but 1 is as it should be."""
    usual = use_case.outcome.means_zero_when_absent and bool((classes == 1).all())
    if use_case.outcome.class_ and classes.nunique() < 2 and not usual:
        yield f"Every outcome is {classes.iloc[0]:g}. Check `outcome.class.column`."


def _several(use_case: UseCase, known: KnownOutcomes) -> Iterator[str]:
    """Whether many have several rows, and the contract does not say what these are."""
    amount = use_case.outcome.amount
    if amount is not None and amount.rows is None and known.several.are_many:
        yield known.several.words


def _copies(shown: pd.DataFrame) -> Iterator[str]:
    """How many rows are told twice, where rows are added up."""
    many = int(marked(shown, COPY).sum())
    if many:
        yield (
            f"{some_of(many, len(shown), 'rows of outcomes')} repeat another in every column, and are not added up "
            "again. If they are parts of their own, two equal payments of a day, give the table a column that tells "
            "them apart, such as the number of the receipt."
        )


def _after_window(use_case: UseCase, known: KnownOutcomes) -> Iterator[str]:
    outcome, found = use_case.outcome, known.found
    is_after = (found["happened_days"] > outcome.window_days).to_numpy()
    if not len(found) or is_after.mean() < _WORTH_SAYING:
        return
    some = some_of(int(is_after.sum()), len(found), "outcomes")
    if outcome.happened_at is None:
        yield (
            f"{some} are seen after window_days ({outcome.window_days:g}) and are refused: nobody "
            "says when they happened, so the time seen stands in. Name outcome.happened_at, or lengthen the window."
        )
    else:
        yield (
            f"{some} happen after window_days ({outcome.window_days:g}) and are refused. Lengthen the window if "
            "they are meant."
        )


def _after_due(use_case: UseCase, known: KnownOutcomes) -> Iterator[str]:
    """Of what the window admits and was decided long enough ago, how much comes after it is due, and how different."""
    found = known.found[known.is_mature[known.found["decision"].to_numpy()]]
    if use_case.outcome.happened_at is not None:
        found = found[found["happened_days"] <= use_case.outcome.window_days]
    is_late = (found["waited_days"] > found["due_days"]).to_numpy()
    if not len(found) or is_late.mean() < _WORTH_SAYING:
        return
    some = some_of(int(is_late.sum()), len(found), "outcomes")
    when = "outcome.due" if use_case.outcome.due else "maturity_days"
    if use_case.outcome.means_zero_when_absent:
        yield f"{some} come after {when} and count as 0 until they do: lengthen it."
        return
    yield (
        f"{some} come after {when}; {_compared(use_case, found[is_late], found[~is_late])}: lengthen it, or "
        " say what absent means (outcome.absent_means)."
    )


def _compared(use_case: UseCase, late: pd.DataFrame, in_time: pd.DataFrame) -> str:
    if use_case.outcome.class_ is not None:
        rates = [f"{part['outcome_class'].mean():.0%}" if len(part) else "none" for part in (late, in_time)]
        return f"{rates[0]} of them are yes against {rates[1]}"
    means = [f"{part['amount'].mean():.3g}" if len(part) else "none" for part in (late, in_time)]
    return f"their mean is {means[0]} against {means[1]}"


def _never(use_case: UseCase, known: KnownOutcomes) -> Iterator[str]:
    """Of those who were due long enough ago, how many have no outcome at all.

    A replay knows everybody's. Elsewhere nobody can say here how many should have one where an action reveals none.
    """
    many = int(known.is_mature.sum())
    has = np.zeros(len(known.is_mature), dtype=bool)
    has[known.found["decision"].to_numpy()] = True
    without = int((known.is_mature & ~has).sum())
    share, some = without / many if many else 0.0, some_of(without, many)
    if share < _WORTH_SAYING or use_case.outcome.means_zero_when_absent:
        return
    silent = [action.name for action in use_case.actions if not action.reveals_outcome]
    if silent and use_case.source.kind in ("tables", "custom"):
        yield (
            f"{some} who were due long enough ago have no outcome, and of {', '.join(silent)} none is "
            "seen: once the loop decides, `decisionloop status` tells how many outcomes are missing of the others."
        )
        return
    yield (
        f"{some} who were due long enough ago have no outcome. If that means no, say "
        "outcome.absent_means: 0; else their outcomes are unknown, and every figure is bounded by both."
        f"{_held(use_case, share)}"
    )


def _blank(use_case: UseCase, shown: pd.DataFrame, decided: pd.DataFrame) -> Iterator[str]:
    """How many of the recorded cases that were shown have no outcome, by the action that was done."""
    is_blank = shown[["outcome_class", "amount"]].isna().all(axis=1).to_numpy()
    if not len(shown) or is_blank.mean() < _WORTH_SAYING:
        return
    done = shown["decision_id"].map(decided.set_index("decision_id")["action"])
    of_action = pd.Series(is_blank, shown.index).groupby(done)
    blank, all_of = of_action.sum(), of_action.size()
    by_action = ", ".join(
        f"{name}: {some_of(int(blank[name]), int(all_of[name]))}" for name in use_case.action_names if name in blank
    )
    yield (
        f"{some_of(int(is_blank.sum()), len(shown), 'recorded cases')} have no outcome ({by_action}). If that means "
        "no, write the zeros into the log, each with the time at which it was certain; else what came of them is "
        "unknown, and every figure "
        "is bounded by both."
    )


def _held(use_case: UseCase, missing: float) -> str:
    """That more is missing than the contract promises, so that the loop would learn nothing from what is there."""
    promised = promised_share(use_case)
    if promised is None or 1 - missing >= promised:
        return ""
    remedy = f" If so many never come, lower it below {1 - missing:.0%}." if missing < 0.99 else ""
    return (
        f" The contract promises {promised:.0%} (monitors.minimum_arrived): as it is, no monitor would judge these "
        f"cohorts, and those that fall surely short would be held back and teach nothing.{remedy}"
    )
