"""How many outcomes of what the rules would not do the contract's exploring will bring, before anything is decided."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from decisionloop.act.economics import money_range
from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.act.exploration.gaps import spanning
from decisionloop.act.exploration.seen_money import SeenMoney
from decisionloop.act.exploration.tally import Outcomes
from decisionloop.contract import UseCase
from decisionloop.contract.exploration import Exploration, UniformExploration
from decisionloop.learn.tried_otherwise import YEAR_WEEKS, TriedOtherwise, must_be_tried, room_of, setting_of
from decisionloop.sources.batches_ahead import COURSES, BatchesAhead, Shown
from decisionloop.sources.coming import DecisionsComing
from decisionloop.sources.seen_of_tried import SeenOfTried
from decisionloop.sources.tried_batches import TriedBatch

_MOST_ROWS = 200
"""So many people stand for a batch: shares are told, and no decision is made of them."""
_LADDER = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_TIMES = (2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class ExpectedTrying:
    """What is to be expected over ``weeks``: of a replay its own, else a year.

    ``in_all``: what outcomes of another action than the rules' are worth, in these weeks, as the gate measures it;
    ``unlucky`` and ``lucky``: the least and the most of some courses of luck. ``remedy``: the first setting that brings
    enough in that time even then, "" where the contract's own does or none would. ``at_most``: of the last setting that
    was looked at for that, the largest allowed, what it would bring in bad luck; None where none had to be. ``known``:
    how a batch would be explored once everything was known that the data shows; None where nothing is explored.
    ``is_hopeless``: by the contract's money no other action can ever bring more than what the rules do.
    """

    tried: TriedOtherwise
    weeks: float
    is_replay: bool
    in_all: float
    unlucky: float
    lucky: float
    remedy: str = ""
    at_most: float | None = None
    known: ExploringFigures | None = None
    is_hopeless: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether the gate can tell something of most candidates by the end of these weeks, also with bad luck."""
        return self.unlucky >= self.tried.aimed_at


def expected_trying(
    use_case: UseCase,
    tried: Sequence[TriedBatch],
    everyone: pd.DataFrame,
    seen: SeenOfTried,
    coming: DecisionsComing,
) -> ExpectedTrying | None:
    """What is to be expected; None where nothing must be tried to be known, or no outcome tells what it would bring."""
    weeks = max(1.0, (coming.weeks if coming.is_replay else YEAR_WEEKS) - use_case.outcome.maturity_days / 7)
    ahead = _ahead(use_case, tried, everyone, seen, coming, max(1, round(weeks * coming.batches_a_week)))
    if ahead is None:
        return None
    needed, exploration = use_case.gate.minimum_effective_n, use_case.policy.exploration
    courses = ahead.courses(exploration, needed)
    in_all = courses[COURSES // 2]
    setting = setting_of(exploration) if use_case.is_explored else ""
    told = TriedOtherwise(0, needed, in_all / weeks, setting, room=room_of(exploration))
    found = ExpectedTrying(
        told, weeks, coming.is_replay, in_all, courses[0], courses[-1], known=ahead.once_known(exploration)
    )
    if found.is_enough:
        return found
    if is_hopeless(use_case, tried, everyone, seen):
        return replace(found, is_hopeless=True)
    remedy, brings = _remedy(ahead, exploration, told.aimed_at, courses[0])
    return replace(found, remedy=remedy, at_most=brings)


def is_anything_to_try(use_case: UseCase, tried: Sequence[TriedBatch]) -> bool:
    """Whether the rules leave out anything of which only trying it would tell what it brings."""
    return bool(must_be_tried(use_case, np.concatenate([one.action for one in tried])).any())


def is_hopeless(use_case: UseCase, tried: Sequence[TriedBatch], everyone: pd.DataFrame, seen: SeenOfTried) -> bool:
    """Whether the best outcome of every other action brings no more than the worst of what the rules do, for all."""
    chosen = np.concatenate([one.action for one in tried])
    worst, best = money_range(use_case, everyone, spanning(use_case, SeenMoney(outcomes=_between(use_case, seen))))
    rows = np.arange(len(chosen))
    least = worst[rows, chosen].copy()
    best[rows, chosen] = -np.inf
    return bool(len(rows) and (best <= least[:, None]).all())


def _ahead(
    use_case: UseCase,
    tried: Sequence[TriedBatch],
    everyone: pd.DataFrame,
    seen: SeenOfTried,
    coming: DecisionsComing,
    batches: int,
) -> BatchesAhead | None:
    action, reason = (np.concatenate(parts) for parts in zip(*((one.action, one.reason) for one in tried), strict=True))
    must = must_be_tried(use_case, action)
    is_ours, is_other, done = _done(action, must, seen)
    if not must.any() or not is_other.any():
        return None
    between = spanning(use_case, SeenMoney(outcomes=_between(use_case, seen)))

    def shown(kept: np.ndarray, as_done: np.ndarray, is_rules: bool) -> Shown:
        of, money = seen.row[kept], seen.money_of(use_case, everyone, as_done)[kept]
        told = as_done[kept], reason[of], money
        return Shown.of(use_case, everyone.iloc[of].reset_index(drop=True), told, between, is_rules)

    ours, others = shown(is_ours, action[seen.row], True), shown(is_other, done, False)
    if not len(others.kind):
        return None
    some = np.unique(np.linspace(0, len(everyone) - 1, min(len(everyone), _MOST_ROWS)).astype(np.int64))
    people = coming.of_batch
    return BatchesAhead(
        use_case=use_case,
        batch=TriedBatch(tried[-1].as_of, everyone.iloc[some].reset_index(drop=True), action[some], None, reason[some]),
        ours=ours,
        ours_a_batch=len(ours.kind) * people / max(1, len(everyone)),
        others=others,
        shown=float(np.mean(seen.share[must.any(axis=0)])),
        between=between,
        people=people,
        batches=batches,
        population=_population(use_case, tried),
    )


def _population(use_case: UseCase, tried: Sequence[TriedBatch]) -> float:
    """From how many people those of the batches are taken: of two batches of n and m in P people n m / P are the same.

    Infinite where nobody is in two of them.
    """
    who = [one.frame[use_case.entity.key].to_numpy(dtype=object) for one in tried]
    pairs = list(combinations(who, 2))
    same = sum(len(np.intersect1d(one.astype(str), other.astype(str))) for one, other in pairs)
    return sum(len(one) * len(other) for one, other in pairs) / same if same else math.inf


def _done(action: np.ndarray, must: np.ndarray, seen: SeenOfTried) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which outcomes (m,) are of what the rules do, which of what must be tried, and of which action these are.

    Live data does not say what was done: its outcomes stand for those of any action.
    """
    if seen.is_of_action:
        return seen.action == action[seen.row], must[seen.row, seen.action], seen.action
    of = must[seen.row]
    return np.ones(len(seen.row), dtype=bool), of.any(axis=1), of.argmax(axis=1)


def _between(use_case: UseCase, seen: SeenOfTried) -> Outcomes:
    """The outcomes that money lies between, as a loop would have seen them."""
    known = seen.amounts[np.isfinite(seen.amounts)]
    if use_case.outcome.amount is None or not len(known):
        return ()
    ends = float(known.min()), float(known.max())
    kinds = (0.0, 1.0) if use_case.outcome.class_ is not None else (np.nan,)
    return tuple((kind, end) for kind in kinds for end in ends)


def _remedy(ahead: BatchesAhead, exploration: Exploration, needed: float, now: float) -> tuple[str, float]:
    """The first of some settings whose outcomes are worth ``needed`` also with bad luck, and what they are worth.

    "" where none does, with what the last one brings, or the contract's own (``now``) where none is left.
    """
    last: Exploration | None = None
    for words, other in _more(exploration):
        if ahead.are_enough(other, needed):
            return words, ahead.courses(other, needed)[0]
        last = other
    return "", now if last is None else ahead.courses(last, needed)[0]


def _more(exploration: Exploration) -> Iterator[tuple[str, Exploration]]:
    """Settings that try more, one after the other: budgets first, then a flat share, whatever that costs."""
    flat = exploration.share if exploration.kind == "uniform" else 0.0
    if exploration.kind == "priced" and exploration.largest_share > 0:
        share, money = exploration.budget_share, exploration.budget_money
        if share is not None and money is None:
            for more in (one for one in _LADDER if one > share):
                yield f"budget_share: {more:g}", exploration.model_copy(update={"budget_share": more})
        if money:
            for more in (money * one for one in _TIMES):
                changed = exploration.model_copy(update={"budget_share": None, "budget_money": more})
                yield f"budget_money: {more:g}" + (" without budget_share" if share is not None else ""), changed
    for more in (one for one in _LADDER if flat < one <= 0.5):
        yield f"{{kind: uniform, share: {more:g}}}", UniformExploration(kind="uniform", share=more)
