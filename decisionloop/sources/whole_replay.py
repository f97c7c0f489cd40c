"""Whether all of a replay together has enough outcomes for a training: it is counted, for a replay has an end."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.sources.base import Source
from decisionloop.sources.known_outcomes import is_readable

_ENOUGH_TO_COUNT = 40_000
"""Of more people outcomes are not counted by class: a class would have to be rarer than one in hundreds."""


def replay_shortage(use_case: UseCase, source: Source, seen_by: pd.Timestamp) -> str:
    """Of what the whole replay has too little by ``seen_by``, whatever is done, and what to change; "" of nothing."""
    moments, covers = source.calendar(), use_case.schedule.covers_days
    people, needed = sum(len(source.due(moment, covers)) for moment in moments), use_case.monitors.minimum_outcomes
    if people < needed:
        return (
            f"All batches of the source have {people:,} people, and monitors.minimum_outcomes needs {needed:,} mature "
            "outcomes before any training: no model would ever be trained. Bring more data, or lower it."
        )
    if people > _ENOUGH_TO_COUNT:
        return ""
    shown = source.outcomes(seen_by, _decided(use_case, source, moments))
    shown = shown[is_readable(shown)]
    known = shown["decision_id"].dropna().astype("str")
    by_action = known.str.rsplit("/", n=1).str[-1].value_counts()  # as `_decided` names them
    most = int(by_action.max()) if len(by_action) else 0
    if 0 < most < needed and not use_case.outcome.means_zero_when_absent:
        return (
            f"Whatever is done, at most {most:,} outcomes are seen by the last batch ({seen_by:%Y-%m-%d}), and "
            f"monitors.minimum_outcomes needs {needed:,} before any training: no model would be trained by then. "
            "Bring more data, or lower it."
        )
    recorded = shown["outcome_class"].dropna()
    rarer, events = int(min((recorded == 1).sum(), (recorded == 0).sum())), use_case.monitors.minimum_events
    is_known = use_case.outcome.class_ is not None and not use_case.outcome.means_zero_when_absent and len(recorded)
    if is_known and 0 < rarer < events:
        return (
            f"Of the outcomes seen by the last batch ({seen_by:%Y-%m-%d}), {rarer:,} are of the rarer class, and "
            f"monitors.minimum_events needs {events:,} before any training: no model would ever be trained. "
            "Bring more data, or lower it."
        )
    return ""


def _decided(use_case: UseCase, source: Source, moments: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Decisions of everybody due at ``moments`` under every revealing action, as a replay wants to know them."""
    parts = []
    for moment in moments:
        entity = source.due(moment, use_case.schedule.covers_days)[use_case.entity.key].to_numpy(dtype=object)
        for action in use_case.actions:
            if action.reveals_outcome:
                columns = {
                    "decision_id": [f"{one}@{moment.isoformat()}/{action.name}" for one in entity],
                    "entity_id": entity,
                    "as_of": moment,
                    "action": action.name,
                    "has_outcome": False,
                }
                parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
