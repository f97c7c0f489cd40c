"""The lives of releases in a ledger: as the state machine says, whatever crashes, and with the kill switch beside."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from decisionloop.ledger.flags import KILL_SWITCH, is_kill_switch_on, set_flag
from decisionloop.ledger.release_changes import change_stages, register_release
from decisionloop.ledger.releases import Release, baseline, champion, events_of_releases, roster_of, standing
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import Register, Request, RollBack
from decisionloop.release.roster import RULES, Roster
from decisionloop.release.stages import Decider, TransitionRefused
from tests.engines import LEDGER_ON_ONE
from tests.release.machine import ANYBODY, Lives, runs

CONTRACT, AT = "c" * 64, datetime(2005, 7, 8, tzinfo=UTC)
NUMBERS = count()


class Crash(Exception):
    """A process is gone in the middle of a transaction."""


class LedgerWorld:
    """One use case of its own in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.name = ledger, f"use_case_{next(NUMBERS)}"
        record_use_case(ledger, self.name, CONTRACT, 1, "")

    def roster(self) -> Roster:
        """Where everything stands; names are those of the book."""
        return roster_of(self.ledger, self.name)

    def ask(self, request: Request, by: Decider) -> int:
        """Make a request in a transaction of its own."""
        if isinstance(request, Register):
            kind = "rules" if request.is_rules else "scorecard"
            new = Release(request.release_id, self.name, kind, CONTRACT, None, None, None, "null", "{}", AT)
            return int(register_release(self.ledger, new, "trained", by.name))
        return len(change_stages(self.ledger, self.name, request, Grounds(by, "so", AT)))


class LedgerLives(Lives):
    """The same lives, kept in a ledger: crashes and the kill switch come in between."""

    def __init__(self, ledger: Ledger) -> None:
        world = LedgerWorld(ledger)
        super().__init__(world, f"{world.name}/")
        self.ledger, self.name, self.is_killed = ledger, world.name, False

    @rule(to=st.sampled_from([None, RULES]))
    def crash_in_the_middle_of_a_rollback(self, to: str | None) -> None:
        """All or nothing: here nothing."""
        before = events_of_releases(self.ledger, self.name)
        try:
            with self.ledger.begin() as connection:
                change_stages(connection, self.name, RollBack(to), Grounds(ANYBODY, "so", AT))
                raise Crash
        except (Crash, TransitionRefused):
            assert events_of_releases(self.ledger, self.name) == before

    @rule(is_on=st.booleans())
    def turn_the_kill_switch(self, is_on: bool) -> None:
        """It keeps every release where it is."""
        before = self.world.roster()
        set_flag(self.ledger, self.name, KILL_SWITCH, "on" if is_on else "off", "so", "anna")
        self.is_killed = is_on
        assert self.world.roster() == before

    @invariant()
    def the_ledger_reads_as_the_roster_says(self) -> None:
        """Who decides, beside which rules, in an order without holes."""
        roster = self.world.roster()
        decides, rules = champion(self.ledger, self.name), baseline(self.ledger, self.name)
        assert (decides and decides.release_id) == roster.champion
        assert (rules and rules.release_id) == roster.baseline
        told = events_of_releases(self.ledger, self.name)
        assert [one.seq for one in told] == list(range(1, len(told) + 1))
        now = standing(self.ledger, self.name)
        assert (now.seq if now else 0) == len(told)
        assert is_kill_switch_on(self.ledger, self.name) == self.is_killed


@LEDGER_ON_ONE
def test_the_ledger_keeps_what_must_be_true_at_any_moment(ledger: Ledger) -> None:
    run_state_machine_as_test(lambda: LedgerLives(ledger), settings=runs(few=6, steps=25))
