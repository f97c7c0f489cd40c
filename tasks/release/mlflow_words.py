"""What MLflow says of each version in words: the name that the story gives it, where it stands, what the gate found."""

from __future__ import annotations

import json

from decisionloop.ledger.batches import batches
from decisionloop.ledger.releases import ReleaseStage, current_stages
from decisionloop.ledger.verdicts import TrainingSet, Verdict, training_sets, verdicts
from decisionloop.registry import VersionWords
from decisionloop.report.read.gathered import names_of_releases
from decisionloop.report.words.figures import NBSP
from decisionloop.workspace import Workspace

ALIASES = (
    "The ledger says who decides, and the aliases follow it: one that is moved here is a request, which people are "
    "told of, and not a switch. Every release in shadow has the tag `stage` = `shadow`; the alias `challenger` can "
    "name only the one that came last."
)


def describe_versions(workspace: Workspace) -> None:
    """Say in MLflow where each version that was logged stands now, and why."""
    workspace.registry.describe(workspace.use_case.name, words_of_versions(workspace), ALIASES)


def words_of_versions(workspace: Workspace) -> dict[str, VersionWords]:
    """What is to be said of each release of the use case, by its id."""
    ledger, name = workspace.ledger, workspace.use_case.name
    names = names_of_releases(ledger, name, batches(ledger, name))
    judged = {one.challenger_id: one for one in verdicts(ledger, name) if json.loads(one.reasons)}
    taught = {one.training_set_id: one for one in training_sets(ledger, name)}
    return {
        one.release_id: _words(
            one, names[one.release_id], judged.get(one.release_id), taught.get(one.release.training_set_id or "")
        )
        for one in current_stages(ledger, name)
    }


def _words(one: ReleaseStage, called: str, judged: Verdict | None, taught: TrainingSet | None) -> VersionWords:
    called = called.replace(NBSP, " ").removeprefix("the ")
    tags = {"name": called, "stage": one.stage}
    said = [f"**{called[:1].upper()}{called[1:]}.** {_stands(one)}"]
    if judged is not None:
        money = _money(judged)
        tags |= {"verdict": judged.decision, "money": money}
        said.append(f"**Gate, {judged.as_of:%Y-%m-%d}: {judged.decision}.** {money}")
    if taught is not None:
        cohorts = f"{taught.cohort_from:%Y-%m-%d} to {taught.cohort_to:%Y-%m-%d}"
        tags |= {"training_set": taught.training_set_id, "cohorts": cohorts}
        said.append(
            f"**Taught by** {taught.rows:,} decisions, {cohorts} (training set `{taught.training_set_id}`). "
            "The model card is `release/model_card.md` among the artifacts of its run."
        )
    return VersionWords(called, "\n\n".join([*said, ALIASES]), tags)


def _stands(one: ReleaseStage) -> str:
    event = one.event
    share = "" if event.share is None else f" for {event.share:.0%} of the entities"
    stage = f"It is {one.stage.replace('_', ' ')}{share}"
    return f"{stage} since {event.as_of:%Y-%m-%d}, by {event.decided_by}: {event.reason}"


def _money(judged: Verdict) -> str:
    """What the gate found of its money, with the interval; the first check that it tells where it came to no money."""
    checks = json.loads(judged.reasons)
    told = next((check for check in checks if check["name"] == "money"), checks[0])
    return str(told["reason"]).replace(NBSP, " ")
