"""What may be asked of the releases of a use case, and the moves that it comes to.

A request that is fulfilled already comes to no move, so that a killed run may ask again. `planned` holds every move
against the table of `stages`: a request says what is wanted, the table who may do it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from decisionloop.release.grounds import Judgement
from decisionloop.release.roster import RULES, Roster
from decisionloop.release.stages import Decider, Move, Stage, TransitionRefused, is_default_action


class Request(Protocol):
    """Something that somebody wants of the releases of a use case."""

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """The moves that fulfil it, those that leave a place first. Raises TransitionRefused."""
        ...


def planned(roster: Roster, request: Request, by: Decider) -> tuple[Move, ...]:
    """The moves that a request comes to. Raises TransitionRefused where it cannot be, or ``by`` may not ask for it."""
    moves = request.moves(roster)
    for move in moves:
        move.require_allowed(by)
    return moves


@dataclass(frozen=True)
class Register:
    """A new release is there, and decides nothing yet."""

    release_id: str
    is_rules: bool

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """It becomes a candidate, once."""
        known = self.release_id in roster.stages
        return () if known else (Move(self.release_id, self.is_rules, None, "candidate"),)


@dataclass(frozen=True)
class InstallRules:
    """Rules, registered before, are the rules from now on: they decide where rules decide or nobody does."""

    release_id: str

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """Those before them retire, and these take their place. While the rules are stopped, none: another contract
        does not bring back what loses."""
        if roster.are_rules_stopped:
            return ()
        return _take_place(roster, self.release_id, "the rules have changed")


@dataclass(frozen=True)
class StopRules:
    """The default action for everybody, registered as a release of rules, takes the rules' place."""

    release_id: str

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """The rules retire, and a release on trial beside them waits in shadow; none where they are stopped already."""
        if not is_default_action(self.release_id):
            raise TransitionRefused(f"{self.release_id} is not the default action for everybody.")
        if roster.are_rules_stopped:
            return ()
        return (*_alone(roster), *_take_place(roster, self.release_id, "the default action takes their place"))


@dataclass(frozen=True)
class ResumeRules:
    """The rules take their place again: those that are the rules now."""

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """The default action retires; none where the rules are not stopped."""
        if not roster.are_rules_stopped:
            return ()
        return (*_alone(roster), *_take_place(roster, str(roster.present_rules), "the rules take their place again"))


@dataclass(frozen=True)
class EnterShadow:
    """A release is to be scored beside the champion, changing nothing: a candidate, or one that comes back."""

    release_id: str

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """One move."""
        return () if roster.stages.get(self.release_id) == "shadow" else (_move(roster, self.release_id, "shadow"),)


@dataclass(frozen=True)
class EnterCanary:
    """A release in shadow is to decide a share of the decisions, or one in canary a larger share."""

    release_id: str
    share: float

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """One move. A share that is no share, a smaller one than it has, or a second canary is refused."""
        if not 0 < self.share <= 1:
            raise TransitionRefused(f"a canary decides a share above 0 and up to 1, not {self.share:g}.")
        if roster.canary not in {None, self.release_id}:
            raise TransitionRefused(f"{roster.canary} is in canary. Wait until it has become champion, or has left.")
        if roster.canary == self.release_id and roster.share is not None and self.share <= roster.share:
            if self.share == roster.share:
                return ()
            raise TransitionRefused(f"{self.release_id} decides {roster.share:g} already. Stop it, or ask for more.")
        return (_move(roster, self.release_id, "canary", self.share),)


@dataclass(frozen=True)
class Promote:
    """A release is to decide, because the gate has judged that it would have earned more."""

    release_id: str
    judgement: Judgement

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """Who decided leaves its place: a model retires, rules become the baseline."""
        decides = roster.champion
        if decides == self.release_id:
            return ()
        stage = roster.stages.get(self.release_id, "unknown")
        if stage not in {"shadow", "canary"}:
            raise TransitionRefused(f"{self.release_id} is {stage}. It becomes champion from shadow or canary alone.")
        if decides is None:
            raise TransitionRefused(f"nobody decides beside whom {self.release_id} was judged. Run a batch first.")
        if roster.canary not in {None, self.release_id}:
            raise TransitionRefused(f"{roster.canary} is in canary beside the champion. Wait until it has left.")
        self._require_judged(roster, decides)
        place: Stage = "baseline" if decides in roster.rules else "retired"
        left = _move(roster, decides, place, because=f"{self.release_id} decides")
        return left, _move(roster, self.release_id, "champion")

    def _require_judged(self, roster: Roster, decides: str) -> None:
        """The verdict must be about this release as it stands now, beside whoever decides now."""
        told, attempt = self.judgement, roster.attempt_of(self.release_id)
        if (told.decision, told.challenger_id) != ("promote", self.release_id):
            raise TransitionRefused(
                f"verdict {told.verdict_id} says {told.decision} of {told.challenger_id}: "
                f"it promotes no {self.release_id}. Let the gate look at it."
            )
        is_beside = told.champion_id == decides or are_alike(roster, told.champion_id, decides)
        if not is_beside or told.attempt != attempt:
            raise TransitionRefused(
                f"verdict {told.verdict_id} compared {self.release_id} (attempt {told.attempt}) with "
                f"{told.champion_id}; now {decides} decides, and it is attempt {attempt}. Let the gate look again."
            )


@dataclass(frozen=True)
class Refuse:
    """A release that does not decide alone is sent away."""

    release_id: str

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """One move."""
        return () if roster.stages.get(self.release_id) == "refused" else (_move(roster, self.release_id, "refused"),)


@dataclass(frozen=True)
class StopCanary:
    """A release in canary does harm: it decides nothing any more, and the champion decides its share."""

    release_id: str

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """One move."""
        if roster.stages.get(self.release_id) == "rolled_back":
            return ()
        if roster.canary != self.release_id:
            raise TransitionRefused(f"{self.release_id} is not in canary; {roster.canary or 'nobody'} is.")
        return (_move(roster, self.release_id, "rolled_back"),)


@dataclass(frozen=True)
class StopChallenger:
    """A person takes away a release that stands beside the champion: on trial it is rolled back, in shadow refused."""

    release_id: str

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """One move. Whoever is not beside the champion is refused, with those who are."""
        stage = roster.stages.get(self.release_id)
        if stage == "canary":
            return (_move(roster, self.release_id, "rolled_back"),)
        if stage == "shadow":
            return (_move(roster, self.release_id, "refused"),)
        if stage in ("rolled_back", "refused"):
            return ()
        raise TransitionRefused(f"{self._why_not(stage)} {beside_the_champion(roster)}")

    def _why_not(self, stage: Stage | None) -> str:
        if stage == "champion":
            return f"{self.release_id} decides: `decisionloop rollback` lets another one decide."
        return f"{self.release_id} is {'not known' if stage is None else stage}, and decides for nobody."


@dataclass(frozen=True)
class RollBack:
    """An earlier champion is to decide again, or the rules (``to``: `RULES` or a release; None: who decided before).

    ``of``: only while this release decides; None: whoever does.
    """

    to: str | None = None
    of: str | None = None

    def moves(self, roster: Roster) -> tuple[Move, ...]:
        """A model that decided is rolled back, rules become the baseline; a canary goes back to shadow."""
        decides, target = roster.champion, self._target(roster)
        if decides is None or decides == target or self.of not in {None, decides}:
            return ()
        if roster.are_rules_stopped and target == roster.present_rules:
            return ResumeRules().moves(roster)
        waiting, alone = roster.canary, f"{decides}, beside which it was tried, does not decide any more"
        moved = () if waiting in {None, target} else (_move(roster, str(waiting), "shadow", because=alone),)
        if decides in roster.rules:
            left = _move(roster, decides, "baseline", because=f"{target} decides")
        else:
            left = _move(roster, decides, "rolled_back")
        return (*moved, left, _move(roster, target, "champion"))

    def _target(self, roster: Roster) -> str:
        if self.to is None:
            if roster.previous is None:
                raise TransitionRefused(f"say what to go back to from {roster.champion}. {right_choices(roster)}")
            return roster.previous
        target = self._rules(roster) if self.to == RULES else self.to
        if target is None or target not in (roster.champion, roster.baseline, self._rules(roster), *roster.earlier):
            raise TransitionRefused(f"{self.to} is not what can be gone back to. {right_choices(roster)}")
        return target

    def _rules(self, roster: Roster) -> str | None:
        """What has the rules' place; where that decides and is the default action, the rules themselves."""
        is_theirs = roster.are_rules_stopped and roster.champion == roster.baseline
        return roster.present_rules if is_theirs else roster.baseline


def beside_the_champion(roster: Roster) -> str:
    """Who is on trial or in shadow, in words."""
    names = [f"{roster.canary} (on trial)"] if roster.canary else []
    names += [f"{one} (in shadow)" for one in roster.in_shadow]
    return f"Choose one of: {', '.join(names)}." if names else "Nobody is on trial or in shadow."


def choices_of_rollback(roster: Roster) -> tuple[str, ...]:
    """What a rollback can name now: the rules where a model decides, and whoever has decided before."""
    is_by_rules = roster.champion in roster.rules and not roster.are_rules_stopped
    rules = () if is_by_rules or roster.baseline is None else (RULES,)
    return (*rules, *roster.earlier)


def right_choices(roster: Roster) -> str:
    """The same in words."""
    names = [
        f"{one} (rolled back)" if roster.stages.get(one) == "rolled_back" else one
        for one in choices_of_rollback(roster)
    ]
    return f"Choose one of: {', '.join(names)}." if names else "There is no other release that has ever decided."


def _move(roster: Roster, release_id: str, after: Stage, share: float | None = None, because: str = "") -> Move:
    before = roster.stages.get(release_id)
    if before is None:
        raise TransitionRefused(f"release {release_id} is not in the ledger. Register it before it enters {after}.")
    return Move(release_id, release_id in roster.rules, before, after, share, because)


def are_alike(roster: Roster, one: str, other: str) -> bool:
    """Whether both are rules, of whichever contract, or both the default action: beside either money is the same."""
    return {one, other} <= roster.rules and is_default_action(one) == is_default_action(other)


def _take_place(roster: Roster, release_id: str, because: str) -> tuple[Move, ...]:
    """``release_id`` takes the place of what is the baseline."""
    before = roster.baseline
    if before == release_id:
        return ()
    place: Stage = "champion" if roster.champion == before else "baseline"
    left = () if before is None else (_move(roster, before, "retired", because=because),)
    return (*left, _move(roster, release_id, place))


def _alone(roster: Roster) -> tuple[Move, ...]:
    """Who is on trial beside the rules waits in shadow: beside what takes their place it is compared anew."""
    waiting, decides = roster.canary, roster.champion
    if waiting is None or decides not in roster.rules:
        return ()
    return (
        _move(roster, waiting, "shadow", because=f"{decides}, beside which it was tried, does not decide any more"),
    )
