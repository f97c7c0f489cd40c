"""Review the features: what each of them earns, and what removing those that earn nothing would save."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.ending import says
from flows.naming import as_of_run, run_name
from tasks.learn.review_features import make_feature_review
from tasks.observed import observed
from tasks.tell.failed_runs import tell_of_failed_run


@flow(name="review_features", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
@observed
def review_features(use_case: str, as_of: datetime | None = None, allow_future: bool = False) -> str:
    """Ask of every feature what leaving it out would cost; returns what the review says in a few sentences.

    1. Fit the model again without each feature and value both as policies; keep that with what is known of the
       feature, show it as an artifact, and put it into the model card of the release that decides.

    Args:
        use_case: Name of the use case.
        as_of: What the run is as of (UTC where it names no zone); empty: the hour at which it was due.
        allow_future: The as-of may be still to come.
    """
    return make_feature_review(use_case, as_of_run(as_of, allow_future))
