"""Everything that can happen to the releases of a use case, in any order, beside a plain book of who stands where.

The book knows nothing of the state machine under test: it writes down what each request means when it is obeyed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from decisionloop.release.grounds import Judgement
from decisionloop.release.requests import (
    EnterCanary,
    EnterShadow,
    InstallRules,
    Promote,
    Refuse,
    Register,
    Request,
    ResumeRules,
    RollBack,
    StopCanary,
    StopChallenger,
    StopRules,
    planned,
)
from decisionloop.release.roster import RULES, Roster
from decisionloop.release.stages import Decider, TransitionRefused

OURS, GATE = Decider("decisionloop", "decisionloop"), Decider("gate", "gate")
GUARD, ANYBODY, APPROVER = Decider("guard", "monitors"), Decider("person", "anna"), Decider("approver", "boss")
DECIDERS = st.sampled_from([OURS, GATE, GUARD, ANYBODY, APPROVER])
SELDOM = st.sampled_from([False] * 5 + [True])
MOSTLY = st.sampled_from([True] * 5 + [False])
SHARES = st.sampled_from([0.01, 0.05, 0.25, 0.5, 1.0, 0.0, 1.5])


class World(Protocol):
    """Where requests are made: the pure state machine, or a ledger."""

    def roster(self) -> Roster:
        """Where everything stands."""
        ...

    def ask(self, request: Request, by: Decider) -> int:
        """Make a request; returns how many moves it came to. Raises TransitionRefused."""
        ...


class PureWorld:
    """The state machine by itself."""

    def __init__(self) -> None:
        self.present = Roster()

    def roster(self) -> Roster:
        """Where everything stands."""
        return self.present

    def ask(self, request: Request, by: Decider) -> int:
        """Make a request."""
        moves = planned(self.present, request, by)
        self.present = self.present.after(moves)
        return len(moves)


def runs(few: int, steps: int) -> settings:
    """So many runs and steps in an ordinary test run; those of the profile in `make torture`."""
    profile = settings()
    is_torture = profile.max_examples >= 500
    return profile if is_torture else settings(max_examples=few, stateful_step_count=steps, deadline=None)


class Lives(RuleBasedStateMachine):
    """The lives of the releases of one use case."""

    def __init__(self, world: World | None = None, prefix: str = "") -> None:
        super().__init__()
        self.prefix = prefix
        self.world: World = world or PureWorld()
        self.models: list[str] = []
        self.rules: list[str] = []
        self.stops: list[str] = []
        self.stopped_rules = ""
        self.book: dict[str, str] = {}
        self.attempts: dict[str, int] = {}
        self.deciders: list[str] = []

    def is_stopped(self) -> bool:
        """Whether the default action has the rules' place."""
        return any(self.book[one] in {"champion", "baseline"} for one in self.stops)

    def takes_the_rules_place(self, name: str) -> None:
        """Write into the book that another one has it; who was tried beside it waits."""
        (old,) = [one for one in (*self.rules, *self.stops) if self.book[one] in {"champion", "baseline"}]
        self.book[name], self.book[old] = self.book[old], "retired"
        if self.book[name] == "champion":
            self.deciders.append(name)
            if old in self.stops or name in self.stops:
                self.book |= {one: "shadow" for one in self.models if self.book[one] == "canary"}

    # What is asked, and what the book makes of it ---------------------------------------------------------------

    def obeyed(self, request: Request, by: Decider) -> bool:
        """Whether a request came to any move; one that is refused has changed nothing, and asked again it is a no."""
        before = self.world.roster()
        try:
            moved = self.world.ask(request, by)
        except TransitionRefused:
            assert self.world.roster() == before
            return False
        assert self.world.roster().moves[: len(before.moves)] == before.moves
        return moved > 0

    def decides(self, release_id: str, before_becomes: str) -> None:
        """Write into the book that another one decides."""
        (old,) = [one for one, stage in self.book.items() if stage == "champion"]
        self.book[old] = "baseline" if old in (*self.rules, *self.stops) else before_becomes
        self.book[release_id] = "champion"
        self.deciders.append(release_id)

    def are_there(self, *stages: str) -> bool:
        """Whether a model is in one of these stages: what has nobody to be about says little."""
        return any(self.book[one] in stages for one in self.models)

    def by(self, data: st.DataObject, *right: Decider) -> Decider:
        """Mostly one of these, and now and then anybody."""
        return data.draw(DECIDERS if data.draw(SELDOM, "anybody") else st.sampled_from(right), "by")

    def some(self, data: st.DataObject, *stages: str) -> str:
        """Mostly a model in one of these stages, and now and then any, also one that nobody knows."""
        wanted = [one for one in self.models if self.book[one] in stages]
        is_any = not wanted or data.draw(SELDOM, "any")
        return data.draw(st.sampled_from([*self.models, "unknown"] if is_any else wanted), "release")

    @initialize()
    def the_first_rules_decide(self) -> None:
        """A use case begins with its rules."""
        first = f"{self.prefix}rules/1"
        self.rules.append(first)
        assert self.obeyed(Register(first, True), OURS)
        assert self.obeyed(InstallRules(first), OURS)
        self.stopped_rules = first
        self.book[first] = "champion"
        self.deciders.append(first)

    @precondition(lambda self: len(self.models) < 8 and not self.are_there("candidate"))
    @rule()
    def train(self) -> None:
        """A candidate is registered."""
        new = f"{self.prefix}model/{len(self.models) + 1}"
        assert self.obeyed(Register(new, False), OURS)
        assert not self.obeyed(Register(new, False), OURS)
        self.models.append(new)
        self.book[new], self.attempts[new] = "candidate", 1

    @precondition(lambda self: len(self.world.roster().moves) % 5 == 2)  # now and then
    @rule(data=st.data())
    def change_the_rules(self, data: st.DataObject) -> None:
        """New rules, or old ones again."""
        name = data.draw(st.sampled_from([*self.rules, f"{self.prefix}rules/{len(self.rules) + 1}"]), "rules")
        if name not in self.rules:
            assert self.obeyed(Register(name, True), OURS)
            self.rules.append(name)
            self.book[name] = "candidate"
            if self.is_stopped():  # they are the rules now, though they do not decide
                self.stopped_rules = name
        by, stopped = self.by(data, OURS), self.is_stopped()
        if self.obeyed(InstallRules(name), by):
            assert by.kind in {"decisionloop", "guard", "approver"}
            assert not stopped  # another contract does not bring back what loses
            self.takes_the_rules_place(name)
            self.stopped_rules = name

    @precondition(lambda self: len(self.world.roster().moves) % 5 == 3)
    @rule(data=st.data())
    def stop_the_rules(self, data: st.DataObject) -> None:
        """The default action takes the rules' place: every stop is a release of its own."""
        name = f"{self.prefix}small/default_action/{len(self.stops) + 1}"
        assert self.obeyed(Register(name, True), OURS)
        self.stops.append(name)
        self.book[name] = "candidate"
        by, stopped = self.by(data, GUARD, APPROVER), self.is_stopped()
        if self.obeyed(StopRules(name), by):
            assert by.kind in {"decisionloop", "guard", "approver"}
            assert not stopped
            self.takes_the_rules_place(name)
        assert self.book[name] != "candidate" or stopped or by.kind in {"gate", "person", "decisionloop"}

    @precondition(lambda self: self.is_stopped())
    @rule(data=st.data())
    def resume_the_rules(self, data: st.DataObject) -> None:
        """They take their place again."""
        by = self.by(data, GUARD, APPROVER)
        if self.obeyed(ResumeRules(), by):
            assert by.kind in {"decisionloop", "guard", "approver"}
            self.takes_the_rules_place(self.stopped_rules)

    @precondition(lambda self: self.are_there("candidate", "retired", "rolled_back", "refused"))
    @rule(data=st.data())
    def shadow(self, data: st.DataObject) -> None:
        """A candidate goes into shadow, or one that is gone comes back."""
        model = self.some(data, "candidate", "retired", "rolled_back", "refused")
        stage = self.book.get(model)
        by = self.by(data, *([GATE] if stage == "candidate" else [ANYBODY, APPROVER]))
        if self.obeyed(EnterShadow(model), by):
            comes_back = stage in {"retired", "rolled_back", "refused"}
            assert by.kind == "gate" if stage == "candidate" else by.kind in {"person", "approver", "guard"}
            assert comes_back or stage in {"candidate", "canary"}
            self.attempts[model] += comes_back
            self.book[model] = "shadow"

    @precondition(lambda self: self.are_there("shadow", "canary"))
    @rule(data=st.data(), share=SHARES)
    def ramp(self, data: st.DataObject, share: float) -> None:
        """A share for a release in shadow, or a larger one."""
        model = self.some(data, "shadow", "canary")
        had = self.world.roster().share if self.world.roster().canary == model else 0.0
        others = {one for one, stage in self.book.items() if stage == "canary"} - {model}
        stage = self.book.get(model)
        by = self.by(data, GATE, APPROVER)
        if self.obeyed(EnterCanary(model, share), by):
            assert not others
            assert had is not None
            assert by.kind in {"gate", "approver"}  # an approver may not wait for the confidence of the next step
            assert had < share <= 1
            assert stage in {"shadow", "canary"}
            self.book[model] = "canary"

    @precondition(lambda self: self.are_there("shadow", "canary"))
    @rule(data=st.data(), is_new=MOSTLY, is_beside=MOSTLY, word=MOSTLY)
    def promote(self, data: st.DataObject, is_new: bool, is_beside: bool, word: bool) -> None:
        """A verdict of the gate, on this attempt or an older one, beside who decides or somebody else."""
        model = self.some(data, "shadow", "canary")
        attempt = self.attempts.get(model, 1) - (not is_new)
        decides = self.deciders[-1] if is_beside else "somebody else"
        judgement = Judgement("v", "promote" if word else "insufficient", model, decides, attempt)
        stage = self.book.get(model)
        by = self.by(data, GATE)
        if self.obeyed(Promote(model, judgement), by):
            assert is_new
            assert is_beside
            assert word
            assert by.kind in {"gate", "approver"}
            assert stage in {"shadow", "canary"}
            self.decides(model, "retired")
        elif is_new and is_beside and word and by.kind == "gate" and stage in {"shadow", "canary"}:
            assert self.are_there("canary")  # another one is on trial: nothing else keeps a verdict from being followed
            assert stage == "shadow"

    @precondition(lambda self: len(self.models) > 2)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """Somebody sends a release away."""
        model = self.some(data, "candidate", "shadow", "canary")
        stage = self.book.get(model)
        by = self.by(data, GATE, ANYBODY)
        if self.obeyed(Refuse(model), by):
            assert by.kind in {"gate", "person", "approver"}
            assert stage in {"candidate", "shadow", "canary"}
            self.book[model] = "refused"

    @precondition(lambda self: self.are_there("canary"))
    @rule(data=st.data())
    def stop_the_canary(self, data: st.DataObject) -> None:
        """A canary does harm."""
        model = self.some(data, "canary")
        stage = self.book.get(model)
        by = self.by(data, GUARD, ANYBODY)
        if self.obeyed(StopCanary(model), by):
            assert by.kind in {"guard", "person", "approver"}
            assert stage == "canary"
            self.book[model] = "rolled_back"

    @precondition(lambda self: self.are_there("shadow", "canary") and len(self.models) > 1)
    @rule(data=st.data())
    def stop_a_challenger(self, data: st.DataObject) -> None:
        """A person takes away who stands beside the champion, on trial or in shadow."""
        model = self.some(data, "canary", "shadow")
        stage = self.book.get(model)
        by = self.by(data, ANYBODY, APPROVER)
        if self.obeyed(StopChallenger(model), by):
            assert by.kind in ({"person", "approver", "guard"} if stage == "canary" else {"person", "approver", "gate"})
            assert stage in {"shadow", "canary"}
            self.book[model] = "rolled_back" if stage == "canary" else "refused"

    @precondition(lambda self: len(set(self.deciders)) > 1)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        """Back to the previous champion, to any release, or to the rules."""
        known = [*self.models, *self.rules, *self.stops, "unknown", RULES]
        to = data.draw(st.one_of(st.none(), st.sampled_from([*self.deciders, RULES]), st.sampled_from(known)), "to")
        roster, old = self.world.roster(), self.deciders[-1]
        stages = dict(self.book)
        by = self.by(data, GUARD, ANYBODY, APPROVER, APPROVER)
        if not self.obeyed(RollBack(to), by):
            return
        target = self.world.roster().champion
        assert target is not None
        assert target != old
        if old in self.stops and target in self.rules:  # to bring back what was stopped is to let go, not to stop
            assert by.kind in {"decisionloop", "guard", "approver"}
            assert target == self.stopped_rules
            self.takes_the_rules_place(target)
            return
        is_simple = target in self.rules or target in self.stops
        assert target in self.deciders or is_simple  # nobody decides by a rollback who never did
        # Who decided before may stand in shadow again, or on trial: to let such a one decide is the gate's as well.
        is_tried = stages[target] in {"shadow", "canary"}
        may = {"guard", "person", "approver"} if is_simple else {"guard", "approver"}
        assert by.kind in (may | {"gate"} if is_tried else may)
        if by.kind == "guard":
            assert stages[target] in {"retired", "baseline"}
        if to is None:
            assert target == roster.previous
            assert stages[target] in {"retired", "baseline"}
        for one, stage in stages.items():
            if stage == "canary":
                self.book[one] = "shadow"
        self.decides(target, "rolled_back")

    # What must be true at any moment ----------------------------------------------------------------------------

    @invariant()
    def one_decides_and_one_is_the_baseline(self) -> None:
        """Exactly one champion, exactly one baseline, at most one canary."""
        if not self.book:
            return
        stages = list(self.world.roster().stages.values())
        assert stages.count("champion") == 1
        in_place = [one for one in (*self.rules, *self.stops) if self.book[one] in {"champion", "baseline"}]
        assert len(in_place) == 1
        assert self.world.roster().baseline == in_place[0]
        assert stages.count("canary") <= 1

    @invariant()
    def the_roster_says_what_the_book_says(self) -> None:
        """Stages, who decides and attempts."""
        roster = self.world.roster()
        assert roster.stages == self.book
        assert roster.champion == (self.deciders[-1] if self.deciders else None)
        assert {one: roster.attempt_of(one) for one in self.models} == self.attempts

    @invariant()
    def every_move_begins_where_the_one_before_ended(self) -> None:
        """The history can be read from its beginning."""
        moves = self.world.roster().moves
        assert Roster().after(moves).stages == self.world.roster().stages


def lives_in(world: Callable[[], World]) -> Callable[[], Lives]:
    """Lives in a world of their own, made for each run."""
    return lambda: Lives(world())
