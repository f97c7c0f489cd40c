"""A review of the features, made once an as-of, and put into the model card of the release that decides."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from decisionloop.learn.card_of_features import HEADING, features_in_card
from decisionloop.learn.feature_review import review_features, worth_of
from decisionloop.learn.fitting import Kind
from decisionloop.learn.lessons import Lessons, taught
from decisionloop.learn.reviewed_features import FeatureReview, WorthTogether, idle_features
from decisionloop.learn.training_set import build_training_rows
from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.feature_reviews import append_review, feature_reviews, review_as_of
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.releases import RULES, champion
from decisionloop.workspace import Workspace
from tasks.readback.feature_facts import feature_facts
from tasks.readback.mature_decisions import mature_batches, training_window


def made_review(workspace: Workspace, as_of: datetime) -> FeatureReview:
    """The review as of ``as_of``: the one in the ledger, else it is made and kept. It stands in the model card, too.

    Raises UsageError where no decision is mature, or where nothing can be learnt from those that are.
    """
    ledger, name = workspace.ledger, workspace.use_case.name
    if review_as_of(ledger, name, as_of) is None:
        append_review(ledger, _review(workspace, as_of))
    review = review_as_of(ledger, name, as_of)
    assert review is not None  # it was appended, by this run or by another at the same time
    if review.release_id is not None:
        section = features_in_card(workspace.use_case, review, idle_features(feature_reviews(ledger, name, as_of)))
        workspace.registry.put_in_card(name, review.release_id, HEADING, section)
    return review


def _review(workspace: Workspace, as_of: datetime) -> FeatureReview:
    """Fit and value on what a training would see now: the cohorts that are mature and not held back."""
    use_case, ledger, reviewed = workspace.use_case, workspace.ledger, _reviewed(workspace)
    since, until = training_window(workspace, as_of)
    batches = mature_batches(workspace, since, until, as_of, held_cohorts(ledger, use_case.name))
    rows = taught(build_training_rows(use_case, batches.log, batches.frame), reviewed.lessons)
    batches = batches.rows(reviewed.lessons.names(batches.log["as_of"]))
    worths = review_features(use_case, reviewed.kind, rows, batches)
    review = FeatureReview(
        use_case=use_case.name,
        as_of=as_of,
        kind=reviewed.kind,
        cohort=cohort_name(batches.log["as_of"].max().to_pydatetime()),
        release_id=reviewed.release_id,
        worths=worths,
        facts=feature_facts(workspace, [one.feature for one in worths], since, as_of),
    )
    idle = idle_features([*feature_reviews(ledger, use_case.name, as_of), review])
    if len(idle) < 2:
        return review
    return replace(review, together=WorthTogether(idle, worth_of(use_case, reviewed.kind, rows, batches, idle)))


@dataclass(frozen=True)
class _Reviewed:
    """Which model is fitted again: its kind and how rows teach it; ``release_id`` None where no model decides."""

    kind: Kind
    lessons: Lessons
    release_id: str | None


def _reviewed(workspace: Workspace) -> _Reviewed:
    """The model that decides; while the rules do, the first kind that the contract would train."""
    decides = champion(workspace.ledger, workspace.use_case.name)
    if decides is None or decides.release.kind == RULES:
        return _Reviewed(workspace.use_case.model.candidates[0], Lessons(), None)
    kind: Kind = "scorecard" if decides.release.kind == "scorecard" else "gradient_boosting"
    told = json.loads(decides.release.card_json).get("lessons", {}).get("lessons", {})
    return _Reviewed(kind, Lessons(**told), decides.release_id)
