"""A release on trial: it decides for a share of the entities, in place of whoever decides for the others.

Who is on trial is drawn once for an entity and a release, so that nobody is decided now by the one and now by the
other, and a larger share keeps everyone of a smaller one. As a draw it is part of each action's propensity: an action
that the release on trial prefers, and the champion does not, is taken with a chance of at least the share, which is
why a canary is also the fastest way to learn whether it earns more.

It has no say where the rules stand in for a model or people have switched models off, nor over rows that are not the
policy's to choose, nor of a row that it cannot value. The constraints of a policy bind no rules: beside rules as
champion they are planned for the release on trial as though it decided for everybody, and of what they allow it takes
its share; where they cannot be kept it has no say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decisionloop.act.draws import Ids, on_trial
from decisionloop.act.preference import actions_within_reach
from decisionloop.act.propensities import Exploring, Offer


@dataclass(frozen=True)
class OnTrial:
    """Which release is on trial, and for which ``share`` of the entities, in [0, 1], it decides."""

    release_id: str
    share: float

    def draws(self, entity_ids: Ids, salt: str) -> np.ndarray:
        """Whom it decides for, bool (n,)."""
        return on_trial(entity_ids, salt, self.release_id, self.share)


@dataclass(frozen=True)
class Canary:
    """What a release on trial says of n rows: ``values`` expected money (n, A), NaN where it cannot say.

    ``supported`` bool (n, A): where it may decide, None: everywhere.
    """

    on_trial: OnTrial
    values: np.ndarray
    supported: np.ndarray | None = None

    def rows(self, some: slice) -> Canary:
        """The same of some of the rows."""
        supported = None if self.supported is None else self.supported[some]
        return replace(self, values=self.values[some], supported=supported)


@dataclass(frozen=True)
class Trial:
    """The offer as the release on trial sees it.

    ``chance`` (n,) that a row is decided by it, 0 where it has no say; ``is_drawn`` bool (n,): that is who decides.
    """

    offer: Offer
    chance: np.ndarray
    is_drawn: np.ndarray

    @classmethod
    def of(cls, offer: Offer, rules: np.ndarray, canary: Canary, entity_ids: Ids, salt: str) -> Trial:
        """The trial on n rows whose rules' action is ``rules`` (n,)."""
        has_say = offer.is_free & ~(np.isnan(canary.values) & offer.allowed).any(axis=1)
        reach = None if canary.supported is None else actions_within_reach(rules, canary.supported)
        theirs = replace(offer, values=canary.values, reach=reach)
        chance = np.where(has_say, canary.on_trial.share, 0.0)
        return cls(theirs, chance, has_say & canary.on_trial.draws(entity_ids, salt))

    def exploring(self, exploring: Exploring) -> Trial:
        """The same, exploring so."""
        return replace(self, offer=replace(self.offer, exploring=exploring))

    def alone(self, rules: np.ndarray) -> Offer:
        """The offer as though it decided whomever it can value, and the ``rules`` (n,) the others."""
        return replace(self.offer, fixed=np.where(self.chance > 0, self.offer.fixed, rules))

    def mixed(self, offer: Offer) -> Offer:
        """The offer of all rows together: as the release on trial sees those that it decides, else as it was."""
        ours, theirs = (one.allowed if one.reach is None else one.reach for one in (offer, self.offer))
        return replace(
            offer,
            values=np.where(self.is_drawn[:, None], self.offer.values, offer.values),
            reach=np.where(self.is_drawn[:, None], theirs, ours),
        )
