"""From the ledger's releases and verdicts to the lives of releases and what the gate said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from decisionloop.ledger.releases import Release, ReleaseEvent
from decisionloop.ledger.verdicts import Verdict
from decisionloop.report.read.decisions import as_object
from decisionloop.report.record.lines import CheckLine, ReleaseEventLine, VerdictStory
from decisionloop.report.words.naming import ReleaseNames, StoryClock


def release_lines(
    events: Sequence[ReleaseEvent], names: ReleaseNames, clock: StoryClock
) -> tuple[ReleaseEventLine, ...]:
    """Every stage of every release, by day."""
    lines = [
        ReleaseEventLine(
            on=clock.day_of(event),
            release=names[event.release_id],
            kind=names.kinds.get(event.release_id, ""),
            stage=event.stage,
            reason=names.in_words(event.reason),
            decided_by=event.decided_by,
        )
        for event in sorted(events, key=lambda one: one.seq)
    ]
    return tuple(sorted(lines, key=lambda line: line.on))


def verdict_lines(
    verdicts: Sequence[Verdict], names: ReleaseNames, events: Sequence[ReleaseEvent] = ()
) -> tuple[VerdictStory, ...]:
    """Every look at a challenger with its checks; a look that had to be repeated is told once, by its last.

    ``events`` of all releases say what became of the challengers.
    """
    looks: dict[tuple[str, str, int], list[Verdict]] = {}
    for one in verdicts:
        looks.setdefault((one.challenger_id, one.champion_id, one.look), []).append(one)
    told = sorted(looks.values(), key=lambda repeated: repeated[-1].as_of)
    return tuple(_verdict(repeated[-1], len(repeated), names, what_became(repeated[-1], events)) for repeated in told)


def what_became(verdict: Verdict, events: Iterable[ReleaseEvent]) -> ReleaseEvent | None:
    """The stage that a challenger reached by a verdict; None where it stayed where it was."""
    reached = {
        "promote": {"shadow", "canary", "champion", "refused"},
        "refuse": {"refused"},
        "insufficient": {"refused"},
    }
    wanted, is_unproven = reached.get(verdict.decision, set()), verdict.decision == "insufficient"
    later = [
        one
        for one in events
        if one.release_id == verdict.challenger_id
        and one.stage in wanted
        # What is not proven may be looked at again: only what came of it at once came of it.
        and (one.as_of == verdict.as_of if is_unproven else one.as_of >= verdict.as_of)
    ]
    return min(later, key=lambda one: one.seq, default=None)


def _verdict(verdict: Verdict, asked: int, names: ReleaseNames, became: ReleaseEvent | None) -> VerdictStory:
    return VerdictStory(
        as_of=verdict.as_of.date(),
        look=verdict.look,
        challenger=names[verdict.challenger_id],
        champion=names[verdict.champion_id],
        decision=verdict.decision,
        checks=_checks(verdict.reasons),
        asked=asked,
        became=became.stage if became else "",
        became_because=names.in_words(became.reason) if became else "",
        challenger_id=verdict.challenger_id,
    )


def _checks(reasons: str) -> tuple[CheckLine, ...]:
    """Checks as the gate writes them: a JSON list of objects (or an object holding one under "checks")."""
    try:
        content = json.loads(reasons)
    except ValueError:
        content = [reasons]
    if isinstance(content, dict):
        content = content.get("checks", [content])
    return tuple(_check(one) for one in content if one)


def _check(content: Any) -> CheckLine:
    if not isinstance(content, Mapping):
        return CheckLine("", None, str(content))
    name = str(content.get("name", ""))
    return CheckLine(name, content.get("is_passed"), str(content.get("reason") or content.get("sentence") or ""))


def reference_auc(release: Release | None) -> float | None:
    """The AUC that a release had when it was made, weighted for selection where its card says so."""
    metrics = as_object(release.card_json).get("metrics") if release else None
    if not isinstance(metrics, Mapping):
        return None
    known = (metrics.get(name) for name in ("auc_weighted", "auc"))
    return next((float(value) for value in known if isinstance(value, int | float)), None)
