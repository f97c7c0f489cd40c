"""What a decision of the last cohort earned whose outcomes are in, and by whom it was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from decisionloop.workspace import Workspace


def last_value(workspace: Workspace) -> pd.Series | None:
    """The value per decision of the last mature cohort of which it is known: a row of the table `measurement`."""
    from decisionloop.ledger.measurements import measurements_of

    measured = measurements_of(workspace.ledger, workspace.use_case.name, "value_policy").dropna(subset=["value"])
    return None if measured.empty else measured.sort_values(["cohort", "as_of"]).iloc[-1]


def value_text(workspace: Workspace, last: pd.Series | None) -> str:
    """What a decision of that cohort earned, how sure that is, and who decided it."""
    if last is None:
        return "of no cohort is it known yet"
    currency = workspace.use_case.economics.currency
    interval = f"{last['low']:,.2f} to {last['high']:,.2f}{bounds_text(last)}"
    told = f"{currency} {last['value']:,.2f} per decision ({interval}), cohort {last['cohort']}"
    by = _who_decided(workspace, str(last["cohort"]))
    return f"{told}{f', decided by {by}' if by else ''}{_left_out(workspace, str(last['cohort']))}"


def _left_out(workspace: Workspace, cohort: str) -> str:
    """How many decisions of a cohort its money does not count, and why; "" where it counts all."""
    from decisionloop.ledger.measurements import measurements_of
    from decisionloop.observe.left_out import LEFT_OUT
    from decisionloop.report.record.totals import left_out_of
    from decisionloop.report.words.left_out import why_left_out

    found = measurements_of(workspace.ledger, workspace.use_case.name, LEFT_OUT, cohort=cohort)
    counted = zip(found["slice"].str.removeprefix("by="), found["value"].astype(int), strict=True)
    left_out = left_out_of(counted)
    if not left_out:
        return ""
    return f"; not counted, for they got for certain something else than the rules give: {why_left_out(left_out)}"


def _who_decided(workspace: Workspace, cohort: str) -> str:
    """Whose money a cohort's is: it need not be that of who decides now. "" where its batch is not known."""
    from decisionloop.ledger.batches import batches, cohort_name
    from decisionloop.ledger.summary import batch_summary

    found = batches(workspace.ledger, workspace.use_case.name)
    for batch in reversed(found):
        if cohort_name(batch.as_of) == cohort:
            told = batch_summary(workspace.ledger, batch.batch_id)
            if told.is_observed:
                return "another system"
            return " and ".join(name for name in (told.champion, told.on_trial) if name)
    return ""


def bounds_text(last: pd.Series) -> str:
    """What outcomes of the cohort that have not come could make of its value; "" where all have."""
    from decisionloop.report.words.money import whatever_comes

    worst, best, missing = (last[name] for name in ("worst", "best", "missing_n"))
    if not missing > 0:  # NaN: none is missing
        return ""
    return f"; {whatever_comes(f'{worst:,.2f} to {best:,.2f}' if worst <= best else '', int(missing))}"
