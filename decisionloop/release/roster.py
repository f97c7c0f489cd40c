"""Where every release of a use case stands, as the moves so far say: the state of the state machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from decisionloop.errors import IntegrityError
from decisionloop.release.stages import GONE, Move, Stage, is_default_action

RULES = "rules"
"""What the rules are called where a release is asked for: those that are the baseline now."""


@dataclass(frozen=True)
class Roster:
    """Every move of the releases of one use case, in the order in which they were made."""

    moves: tuple[Move, ...] = ()

    def after(self, moves: Iterable[Move]) -> Roster:
        """The roster after more moves. Raises IntegrityError where they do not begin where the releases stand."""
        later = tuple(moves)
        stages = dict(self.stages)
        for move in later:
            if stages.get(move.release_id) != move.before:
                raise IntegrityError(
                    f"{move.release_id} is said to leave {move.before}, and is {stages.get(move.release_id)}. "
                    "Restore the ledger."
                )
            stages[move.release_id] = move.after
        return Roster(self.moves + later)

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """The stage of every release by its id, in the order in which they were registered."""
        return {move.release_id: move.after for move in self.moves}

    @cached_property
    def rules(self) -> frozenset[str]:
        """The releases that are rules."""
        return frozenset(move.release_id for move in self.moves if move.is_rules)

    @property
    def champion(self) -> str | None:
        """Who decides; None before the first release."""
        return self._only("champion")

    @property
    def baseline(self) -> str | None:
        """The rules that stand beside whoever decides, or decide themselves; None before the first release."""
        decides = self.champion
        return decides if decides in self.rules else self._only("baseline")

    @property
    def are_rules_stopped(self) -> bool:
        """Whether the default action has the rules' place."""
        return self.baseline is not None and is_default_action(self.baseline)

    @property
    def present_rules(self) -> str | None:
        """The rules themselves, whether or not they have their place: who had it last or, where they have become others
        since they were stopped, those."""
        own, is_stopped, in_place = None, False, ("champion", "baseline")
        for move in self.moves:
            if is_default_action(move.release_id):
                is_stopped = move.after in in_place or (is_stopped and move.before not in in_place)
            elif move.is_rules and (move.after in in_place or (is_stopped and move.before is None)):
                own = move.release_id
        return own if self.are_rules_stopped and own is not None else self.baseline

    @property
    def canary(self) -> str | None:
        """Who decides a share beside the champion, if anybody does."""
        return self._only("canary")

    @property
    def share(self) -> float | None:
        """The share that the canary decides."""
        shares = [move.share for move in self.moves if move.release_id == self.canary]
        return shares[-1] if shares else None

    @property
    def in_shadow(self) -> tuple[str, ...]:
        """Who is scored beside the champion, and decides nothing."""
        return tuple(release_id for release_id, stage in self.stages.items() if stage == "shadow")

    def attempt_of(self, release_id: str) -> int:
        """Which attempt at deciding this is, from 1: one that comes back into shadow begins another one."""
        own = [move for move in self.moves if move.release_id == release_id]
        return 1 + sum(move.before in GONE and move.after == "shadow" for move in own)

    def has_decided(self, release_id: str) -> bool:
        """Whether it was ever champion."""
        return release_id in self.champions

    @cached_property
    def champions(self) -> tuple[str, ...]:
        """Who was champion, in order; a release that came back is there again."""
        return tuple(move.release_id for move in self.moves if move.after == "champion")

    @property
    def earlier(self) -> tuple[str, ...]:
        """Models that have decided and do not now, the latest first: what can be gone back to beside the rules."""
        latest_first = dict.fromkeys(reversed(self.champions))
        return tuple(one for one in latest_first if one != self.champion and one not in self.rules)

    @property
    def previous(self) -> str | None:
        """Whose place the champion took: the one before it that was not rolled back since, the rules at the latest.

        None where rules decide: nobody was before them.
        """
        if self.champion is None or self.champion in self.rules:
            return None
        before = self.champions[: self.champions.index(self.champion)]
        for one in reversed(before):
            if one in self.rules:
                break
            if self.stages[one] == "retired":
                return one
        return self.baseline

    def _only(self, stage: Stage) -> str | None:
        found: Sequence[str] = [release_id for release_id, at in self.stages.items() if at == stage]
        if len(found) > 1:
            raise IntegrityError(f"{' and '.join(found)} are {stage} at once. Restore the ledger.")
        return found[0] if found else None
