"""What a release and the champion said of the same rows, counted: what harm that needs no outcome is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.monitor.compare.output_profile import slice_values
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.shadow.answers import Answers, Codes, Floats, PartBeside


@dataclass(frozen=True)
class Silence:
    """A slice ("name=value", or "name=missing"): its rows, and of how many the release alone says nothing."""

    slice: str
    rows: int
    silent: int


@dataclass(frozen=True)
class ScoreCounts:
    """Scores of a release in the bins of its reference: of a batch, and of the reference itself."""

    now: tuple[int, ...]
    reference: tuple[int, ...]


@dataclass(frozen=True)
class BesideCounts:
    """n rows that a release and the champion have both scored; those of two parts, or batches, add up.

    silent            rows that the release values at NaN in part, and the champion does not
    silence           of the slices in which there are any
    actions, champion_actions  how often each action (A,)
    agreeing, against pairs of rows that both put in the same order by what acting is worth, and in the opposite one
    groups            the release's favourable actions, and (as ``rules``) the champion's
    """

    rows: int
    silent: int
    silence: tuple[Silence, ...]
    actions: tuple[int, ...]
    champion_actions: tuple[int, ...]
    agreeing: int
    against: int
    groups: GroupTally

    @classmethod
    def of(cls, use_case: UseCase, part: PartBeside) -> BesideCounts:
        """Count one part."""
        ours, theirs = part.shadow, part.champion
        silent = _says_nothing(ours) & ~_says_nothing(theirs)
        agreeing, against = _ordered(use_case, ours, theirs)
        counts = [np.bincount(one.action, minlength=len(use_case.actions)).tolist() for one in (ours, theirs)]
        return cls(
            rows=len(part.frame),
            silent=int(silent.sum()),
            silence=tuple(_silence(use_case, part, silent)),
            actions=tuple(counts[0]),
            champion_actions=tuple(counts[1]),
            agreeing=agreeing,
            against=against,
            # The tally's second side is whoever the first is compared with: here the champion, and not the rules.
            groups=GroupTally.of(use_case, part.frame, ours.action, theirs.action),
        )

    def __add__(self, other: BesideCounts) -> BesideCounts:
        """Both together."""
        return BesideCounts(
            rows=self.rows + other.rows,
            silent=self.silent + other.silent,
            silence=_merged(self.silence, other.silence),
            actions=_summed(self.actions, other.actions),
            champion_actions=_summed(self.champion_actions, other.champion_actions),
            agreeing=self.agreeing + other.agreeing,
            against=self.against + other.against,
            groups=self.groups + other.groups,
        )

    def is_of(self, use_case: UseCase) -> bool:
        """Whether these are the actions and the groups of the contract, which may have changed since they were kept."""
        return len(self.actions) == len(use_case.actions) and self.groups.is_of(use_case)

    def as_kept(self) -> BesideCounts:
        """Of a whole batch: slices in which it says something of everybody are not worth keeping."""
        return replace(self, silence=tuple(one for one in self.silence if one.silent))


def _says_nothing(answers: Answers) -> np.ndarray:
    """Rows (n,) that are valued at NaN in part; rules, who value nothing, always say something."""
    if answers.values is None:
        return np.zeros(len(answers.action), dtype=bool)
    return np.asarray(np.isnan(answers.values).any(axis=1))


def _silence(use_case: UseCase, part: PartBeside, silent: np.ndarray) -> Iterator[Silence]:
    """Every value of the categories and protected attributes with a row, and every feature where it is missing."""
    protected = [one.name for one in use_case.protected]
    categories = [one.name for one in use_case.features if one.type == "category"]
    for name in dict.fromkeys([*categories, *protected]):
        rows, mute = (part.frame[name][keep].value_counts() for keep in (slice(None), silent))
        for value in slice_values(use_case, name):
            if rows.get(value, 0):
                yield Silence(f"{name}={value}", int(rows[value]), int(mute.get(value, 0)))
    for name in use_case.feature_names:
        is_missing = part.frame[name].isna().to_numpy()
        if is_missing.any():
            yield Silence(f"{name}=missing", int(is_missing.sum()), int((is_missing & silent).sum()))


def _ordered(use_case: UseCase, ours: Answers, theirs: Answers) -> tuple[int, int]:
    """Pairs of different rows, each row in one, that both order by what acting is worth: alike, and the other way."""
    if ours.values is None or theirs.values is None:
        return 0, 0
    half = len(ours.action) // 2
    apart = [worth[:half] - worth[half : 2 * half] for worth in (_worth(use_case, one) for one in (ours, theirs))]
    product = np.sign(apart[0]) * np.sign(apart[1])  # NaN where one of them cannot say
    return int((product > 0).sum()), int((product < 0).sum())


def _worth(use_case: UseCase, answers: Answers) -> Floats:
    """What the best other action is worth more than the default one (n,); NaN where an action is not valued."""
    assert answers.values is not None
    others = np.delete(answers.values, use_case.default_action, axis=1)
    return np.asarray(others.max(axis=1) - answers.values[:, use_case.default_action])


def _summed(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _merged(one: tuple[Silence, ...], other: tuple[Silence, ...]) -> tuple[Silence, ...]:
    found: dict[str, Codes] = {}
    for each in (*one, *other):
        found[each.slice] = found.get(each.slice, np.zeros(2, np.int64)) + np.array([each.rows, each.silent])
    return tuple(Silence(name, int(rows), int(silent)) for name, (rows, silent) in found.items())
