"""What validation found, for people: the verdict, then every failed check with its remedy."""

from __future__ import annotations

from expectations.verdict import BatchReport, rows_text


def as_markdown(report: BatchReport) -> str:
    """The report for people: the verdict, then every failed check with its remedy."""
    failed = sorted(
        (result for result in report.results if not result.is_success),
        key=lambda result: ("critical", "row", "warning").index(result.severity),
    )
    lines = [
        f"## Validation: {report.state}",
        "",
        f"{len(report.results):,} checks, {len(failed):,} failed. "
        f"{rows_text(report.fault_rows, report.rows)} are left to the rules.",
    ]
    if failed:
        lines += ["", "| severity | check | column | observed | remedy |", "|---|---|---|---|---|"]
        lines += [_table_row(r.severity, r.check, r.column or "(batch)", r.observed, r.remedy) for r in failed]
    return "\n".join(lines) + "\n"


def _table_row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
