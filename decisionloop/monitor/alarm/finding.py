"""One check of one monitor: what was measured, against which limit, and whether the limit was surely crossed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.observe.estimate import Estimate

Direction = Literal["above", "below"]


@dataclass(frozen=True)
class Chart:
    """What changed, to be drawn: shares of the reference and of now under the same labels, each summing to 1."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class Finding:
    """A check and its answer.

    ``figure`` is what was measured with its usual 95 % interval. The alarm does not use that interval: ``bound`` is
    the one-sided bound at the check's own ``alpha`` (the chance of a false alarm in this one check; see
    `monitor.budget`), and the check ``is_alarm`` where the bound is beyond ``threshold`` in ``direction``. None: the
    data could not answer, which is never an alarm.

    ``slice`` is "all" or "name=value" ("feature=avg_spend", "sex=2", "action=offer_10"). ``against`` names the
    reference ("training", "recent", "release", ...). ``stake`` is the money at stake in currency per decision,
    never negative, None where nobody can say. ``words`` say in a sentence what changed, ``suggestion`` what to do.
    ``is_halting``: it must stop the batch before anything acts. ``batches``: over how many of the last it was judged.
    ``is_notice``: where it is sure it is worth knowing, and no alarm.
    """

    family: MonitorFamily
    monitor: str
    slice: str
    figure: Estimate
    threshold: float
    bound: float | None
    direction: Direction
    alpha: float
    words: str
    suggestion: str
    against: str = ""
    stake: float | None = None
    chart: Chart | None = None
    release_id: str | None = None
    is_halting: bool = False
    batches: int = 1
    is_notice: bool = False

    @property
    def is_alarm(self) -> bool:
        """Whether the limit was surely crossed, by what is more than a notice."""
        return self.is_sure and not self.is_notice

    @property
    def is_sure(self) -> bool:
        """Whether the limit was surely crossed."""
        if self.bound is None:
            return False
        return self.bound > self.threshold if self.direction == "above" else self.bound < self.threshold


@dataclass(frozen=True)
class Stakes:
    """What mistakes cost in this use case, in currency per decision; None where no model has valued the actions.

    worth   mean difference between the best and the worst allowed action's expected money: what choosing is worth
    swing   mean absolute difference that the outcome makes to the money of the action taken
    importance  share of each feature in the deciding model's scores, at most 1 each; None: unknown
    """

    worth: float | None = None
    swing: float | None = None
    importance: Mapping[str, float] | None = None

    def of_feature(self, name: str) -> Stakes:
        """What is at stake in one feature: what choosing is worth, as far as the model's scores rest on it.

        All of it where nobody knows how far they do.
        """
        if self.worth is None or self.importance is None:
            return self
        return Stakes(self.worth * min(1.0, self.importance.get(name, 0.0)), self.swing)

    def of_share(self, share: float) -> float | None:
        """Money at stake where this share of decisions may be chosen wrongly."""
        return None if self.worth is None else abs(share) * self.worth

    def of_rate(self, gap: float) -> float | None:
        """Money at stake where a rate is wrong by ``gap``."""
        return None if self.swing is None else abs(gap) * self.swing
