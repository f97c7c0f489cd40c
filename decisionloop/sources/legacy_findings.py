"""What a source says of another system's decisions: what cannot be told, what it did, how far the rules agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.act.legacy import REMEDIES, UNKNOWN_ACTION, LegacyActions, legacy_actions
from decisionloop.contract import UseCase
from decisionloop.sources.base import Source
from decisionloop.sources.legacy import legacy_decisions
from decisionloop.sources.tried_batches import TriedBatch

_SHOWN = 3


def legacy_findings(use_case: UseCase, source: Source, tried: Sequence[TriedBatch]) -> Iterator[str]:
    """Each kind of decision of the tried batches that cannot be told, with its remedy, then what was done.

    Nothing where the loop decides itself. Raises SourceError where the source does not say what was decided.
    """
    if not use_case.is_observing or not tried:
        return
    found = [(batch, _decided(use_case, source, batch)) for batch in tried]
    fault = np.concatenate([one.fault for _, one in found])
    written = np.concatenate([one.written for _, one in found])
    for kind, remedy in REMEDIES.items():
        count = int((fault == kind).sum())
        if count:
            names = [f"{one} ({many})" for one, many in Counter(written[fault == kind]).most_common(_SHOWN)]
            said = f": {', '.join(names)}" if kind == UNKNOWN_ACTION else ""
            told = kind.removeprefix("legacy: ")
            yield f"Of {len(fault):,} decisions of the other system {count:,} have {told}{said}. {remedy}"
    told = fault == ""
    if told.any():
        rules = np.concatenate([batch.action for batch, _ in found])[told]
        yield _summary(use_case, np.concatenate([one.action for _, one in found])[told], rules)
    if np.isnan(np.concatenate([one.propensity for _, one in found])[told]).any():
        yield (
            "With which chance the other system draws is not known: what rules or a model would have earned by actions "
            "that it did not take will not be told. Name a column of propensities, if there is one."
        )


def observed_decisions(use_case: UseCase, source: Source, as_of: pd.Timestamp, entities: np.ndarray) -> np.ndarray:
    """What another system did about each of ``entities`` (n,) up to ``as_of``, by name; None where that is not told."""
    people = pd.DataFrame({use_case.entity.key: pd.Series(entities, dtype="str")})
    said = legacy_decisions(source, people, as_of, use_case.schedule.covers_days)
    done = legacy_actions(use_case, entities, said)
    told = done.written.copy()
    told[done.fault != ""] = None
    return told


def _decided(use_case: UseCase, source: Source, batch: TriedBatch) -> LegacyActions:
    key = use_case.entity.key
    said = legacy_decisions(source, batch.frame[[key]], batch.as_of, use_case.schedule.covers_days)
    return legacy_actions(use_case, batch.frame[key].to_numpy(dtype=object), said)


def _summary(use_case: UseCase, done: np.ndarray, rules: np.ndarray) -> str:
    shares = [f"{name} {np.mean(done == i):.0%}" for i, name in enumerate(use_case.action_names)]
    return (
        f"The other system did {', '.join(shares)} in {len(done):,} decisions of the batches that were tried; "
        f"rules.py would have done the same in {np.mean(done == rules):.0%} of them."
    )
