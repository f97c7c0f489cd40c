"""The step that asks what each feature earns."""

from __future__ import annotations

from datetime import datetime

from decisionloop.errors import UsageError
from decisionloop.report.read.features import reviewed_features
from decisionloop.report.words.features import features_markdown, features_sentences
from decisionloop.workspace import open_workspace
from tasks.learn.feature_reviews import made_review
from tasks.step import step
from tasks.tell.announcements import publish

DESCRIPTION = "What each feature earns, and what removing those that earn nothing would save."


@step
def make_feature_review(use_case: str, as_of: datetime) -> str:
    """Review the features as of a time, once, and show the review; returns what it says in a few sentences."""
    workspace = open_workspace(use_case)
    try:
        made_review(workspace, as_of)
    except UsageError as nothing:
        return f"There is nothing to review yet: {nothing}"
    told = reviewed_features(workspace.ledger, workspace.use_case, as_of)
    assert told is not None  # it was made
    currency = workspace.use_case.economics.currency
    publish(f"features-{use_case}", features_markdown(told, workspace.use_case.title, currency), DESCRIPTION)
    return " ".join(features_sentences(told, currency))
