"""Forms that are made while a run waits, from what the ledger says then.

A deployment's own form is fixed when it is deployed, so it can name no release. A run to which nobody has said enough
gives its process back, shows what can be chosen behind the button `Resume`, and goes on when it is answered.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from pydantic import Field, create_model

from decisionloop.errors import UsageError
from tasks.release.offered import Offered

ANSWERED_WITHIN = 3600
"""Seconds for which a run waits; then it has failed, and nothing was changed."""


class RollbackForm(RunInput):
    """To whom to go back, why, and who asks for it."""

    to: str
    reason: str = Field(description="Why. It is kept in the audit trail.", min_length=1)
    by: str = Field(
        description="Who you are. Anybody may go back to the rules; a model is for one of approval.approvers.",
        min_length=1,
    )


class ApprovalForm(RunInput):
    """Whether a release that waits may decide, and who says so."""

    release: str
    answer: Literal["approve", "reject"] = Field(description="Whether it may decide.")
    by: str = Field(
        description="Who you are: one of approval.approvers, and not who has asked for it.",
        min_length=1,
    )
    note: str = Field(default="", description="Why. It is kept in the audit trail.")
    code: str = Field(
        default="",
        description="One of your codes; without one the answer is a claim. It can be read here afterwards, when it "
        "counts no more.",
    )


Form = TypeVar("Form", bound=RunInput)


def ask(form: type[Form], field: str, offered: Offered, before: str) -> Form:
    """Wait until somebody has filled in the form, ``field`` being one of what is offered; returns the answers.

    Raises UsageError where the run has no deployment, so that nobody could resume it: ``before`` says what to give.
    """
    if deployment.id is None:
        raise UsageError(f"nobody can be asked in a run without a deployment: give {before}.")
    # A list for the form alone: what can be chosen may be something else by the time of the answer, and is asked again.
    choices = Field(
        default=offered.usual, description="What can be chosen now.", json_schema_extra={"enum": list(offered.choices)}
    )
    made = create_model(form.__name__, __base__=form, **{field: (str, choices)})  # type: ignore[call-overload]
    told: Form = suspend_flow_run(made.with_initial_data(description=offered.markdown), timeout=ANSWERED_WITHIN)
    return told
