"""Whether a challenger that the changed world has taught earns more in it than who is on trial and learnt before.

Who is on trial holds its share by what the old world has shown (`learn.ramp`): nobody could be entitled to more than
nine in ten, however much better it is now. So after a change the two are compared with each other, on the decisions
since, of which neither has seen the outcome that it is asked about. That is a plain estimate at the confidence of the
first step of a trial. It proves nothing, and changes only who is tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from decisionloop.contract.currency import symbol
from decisionloop.errors import UsageError
from decisionloop.learn.evidence import policies_of
from decisionloop.learn.gate_money import confidence_words
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.money_of_trial import money_told
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.releases import Release
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.overlap import OverlapRules, judge_overlap
from decisionloop.workspace import Workspace
from tasks.learn.candidates import chosen_on, unlearnt_contender
from tasks.learn.changed_world import changes_known
from tasks.learn.training_rows import taught_until
from tasks.readback.mature_decisions import mature_batches
from tasks.readback.maturity import mature_until


@dataclass(frozen=True)
class HeadToHead:
    """What a challenger earns more a decision than who is on trial, in cohorts ``since`` the change.

    The lower end of ``money`` is the one-sided bound at the confidence that is asked for.
    """

    since: datetime
    money: Estimate

    @property
    def is_sure(self) -> bool:
        """Whether the challenger surely enough earns more."""
        return self.money.low is not None and self.money.low > 0


def head_to_head(workspace: Workspace, challenger: Release, on_trial: Release, as_of: datetime) -> HeadToHead | None:
    """Compare them on what has matured since the change; None where no change lies between what taught either.

    The cohort that chose what taught the challenger does not judge as well (`tasks.learn.candidates.chosen_on`).
    """
    steps = workspace.use_case.canary.steps
    since = _change_between(workspace, taught_until(workspace, on_trial), taught_until(workspace, challenger), as_of)
    if since is None or not steps:
        return None
    confidence, held = 2 * steps[0].confidence - 1, held_cohorts(workspace.ledger, workspace.use_case.name)
    try:
        batches = mature_batches(workspace, since, mature_until(workspace, as_of), as_of, held)
    except UsageError:  # nothing since is mature
        return None
    chose = chosen_on(workspace, [challenger.release_id])
    batches = batches if chose is None else batches.rows((batches.log["as_of"] != chose).to_numpy())
    return HeadToHead(since, _told(workspace, batches, challenger, on_trial, confidence))


def _change_between(workspace: Workspace, before: datetime, until: datetime, as_of: datetime) -> datetime | None:
    """First cohort of the latest change after ``before`` of which ``until`` has seen a cohort; None: there is none."""
    known = changes_known(workspace, as_of)
    return max((change for change in known if before < change <= until), default=None)


def _told(
    workspace: Workspace, batches: LoggedBatches, challenger: Release, on_trial: Release, confidence: float
) -> Estimate:
    use_case = workspace.use_case
    if not len(batches.log):
        return cannot_say("no cohort is left to judge by", 0, confidence)
    ours, theirs = (unlearnt_contender(workspace, one, batches) for one in (challenger, on_trial))
    traffic, policies = policies_of(use_case, batches, ours, theirs)
    told = money_told(use_case, traffic, policies, confidence)
    overlap = judge_overlap(told.overlap, OverlapRules(minimum_effective_n=use_case.gate.minimum_effective_n))
    return told.money if overlap.is_sufficient else cannot_say(overlap.reason, told.money.n, confidence)


def words_of(challenger: Release, compared: HeadToHead, currency: str) -> str:
    """Why a challenger takes the place of who is on trial, in a sentence."""
    assert compared.money.value is not None  # it is sure
    sure = confidence_words((1 + compared.money.confidence) / 2)
    return (
        f"{challenger.release_id} earns an estimated {symbol(currency)}{compared.money.value:,.2f} more per decision "
        f"since the world changed on {compared.since:%Y-%m-%d} than who is on trial, at {sure} confidence, and takes "
        "its place."
    )
