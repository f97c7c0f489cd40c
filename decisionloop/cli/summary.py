"""The table at the end of a demo: what was decided, earned and learnt, month by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.cli.observing import observing_lines
from decisionloop.ledger.releases import champion
from decisionloop.report.record.claims import Claimed
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import PeriodMoney, Story
from decisionloop.report.words.bad_release import cost_in_short
from decisionloop.report.words.beside import caveats_about
from decisionloop.report.words.legacy import subject_of
from decisionloop.report.words.money import money_claims

if TYPE_CHECKING:
    from rich.table import Table

    from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class DemoResult:
    """What a replay came to."""

    use_case: str
    turns: int
    halted: tuple[str, ...]
    story: Path
    seconds: float


def print_summary(workspace: Workspace, story: Story, result: DemoResult, next_commands: Sequence[str]) -> None:
    """Print the story's money in a table, its headline, where the whole page is, and what to type next."""
    from rich.console import Console

    console = Console()
    console.print(money_table(story))
    for sentence in told_in_short(story):
        console.print(sentence, soft_wrap=True)
    decides = champion(workspace.ledger, result.use_case)
    who = "another system" if workspace.use_case.is_observing else decides.release_id if decides else "nobody"
    console.print(f"At the end {who} decides.")
    for sentence in observing_lines(workspace):
        console.print(sentence, soft_wrap=True)
    for reason in result.halted:
        console.print(f"halted: {reason}")
    console.print(f"{result.turns} turns in {result.seconds:.0f} s. The story: {result.story}", soft_wrap=True)
    console.print("What it made can be asked, and its model stopped:")
    for command in next_commands:
        console.print(f"  {command}", soft_wrap=True, markup=False, highlight=False)


def told_in_short(story: Story) -> tuple[str, ...]:
    """The page's headline, what it covers, what stands beside its money, and what a bad release cost; each once."""
    headline = story.headline
    beside = caveats_about(story.caveats, "money")
    case, bad = story.use_case, story.bad_release
    shipped = () if bad is None else (cost_in_short(bad, case.noun, case.currency),)
    told = (headline.verdict, *headline.standfirst, headline.scope, *beside, *shipped)
    return tuple(dict.fromkeys(one for one in told if one))


def table_claims(story: Story) -> dict[str, Claimed]:
    """What the rows of the table claim: the money of each period whose outcomes are complete."""
    rows = (money_claims([one]) for one in story.money)
    return {key: value for row in rows for key, value in row.items()}


def money_table(story: Story) -> Table:
    """One row a period: decisions, who decided, and the money of policy, rules and their difference."""
    from rich.table import Table

    currency = story.use_case.currency
    scale = _scale_of(story.money)
    unit = currency if scale == 1 else f"{currency} {scale:,}"
    table = Table(title=f"{story.use_case.title} ({unit}; intervals {story.interval_level:.0%})")
    done = "policy" if subject_of(story.money) == "the loop" else "as done"
    for name in ("month", "decisions", "decided by", done, "rules", f"{done} minus rules"):
        table.add_column(name, justify="left" if name in {"month", "decided by"} else "right")
    for period in story.money:
        estimates = (period.policy, period.rules, period.difference) if period.is_mature else (None, None, None)
        table.add_row(
            period.period,
            f"{period.decisions:,}",
            ", ".join(period.decided_by),
            *(_in_units(one, scale) for one in estimates),
        )
    return table


def _scale_of(money: Sequence[PeriodMoney]) -> int:
    """In which unit a column of money is read best: thousands where a month is worth tens of thousands, else ones."""
    amounts = [abs(one.policy.value) for one in money if one.is_mature and one.policy.value is not None]
    return 1_000 if max(amounts, default=0.0) >= 20_000 else 1


def _in_units(estimate: Estimate | None, scale: int) -> str:
    if estimate is None:
        return "not complete yet"
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return "cannot say"
    if low is None or high is None:
        return _figure(value / scale)
    worst, best, bounds = estimate.at_the_bounds.low, estimate.at_the_bounds.high, ""
    if worst is not None and best is not None:
        bounds = f"; at worst {_figure(worst / scale)}, at best {_figure(best / scale)}"
    return f"{_figure(value / scale)} ({_figure(low / scale)} to {_figure(high / scale)}{bounds})"


def _figure(amount: float) -> str:
    """Whole numbers where they say enough, never a minus before nothing."""
    told = f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.2f}"
    return told.removeprefix("-") if not told.strip("-0.,") else told
