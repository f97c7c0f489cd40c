"""Challengers in shadow against the champion: opened with a stake of the year's error, looked at as cohorts mature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from decisionloop.endings import Ending, Told, joined
from decisionloop.errors import UsageError
from decisionloop.learn.comparison import Comparison, opened, rows_of
from decisionloop.learn.evidence import Contender, Look, gate_rules, gather_evidence, policies_of
from decisionloop.learn.gate import GateEvidence, Verdict, judge
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.yearly_error import Staked, next_stake
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.releases import Release, ReleaseStage, challengers, champion, find_stage, trial_began
from decisionloop.ledger.verdicts import verdicts
from decisionloop.observe.betting import Bets
from decisionloop.observe.cohort import is_drawn
from decisionloop.workspace import Workspace, open_workspace
from tasks.learn.canaries import let_decide, stop_if_failing
from tasks.learn.candidates import contender_of, find_candidates, unlearnt_contender
from tasks.learn.harm import harm_by_now
from tasks.learn.release_stages import by_gate, promote, refuse
from tasks.learn.training_rows import taught_until, training_rows_of, training_set_of
from tasks.learn.verdicts import GateAnswer, attempt_of, is_beside, keep_opening, keep_verdict
from tasks.readback.mature_decisions import mature_batches
from tasks.readback.maturity import mature_until
from tasks.readback.soundness import soundness_of
from tasks.step import step

COMPARISON: Look = 2
"""The look of the gate's verdicts that are about a comparison; the first one opens it."""
CHALLENGING = ("shadow", "canary")
LONGEST_TRIAL = 2
"""So many times `gate.longest_comparison` cohorts end a trial without a proof that still gains."""
MOVED: Mapping[str, Ending] = {
    "champion": "Promoted",
    "canary": "On trial",
    "rolled_back": "Stopped",
    "refused": "Refused",
}
"""How a run has ended that brought a challenger to such a stage."""
FAILED_BATCHES = 3
"""A challenger that could not score so many batches is sent away."""


@step
def review_challengers(use_case: str, as_of: datetime) -> str:
    """Look at every challenger anew where a cohort has matured; returns what happened in a sentence."""
    workspace = open_workspace(use_case)
    answers = [review_challenger(workspace, one, as_of) for one in challengers(workspace.ledger, use_case)]
    return joined(answers) or "No challenger stands beside the champion."


def review_challenger(workspace: Workspace, stage: ReleaseStage, as_of: datetime) -> Told:
    """Look at one challenger: promote it, send it away, let it decide for more, or wait until more has matured."""
    answer = _review(workspace, stage, as_of)
    now = find_stage(workspace.ledger, stage.release_id)
    is_moved = now is not None and now.event.seq != stage.event.seq
    return Told(answer, MOVED.get(now.stage, "Completed") if now is not None and is_moved else "Completed")


def _review(workspace: Workspace, stage: ReleaseStage, as_of: datetime) -> str:
    release = stage.release
    stopped = stop_if_failing(workspace, stage, as_of)
    if stopped:
        return stopped
    runs = shadow_runs(workspace.ledger, release.release_id)
    failed = sum(run.status != "ok" for run in runs)
    if failed >= FAILED_BATCHES:
        reason = f"It failed on {failed} of {len(runs)} batches in shadow: {runs[-1].error or 'no value'}."
        refuse(workspace, release, by_gate(reason, as_of))
        return reason
    if failed == len(runs):
        told = f"failed on {failed} of {len(runs)} batches in shadow" if failed else "has shadowed no batch yet"
        return f"{release.release_id} {told}."
    if workspace.use_case.is_observing:
        return f"{release.release_id} goes on beside the other system: in mode observe nobody is let decide."
    decides = champion(workspace.ledger, release.use_case)
    assert decides is not None  # a release in shadow stands beside a champion
    comparison = find_comparison(workspace, release, decides.release)
    if comparison is None:  # another one has become champion meanwhile, or nothing could be compared before
        try:
            comparison = open_again(workspace, release, decides.release, as_of)
        except UsageError as nothing:
            return f"{release.release_id} waits: {nothing}"
    answer, evidence, waits = _look(workspace, release, decides.release, comparison, as_of)
    now = find_stage(workspace.ledger, release.release_id)
    assert now is not None  # it was a challenger a moment ago
    if now.stage not in CHALLENGING or waits:
        return f"{answer}{waits}"
    return answer + let_decide(workspace, now, decides.release, evidence, as_of)


def open_comparison(
    workspace: Workspace,
    pair: tuple[Release, Release],
    contenders: tuple[Contender, Contender],
    before: LoggedBatches,
    as_of: datetime,
) -> Comparison:
    """Open the comparison of a challenger with a champion: stake a part of the year's error and set the bets.

    ``before``: what is mature by now, on which ``contenders`` (the same two) predict out of fold. From what comes
    later nothing flows into it, and nothing of this counts as evidence.
    """
    known = find_comparison(workspace, *pair)
    if known is not None:  # by a run that was killed
        return known
    use_case = workspace.use_case
    traffic, policies = policies_of(use_case, before, *contenders)
    stake = next_stake(use_case.gate.yearly_error, staked(workspace), as_of)
    rows = rows_of(use_case, traffic.log, traffic.frame, policies, is_untried_worst=False)
    comparison = opened(as_of.isoformat(), stake, rows)
    keep_opening(workspace, as_of, (pair[0].release_id, pair[1].release_id), comparison)
    return comparison


def open_again(workspace: Workspace, release: Release, decides: Release, as_of: datetime) -> Comparison:
    """Open the comparison of a challenger with a champion that it did not meet when it was trained."""
    assert release.training_set_id is not None  # only models are challengers
    _, before = training_rows_of(workspace, training_set_of(workspace, release.training_set_id))
    if not _is_drawn(workspace, before):
        return _open_on_drawn(workspace, release, decides, as_of)
    (challenger,) = find_candidates(workspace, [release.release_id], before)
    contenders = challenger.contender, unlearnt_contender(workspace, decides, before)
    return open_comparison(workspace, (release, decides), contenders, before, as_of)


def _is_drawn(workspace: Workspace, batches: LoggedBatches) -> bool:
    """Whether a log says what another policy is worth: what another system decided by unknown chances does not."""
    return not workspace.use_case.outcome.depends_on_action or bool(is_drawn(batches.log).any())


def _open_on_drawn(workspace: Workspace, release: Release, decides: Release, as_of: datetime) -> Comparison:
    """Open the comparison of a challenger that was taught beside another system, by what the loop has drawn since.

    Raises UsageError where nothing of it is mature yet.
    """
    since = taught_until(workspace, release) + timedelta(microseconds=1)
    until, held = mature_until(workspace, as_of), held_cohorts(workspace.ledger, release.use_case)
    before = mature_batches(workspace, since, until, as_of, held)
    if not _is_drawn(workspace, before):
        raise UsageError("no decision that was drawn with a known chance is mature yet, so nothing can be compared.")
    before = before.rows(is_drawn(before.log))
    contenders = contender_of(workspace, release, before), contender_of(workspace, decides, before)
    return open_comparison(workspace, (release, decides), contenders, before, as_of)


def find_comparison(workspace: Workspace, release: Release, decides: Release) -> Comparison | None:
    """The comparison of these two as it was opened; None where it was not, or for an earlier attempt of the challenger.

    The rules are the rules: those of another contract, as they decide now, go on with what was opened against others.
    """
    attempt = attempt_of(workspace, release.release_id)
    for one in verdicts(workspace.ledger, release.use_case, release.release_id):
        if (one.look, one.attempt) == (COMPARISON, attempt) and is_beside(workspace, one, decides):
            kept = json.loads(one.evidence).get("progress")
            if kept:
                known = kept["comparison"]
                bets, against = (_bets(known.get(side)) for side in ("bets", "against"))
                return Comparison(known["opened_at"], known["stake"], bets, against)
    return None


def _bets(kept: dict[str, Any] | None) -> Bets | None:
    return None if kept is None else Bets(kept["caution"], kept["limit"], tuple(kept["bets"]))


def staked(workspace: Workspace) -> list[Staked]:
    """What every comparison of the use case has staked, from the gate's verdicts."""
    found: dict[tuple[str, str], Staked] = {}
    for one in verdicts(workspace.ledger, workspace.use_case.name):
        kept = json.loads(one.evidence).get("progress")
        if kept:
            known = kept["comparison"]
            at, is_promoted = datetime.fromisoformat(known["opened_at"]), one.decision == "promote"
            found[one.challenger_id, known["opened_at"]] = Staked(at, known["stake"], is_promoted)
    return list(found.values())


def _look(
    workspace: Workspace, release: Release, decides: Release, comparison: Comparison, as_of: datetime
) -> tuple[str, GateEvidence | None, str]:
    """What the gate says in words; the evidence, None where nothing has matured; and what it waits for all the same.

    The gate values what a release predicts; harm is seen in what it says where it is served.
    """
    since = max(_known_until(workspace, comparison), *(taught_until(workspace, one) for one in (release, decides)))
    held = held_cohorts(workspace.ledger, release.use_case)
    until = mature_until(workspace, as_of)
    try:
        batches = mature_batches(workspace, since + timedelta(microseconds=1), until, as_of, held)
    except UsageError as nothing:
        return f"{release.release_id} waits: no decision that it has not learnt from is mature ({nothing}).", None, ""
    if not _is_drawn(workspace, batches):
        return f"{release.release_id} waits: no decision that was drawn with a known chance is mature.", None, ""
    verdict, verdict_id, evidence = _judge(workspace, (release, decides), comparison, batches, as_of)
    grounds = by_gate(verdict.reason, as_of, verdict_id)
    waits = ""
    if verdict.decision == "promote":
        harm = harm_by_now(workspace, release, decides)
        waits = f"It waits, because of harm: {harm}" if harm else promote(workspace, release, grounds)
    elif verdict.decision == "refuse":
        refuse(workspace, release, grounds)
    answer = "goes on" if verdict.decision == "insufficient" else verdict.decision
    return f"{release.release_id}: {answer}. {verdict.reason}", evidence, f" {waits}" if waits else ""


def _judge(
    workspace: Workspace, pair: tuple[Release, Release], comparison: Comparison, batches: LoggedBatches, as_of: datetime
) -> tuple[Verdict, str, GateEvidence]:
    """What the gate says, the id of the verdict that says it, and on which evidence."""
    use_case = workspace.use_case
    cohorts, longest = batches.log["as_of"].nunique(), use_case.gate.longest_comparison
    rules = replace(
        gate_rules(use_case, COMPARISON, comparison.stake, is_last=cohorts >= longest),
        may_go_on=cohorts < LONGEST_TRIAL * longest,
    )
    challenger, champion_side = (contender_of(workspace, one, batches) for one in pair)
    began = trial_began(workspace.ledger, pair[0].release_id)
    challenger = replace(challenger, soundness=soundness_of(workspace, pair[0]), on_trial_since=began)
    evidence = gather_evidence(use_case, batches, challenger, champion_side, rules, comparison)
    verdict = judge(evidence, rules)
    answer = GateAnswer(COMPARISON, pair[0].release_id, pair[1].release_id, verdict, evidence)
    return verdict, keep_verdict(workspace, as_of, answer), evidence


def _known_until(workspace: Workspace, comparison: Comparison) -> datetime:
    """As-of of the last cohort that was mature when the comparison was opened, and so was known."""
    return mature_until(workspace, datetime.fromisoformat(comparison.opened_at))
