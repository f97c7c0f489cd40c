"""How releases are called on the page, and on which day of the story something happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from decisionloop.act.legacy import LEGACY
from decisionloop.learn.inverted import INVERTED
from decisionloop.ledger.batches import Batch
from decisionloop.ledger.releases import Release, ReleaseEvent
from decisionloop.release.stages import DEFAULT_ACTION
from decisionloop.report.record.story import DEFAULT, OTHERS, RULES
from decisionloop.report.words.figures import MONTHS, NBSP

KIND_WORDS = {
    "rules": RULES,
    DEFAULT_ACTION: DEFAULT,
    "scorecard": "the scorecard",
    "gradient_boosting": "the gradient-boosted model",
    INVERTED: "the release that was made bad on purpose",
}
REPLAY_LAG = timedelta(days=60)
"""A batch opened so long after its as-of was replayed: the clock on the wall says nothing about the story."""


@dataclass(frozen=True)
class ReleaseNames:
    """What people call each release, by its id."""

    names: Mapping[str, str]
    kinds: Mapping[str, str]

    def __getitem__(self, release_id: str) -> str:
        return OTHERS if release_id == LEGACY else self.names.get(release_id, release_id)

    def in_words(self, text: str) -> str:
        """The text with every release id in it replaced by the release's name."""
        for release_id, name in self.names.items():
            text = text.replace(release_id, name)
        return text

    def is_rules(self, release_id: str) -> bool:
        """Whether the release is one of the rules."""
        return self.kinds.get(release_id) == "rules"


def release_names(releases: Sequence[Release], trained_on: Mapping[str, date], years: int) -> ReleaseNames:
    """Kind and day of training; the end of the id where two would be called the same.

    ``trained_on`` by release id (else the day of creation); ``years``: how many calendar years the story spans.
    """
    plain = {release.release_id: _plain_name(release, trained_on, years) for release in releases}
    times = Counter(name for name in plain.values() if name not in (RULES, KIND_WORDS[DEFAULT_ACTION]))
    names = {
        release_id: f"{name} ({release_id.rsplit('/', 1)[-1][:6]})" if times[name] > 1 else name
        for release_id, name in plain.items()
    }
    return ReleaseNames(names, {release.release_id: release.kind for release in releases})


def _plain_name(release: Release, trained_on: Mapping[str, date], years: int) -> str:
    words = KIND_WORDS.get(release.kind, f"the {release.kind.replace('_', ' ')}")
    if release.is_default_action:
        return KIND_WORDS[DEFAULT_ACTION]
    if release.kind in ("rules", INVERTED):
        return words
    day = trained_on.get(release.release_id, release.created_at.date())
    year = f"{NBSP}{day.year}" if years > 1 else ""
    within = " within its support" if "support" in json.loads(release.card_json) else ""
    return f"{words} of {day.day}{NBSP}{MONTHS[day.month - 1]}{year}{within}"


@dataclass(frozen=True)
class StoryClock:
    """Turns times of the ledger into days of the story; in a replay the wall's clock is not the story's."""

    batches: tuple[Batch, ...]

    def day_of(self, step: ReleaseEvent) -> date:
        """The day on which a release took a step; of a person's after the last batch the wall's own, replay or not."""
        is_by_person = step.decider in {"person", "approver"}
        if is_by_person and self.batches and step.as_of > max(batch.state_at for batch in self.batches):
            return step.as_of.date()
        return self.day(step.as_of)

    def day(self, moment: datetime) -> date:
        """The day itself; for a time on the wall during a replay, the as-of of the batch then under way."""
        before = [batch for batch in self.batches if batch.opened_at <= moment]
        under_way = max(before, key=lambda batch: (batch.opened_at, batch.as_of), default=None)
        if under_way is not None and under_way.opened_at - under_way.as_of > REPLAY_LAG:
            return under_way.as_of.date()
        if under_way is None and self.batches and self._is_before_a_replay(moment):
            return min(batch.as_of for batch in self.batches).date()
        return moment.date()

    def _is_before_a_replay(self, moment: datetime) -> bool:
        """Whether it is of the wall's clock shortly before the first batch of a replay was opened.

        A time long before that is one of the story, such as a turn's in which there was no batch any more.
        """
        last, opened = max(one.as_of for one in self.batches), min(one.opened_at for one in self.batches)
        return moment - last > REPLAY_LAG >= opened - moment
