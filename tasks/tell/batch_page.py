"""The story of one batch as markdown, for the Prefect UI."""

from __future__ import annotations

from decisionloop.ledger.summary import batch_summary
from decisionloop.workspace import Workspace


def batch_markdown(workspace: Workspace, batch_id: str) -> str:
    """What was decided about how many, by whom, and what left the house."""
    summary = batch_summary(workspace.ledger, batch_id)
    lines = [
        f"# {workspace.use_case.title}: {batch_id}",
        "",
        f"{summary.decisions:,} decisions. {summary.champion} decides. {summary.delivered:,} actions left the house."
        + (f" {summary.held:,} are held for a person: `decisionloop outbox list`." if summary.held else ""),
        "",
        "| action | role | decisions |",
        "|---|---|---:|",
    ]
    lines += [f"| {group.action} | {group.role} | {group.decisions:,} |" for group in summary.groups]
    if summary.outside_support is not None and summary.decisions:
        share = summary.outside_support / summary.decisions
        lines += [
            "",
            f"In {summary.outside_support:,} of them ({share:.1%}) the model would have departed from the rules, and "
            "too little is known of such cases: the rules decided.",
        ]
    if summary.fallbacks:
        lines += ["", "| left to the rules because of | decisions |", "|---|---:|"]
        lines += [f"| {reason} | {count:,} |" for reason, count in summary.fallbacks]
    return "\n".join(lines) + "\n"
