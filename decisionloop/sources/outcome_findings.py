"""Which outcomes would be taken in, how late the others are and how different: told from data before the loop runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import UseCaseCode
from decisionloop.contract.cron import due_times_until
from decisionloop.contract.section import CENTURY
from decisionloop.monitor.labels import promised_share
from decisionloop.observe.matching import happened_at, match_decisions, utc_microseconds
from decisionloop.observe.maturity import due_days
from decisionloop.predict.features import build_frame
from decisionloop.sources.base import DECIDED_COLUMNS, Source, TellingSource
from decisionloop.sources.legacy_findings import observed_decisions

_TURNS = 60
_DECISIONS = 40_000
"""So many tell shares of outcomes well enough; more people are thinned out evenly, turn by turn."""
_WORTH_SAYING = 0.01
"""Shares below this are left unsaid."""


def outcome_findings(use_case: UseCase, code: UseCaseCode, source: Source, as_of: pd.Timestamp) -> Iterator[str]:
    """Each finding with its remedy, about the outcomes that had been seen by ``as_of``."""
    decided = _would_be_decided(use_case, source, as_of)
    shown = source.outcomes(as_of, decided)
    is_read = is_readable(shown)
    if not isinstance(source, TellingSource):
        yield from _unread(shown, is_read)
    shown = shown[is_read].reset_index(drop=True)
    outcomes = shown[shown[["outcome_class", "amount"]].notna().any(axis=1)]
    if outcomes.empty:
        yield f"No outcome had been seen by {as_of:%Y-%m-%d %H:%M}. Check the outcome's times, or wait for outcomes."
        return
    yield from _one_class(use_case, outcomes["outcome_class"])
    if decided.empty:
        return
    if not source.calendar():  # the ids are those of decisions that were made, not of these
        outcomes = outcomes.assign(decision_id=pd.Series(None, index=outcomes.index, dtype="str"))
    known = _Known.of(use_case, outcomes, decided, _due_days(use_case, code, source, decided), as_of)
    yield from _after_window(use_case, known)
    yield from _after_due(use_case, known)
    if use_case.are_outcomes_drawn:  # what is not shown is the draw's doing, and what the log leaves blank is not
        yield from _blank(use_case, shown, decided)
    else:
        yield from _never(use_case, known)


def is_readable(outcomes: pd.DataFrame) -> np.ndarray:
    """Which outcomes (n,) have a time, and no part that nobody can read: the intake refuses the others."""
    parts = outcomes[["outcome_class", "amount"]].to_numpy(dtype=np.float64, na_value=np.nan)
    return outcomes["observed_at"].notna().to_numpy() & ~np.isinf(parts).any(axis=1)


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


def _would_be_decided(use_case: UseCase, source: Source, as_of: pd.Timestamp) -> pd.DataFrame:
    """Decisions of everyone due at every turn of a replay, or at the last ones of live data, under revealing actions.

    Of a replay under every such action, as it wants to know them; live data shows what it shows.
    """
    moments = source.calendar()
    revealing = [action.name for action in use_case.actions if action.reveals_outcome]
    if not moments:
        due = islice(due_times_until(use_case.schedule, as_of.to_pydatetime()), _TURNS)
        moments, revealing = tuple(pd.Timestamp(moment) for moment in due), revealing[:1]
    parts = [pd.DataFrame({name: pd.Series(dtype="str") for name in DECIDED_COLUMNS})]
    most = max(1, _DECISIONS // max(1, len(moments) * len(revealing)))
    for moment in moments:
        due_now = source.due(moment, use_case.schedule.covers_days)[use_case.entity.key].to_numpy()
        due_now = due_now[:: max(1, len(due_now) // most)]
        if use_case.is_observing:
            parts.append(_observed(use_case, source, moment, due_now))
            continue
        for name in revealing:
            ids = [f"{one}@{moment.isoformat()}/{name}" for one in due_now]
            columns = {"decision_id": ids, "entity_id": due_now, "as_of": moment, "action": name, "has_outcome": False}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _observed(use_case: UseCase, source: Source, moment: pd.Timestamp, due_now: np.ndarray) -> pd.DataFrame:
    """What another system decided about them, where that shows an outcome."""
    done = observed_decisions(use_case, source, moment, due_now)
    shown = np.isin(done, [action.name for action in use_case.actions if action.reveals_outcome])
    ids = [f"{one}@{moment.isoformat()}" for one in due_now[shown]]
    columns = {"decision_id": ids, "entity_id": due_now[shown], "as_of": moment, "action": done[shown]}
    return pd.DataFrame({**columns, "has_outcome": False})


def _due_days(use_case: UseCase, code: UseCaseCode, source: Source, decided: pd.DataFrame) -> np.ndarray:
    """After how many days the outcome of each of the n decisions falls due (n,)."""
    days = np.full(len(decided), use_case.outcome.maturity_days)
    if not use_case.outcome.due:
        return days
    for moment, rows in decided.groupby("as_of").indices.items():
        as_of, ids = pd.Timestamp(str(moment)), decided["entity_id"].to_numpy()[rows]
        entities = pd.DataFrame({use_case.entity.key: pd.unique(ids)})
        known = source.known(entities, as_of)
        frame = build_frame(use_case, code.features, known, entities, as_of, source.time_column)
        of_entity = pd.Series(due_days(use_case, frame), index=frame[use_case.entity.key].to_numpy())
        days[rows] = of_entity.reindex(ids).fillna(use_case.outcome.maturity_days).to_numpy()
    return days


@dataclass(frozen=True)
class _Known:
    """The outcomes of those who would be decided: ``found`` (m,) of one outcome each, and of those without.

    ``found`` has decision (position), outcome_class, amount, waited_days (from decision to seen), happened_days and
    due_days; ``is_mature`` (n,) says which decisions are due at the as-of.
    """

    found: pd.DataFrame
    is_mature: np.ndarray

    @classmethod
    def of(
        cls, use_case: UseCase, outcomes: pd.DataFrame, decided: pd.DataFrame, days: np.ndarray, as_of: pd.Timestamp
    ) -> _Known:
        """Match every outcome with who would be decided, whenever it happened; ``days`` (n,) until each is due."""
        outcome = use_case.outcome.model_copy(update={"window_days": float(CENTURY), "closed_days": None})
        open_ended = use_case.model_copy(update={"outcome": outcome})
        position = match_decisions(outcomes, decided, open_ended, as_of.to_pydatetime()).decision
        rows, place = outcomes[position >= 0], position[position >= 0]
        made = utc_microseconds(decided["as_of"])[place]
        found = pd.DataFrame(
            {
                "decision": place,
                "outcome_class": rows["outcome_class"].to_numpy(),
                "amount": rows["amount"].to_numpy(),
                "waited_days": (utc_microseconds(rows["observed_at"]) - made) / np.timedelta64(1, "D"),
                "happened_days": (happened_at(rows) - made) / np.timedelta64(1, "D"),
                "due_days": days[place],
            }
        )
        age = (as_of - pd.to_datetime(decided["as_of"], utc=True)) / pd.Timedelta(days=1)
        return cls(found.sort_values("waited_days").drop_duplicates("decision"), age.to_numpy() >= days)


def _after_window(use_case: UseCase, known: _Known) -> Iterator[str]:
    outcome, found = use_case.outcome, known.found
    share = float((found["happened_days"] > outcome.window_days).mean()) if len(found) else 0.0
    if share < _WORTH_SAYING:
        return
    if outcome.happened_at is None:
        yield (
            f"{share:.1%} of outcomes are seen after window_days ({outcome.window_days:g}) and are refused: nobody "
            "says when they happened, so the time seen stands in. Name outcome.happened_at, or lengthen the window."
        )
    else:
        yield (
            f"{share:.1%} of outcomes happen after window_days ({outcome.window_days:g}) and are refused. Lengthen the "
            "window if they are meant."
        )


def _after_due(use_case: UseCase, known: _Known) -> Iterator[str]:
    """Of what the window admits and was decided long enough ago, how much comes after it is due, and how different."""
    found = known.found[known.is_mature[known.found["decision"].to_numpy()]]
    if use_case.outcome.happened_at is not None:
        found = found[found["happened_days"] <= use_case.outcome.window_days]
    is_late = (found["waited_days"] > found["due_days"]).to_numpy()
    share = float(is_late.mean()) if len(found) else 0.0
    if share < _WORTH_SAYING:
        return
    when = "outcome.due" if use_case.outcome.due else "maturity_days"
    if use_case.outcome.means_zero_when_absent:
        yield f"{share:.1%} of outcomes come after {when} and count as 0 until they do: lengthen it."
        return
    yield (
        f"{share:.1%} of outcomes come after {when}; {_compared(use_case, found[is_late], found[~is_late])}: lengthen "
        "it, or say what absent means (outcome.absent_means)."
    )


def _compared(use_case: UseCase, late: pd.DataFrame, in_time: pd.DataFrame) -> str:
    if use_case.outcome.class_ is not None:
        rates = [f"{part['outcome_class'].mean():.0%}" if len(part) else "none" for part in (late, in_time)]
        return f"{rates[0]} of them are yes against {rates[1]}"
    means = [f"{part['amount'].mean():.3g}" if len(part) else "none" for part in (late, in_time)]
    return f"their mean is {means[0]} against {means[1]}"


def _never(use_case: UseCase, known: _Known) -> Iterator[str]:
    """Of those who were due long enough ago, how many have no outcome at all.

    A replay knows everybody's. Elsewhere nobody can say here how many should have one where an action reveals none.
    """
    many = int(known.is_mature.sum())
    has = np.zeros(len(known.is_mature), dtype=bool)
    has[known.found["decision"].to_numpy()] = True
    share = float((known.is_mature & ~has).sum()) / many if many else 0.0
    if share < _WORTH_SAYING or use_case.outcome.means_zero_when_absent:
        return
    silent = [action.name for action in use_case.actions if not action.reveals_outcome]
    if silent and use_case.source.kind in ("tables", "custom"):
        yield (
            f"{share:.1%} of {many:,} who were due long enough ago have no outcome, and of {', '.join(silent)} none is "
            "seen: once the loop decides, `decisionloop status` tells how many outcomes are missing of the others."
        )
        return
    yield (
        f"{share:.1%} of {many:,} who were due long enough ago have no outcome. If that means no, say "
        "outcome.absent_means: 0; else their outcomes are unknown, and every figure is bounded by both."
        f"{_held(use_case, share)}"
    )


def _blank(use_case: UseCase, shown: pd.DataFrame, decided: pd.DataFrame) -> Iterator[str]:
    """How many of the recorded cases that were shown have no outcome, by the action that was done."""
    is_blank = shown[["outcome_class", "amount"]].isna().all(axis=1).to_numpy()
    if not len(shown) or is_blank.mean() < _WORTH_SAYING:
        return
    done = shown["decision_id"].map(decided.set_index("decision_id")["action"])
    share = pd.Series(is_blank, shown.index).groupby(done).mean()
    by_action = ", ".join(f"{share[name]:.1%} of {name}" for name in use_case.action_names if name in share)
    yield (
        f"{is_blank.mean():.1%} of the recorded cases have no outcome ({by_action}). If that means no, write the zeros "
        "into the log, each with the time at which it was certain; else what came of them is unknown, and every figure "
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
