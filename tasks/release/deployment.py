"""A release that somebody wants to let decide: which one is meant, and how a step says that it passed or did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from decisionloop.errors import DeploymentStopped, UsageError
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.releases import RULES, ReleaseStage, challengers, current_stages
from decisionloop.ledger.schema import utc_now
from decisionloop.release.stages import GONE
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.progress import say
from tasks.tell.queueing import raise_alert
from tasks.tell.sending import send_due_notices

KIND: Final = "deployment"
"""The kind of the alert that tells of a release which did not pass a check."""
Step = Literal["data", "load", "contract", "parity", "latency", "shadow", "gate", "approval", "flip", "watch"]


@dataclass(frozen=True)
class Deployment:
    """What is asked for: a release of a use case, by whom and why (both "" where nobody overrules anything).

    ``is_dry_run``: only say what would happen.
    """

    use_case: str
    release_id: str
    by: str = ""
    reason: str = ""
    is_dry_run: bool = False

    @property
    def workspace(self) -> Workspace:
        """The use case, opened."""
        return open_workspace(self.use_case)


@step
def choose_release(asked: Deployment) -> ReleaseStage:
    """The release that is meant, as it stands. Raises UsageError, with the right ones, for what cannot be deployed."""
    if bool(asked.by.strip()) != bool(asked.reason.strip()):
        raise UsageError(
            "say both who you are (--by) and why (--reason), or neither; both are kept in the audit trail."
        )
    workspace = asked.workspace
    if workspace.use_case.is_observing:
        raise UsageError(
            f"{asked.use_case} is in mode: observe: another system decides, and no release is let decide. Set mode: "
            "decide with a new version of the contract; the rules decide then, until a release has passed the gate."
        )
    found = next((one for one in current_stages(workspace.ledger, asked.use_case) if _is_meant(one, asked)), None)
    if found is not None and found.release.kind != RULES and found.stage in ("shadow", "canary", "champion"):
        return found
    raise UsageError(f"{_why_not(asked, found)} {_right_ones(workspace)}")


def passed(of: Step, found: str) -> None:
    """Say that a step is passed."""
    say(of, found)


def stop(asked: Deployment, of: Step, problem: str, is_alarm: bool = True) -> NoReturn:
    """End a deployment at a step: nothing is changed, and people are told where it is an alarm."""
    say(of, f"STOPPED. {problem}")
    tell_of_stop(asked, problem, is_alarm)
    raise DeploymentStopped(of, problem)


def tell_of_stop(asked: Deployment, problem: str, is_alarm: bool = True) -> None:
    """Tell people why a release is not let decide; what is only tried out is nobody's business."""
    if not is_alarm or asked.is_dry_run:
        return
    message = f"{asked.release_id} was not let decide: {problem}"
    remedy = f"`decisionloop deploy {asked.use_case} {asked.release_id} --dry-run` looks again and changes nothing."
    raise_alert(asked.workspace, NewAlert("critical", KIND, message, remedy))
    send_due_notices(asked.workspace.ledger, asked.use_case, utc_now())


def _is_meant(one: ReleaseStage, asked: Deployment) -> bool:
    return one.release_id == asked.release_id


def _why_not(asked: Deployment, found: ReleaseStage | None) -> str:
    name, use_case = asked.release_id, asked.use_case
    if found is None:
        return f"{use_case} has no release {name}."
    if found.release.kind == RULES:
        return f"{name} is rules, which wait for no verdict: `decisionloop rollback {use_case} --to rules`."
    if found.stage in GONE:
        return (
            f"{name} is {found.stage}. `decisionloop rollback` lets one decide that has decided before; the gate "
            "compares another one again where somebody sets the alias challenger to it in MLflow."
        )
    return f"{name} is a candidate: the gate has not judged it yet."


def _right_ones(workspace: Workspace) -> str:
    beside = challengers(workspace.ledger, workspace.use_case.name)
    if not beside:
        return "There is none to choose: nobody stands beside the champion."
    return f"Choose one of: {', '.join(f'{one.release_id} ({one.stage})' for one in beside)}."
