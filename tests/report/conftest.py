"""A rich sample story with the magnitudes of the bundled credit data, and a contract for stories from a ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from decisionloop.contract import UseCase
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.features import FeatureFigures, ReviewedFeatures
from decisionloop.report.record.lines import (
    ActionValue,
    AlertLine,
    BatchLine,
    CheckLine,
    CohortPerformance,
    DataQualitySummary,
    Explored,
    FailedCheck,
    FeatureLine,
    ImpactLine,
    ReasonLine,
    ReleaseCostLine,
    ReleaseEventLine,
    ServingLines,
    StageLine,
    VerdictStory,
    WorkedDecision,
)
from decisionloop.report.record.story import ActionLine, Definition, PeriodMoney, PeriodTruth, Story, UseCaseLines
from decisionloop.report.words.headline import headline
from tests.report.monitoring_sample import sample_monitoring

BOOSTING = "the gradient-boosted model of 6 July"
SCORECARD = "the scorecard of 6 July"
OUTCOME = "two or more months late at the next statement"


@pytest.fixture(scope="session")
def use_case() -> UseCase:
    """The credit contract, as far as stories tell of it."""
    return UseCase.model_validate(
        {
            "name": "credit_line",
            "version": 1,
            "title": "Raise a client's credit line",
            "description": "Each month.",
            "entity": {"key": "client_id", "noun": "client"},
            "features": [
                {
                    "name": "status",
                    "type": "integer",
                    "wording": "repayment status",
                    "unit": "months late (0 on time)",
                    "purpose": "p",
                },
                {
                    "name": "utilisation",
                    "type": "number",
                    "wording": "share of the limit in use",
                    "unit": "share of limit",
                    "purpose": "p",
                },
                {"name": "limit", "type": "number", "wording": "credit limit", "unit": "NTD", "purpose": "p"},
            ],
            "protected": [{"name": "sex", "groups": {"1": "men", "2": "women"}, "reference": "1"}],
            "outcome": {"class": {"column": "late", "wording": "late"}, "window_days": 28, "maturity_days": 28},
            "actions": [
                {"name": "hold", "wording": "keep the limit", "is_default": True, "reveals_outcome": False},
                {
                    "name": "increase",
                    "wording": "raise the limit by 10%",
                    "reveals_outcome": True,
                    "is_favourable": True,
                },
            ],
            "model": {"action_as": "revealing_action"},
            "economics": {
                "currency": "NTD",
                "constants": {"margin": 0.03, "loss": 0.45},
                "value": {"hold": "0", "increase": "0.1 * limit * where(outcome, -loss, margin)"},
                "explanation": "Margin 3 %, loss 45 %.",
            },
            "policy": {"exploration": {"kind": "uniform", "share": 0.05}, "holdout_share": 0.05},
            "guardrails": {},
            "data_quality": {"rows": [1, 100], "maximum_age_days": 30},
            "schedule": {"cron": "0 6 * * 1"},
            "actuator": {"kind": "file"},
            "source": {"kind": "custom"},
            "approval": {"owner": "owner@example.com", "approvers": ["head@example.com"]},
        }
    )


def million(value: float, half: float) -> Estimate:
    return Estimate(value * 1e6, (value - half) * 1e6, (value + half) * 1e6)


def _money() -> tuple[PeriodMoney, ...]:
    rows = (
        ("2005-05", 4.1, 0.5, 5.0, 0.5, -0.9, 0.2, ("the rules",)),
        ("2005-06", 3.8, 0.5, 4.6, 0.5, -0.8, 0.2, ("the rules",)),
        ("2005-07", 5.5, 0.6, 5.4, 0.8, 0.1, 0.9, ("the rules", BOOSTING)),
        ("2005-08", 7.2, 0.6, 8.2, 0.9, -1.0, 0.9, (BOOSTING,)),
        ("2005-09", -12.6, 1.1, -12.2, 1.4, -0.4, 1.6, (BOOSTING,)),
    )
    return tuple(
        PeriodMoney(p, 29_988, million(a, b), million(c, d), million(e, f), True, who)
        for p, a, b, c, d, e, f, who in rows
    )


def _batches() -> tuple[BatchLine, ...]:
    lines = []
    for month in range(5, 10):
        for week in range(4):
            as_of = date(2005, month, 3) + timedelta(days=7 * week)
            is_model = as_of > date(2005, 7, 16)
            share = 0.762 + 0.006 * week - 0.004 * month + (0.03 if is_model else 0.0)
            warnings = ("status: 1 is new in 12% of rows",) if as_of > date(2005, 9, 1) else ()
            champion = BOOSTING if is_model else "the rules"
            lines.append(
                BatchLine(
                    as_of,
                    "complete",
                    7_430 + 13 * week,
                    champion,
                    (("hold", 1 - share), ("increase", share)),
                    "",
                    warnings,
                )
            )
    halted = lines[9]
    lines[9] = BatchLine(
        halted.as_of, "halted", halted.rows, "the rules", (), "payments is missing in 100% of rows (usual: 0%)"
    )
    return tuple(lines)


def _verdicts() -> tuple[VerdictStory, ...]:
    money = CheckLine("money", True, "It surely earns NT$3.1 more per decision (90% sure), on 28,400 decisions.")
    return (
        VerdictStory(
            date(2005, 7, 6),
            1,
            SCORECARD,
            "the rules",
            "refuse",
            (
                CheckLine("money", False, "It may earn less: NT$-4.0 to NT$2.2 more per decision."),
                CheckLine("auc", True, "It ranks 84 of 100 pairs correctly."),
            ),
        ),
        VerdictStory(
            date(2005, 7, 17),
            2,
            BOOSTING,
            "the rules",
            "promote",
            (
                money,
                CheckLine("auc", True, "It ranks 88 of 100 pairs correctly."),
                CheckLine("adverse_impact", True, "The lowest ratio of a group is 0.93."),
                CheckLine("latency", None, "No online timing was asked for."),
            ),
            became="champion",
        ),
    )


def _worked() -> WorkedDecision:
    return WorkedDecision(
        "3f9a0c1be2d47788aa01bb42cd90ef15",
        "14023",
        date(2005, 7, 24),
        BOOSTING,
        "champion",
        (
            FeatureLine("repayment status", "0"),
            FeatureLine("share of the limit in use", "0.93"),
            FeatureLine("credit limit", "NT$50,000"),
            FeatureLine("paid of the last statement", "12%"),
        ),
        0.041,
        (
            ActionValue("hold", 0.0, False, True),
            ActionValue("increase", 41.6, True, False),
        ),
        "increase",
        "hold",
        0.95,
        (
            ReasonLine("repayment status", "0", -1.31),
            ReasonLine("share of the limit in use", "0.93", 0.62),
            ReasonLine("paid of the last statement", "12%", 0.21),
        ),
        0,
        None,
        150.0,
    )


def _serving() -> ServingLines:
    return ServingLines(
        decisions=142_500,
        batches=19,
        all_batches=20,
        cpu_seconds=61.2,
        bytes_stored=98_000_000,
        money=0.94,
        is_priced=True,
        earned=53.4,
        stages=(
            StageLine("Gathering and freezing what is known", "", 31.0, 12_000_000, 0.126),
            StageLine("Scoring", "the release that decides", 1.9, 0, 0.0009),
            StageLine("Scoring", "in shadow", 1.7, 0, 0.0008),
            StageLine("Writing decisions down", "", 26.6, 86_000_000, 0.813),
        ),
        releases=(
            ReleaseCostLine(BOOSTING, 60_000, 0.0000065),
            ReleaseCostLine("the rules", 82_500, 0.0000061),
            ReleaseCostLine(SCORECARD, 0, None),
        ),
    )


def sample_features() -> ReviewedFeatures:
    """One feature carries the money, one cannot be told, and two that say the same have earned nothing twice."""

    def line(name: str, wording: str, worth: Estimate, **more: Any) -> FeatureFigures:
        known = {"reasons": 0.1, "missing": 0.0, "drift": 0.021, "age_days": 3.0, "since": date(2005, 5, 1)}
        return FeatureFigures(name, wording, worth, **(known | more))

    idle = {"is_idle": True, "saved_lookups": 21, "saved_money": 0.000023}
    return ReviewedFeatures(
        as_of=datetime(2005, 9, 1, tzinfo=UTC),
        cohort="2005-08-22",
        model="the gradient-boosted model",
        is_deciding=True,
        reviews=3,
        decisions=24_210,
        lines=(
            line("status", "repayment status", Estimate(91_000.0, 61_000.0, 121_000.0), reasons=0.71),
            line("age", "time as a client", Estimate(800.0, -2_000.0, 3_600.0), age_days=None, since=None),
            line("bill", "last bill", Estimate(-40.0, -900.0, 820.0), missing=0.012, to_rules=0.012, **idle),
            line("bill_again", "bill in the statement", Estimate(-55.0, -950.0, 840.0), **idle),
        ),
        together=Estimate(5_400.0, 900.0, 9_900.0),
    )


def sample_story() -> Story:
    """Five months of the credit line, as the loop might tell them."""
    use_case = UseCaseLines(
        "credit_line",
        "Raise a client's credit line",
        "Each month every client of the card is decided once: keep the limit, or raise it by a tenth.",
        "client",
        "NTD",
        "Only the new part of the line counts: 3% of it is earned when the client stays on time, "
        "45% of it is lost when not.",
        OUTCOME,
        (
            ActionLine("hold", "keep the limit", True),
            ActionLine("increase", "raise the limit by 10%", is_favourable=True),
        ),
        "credit-risk@example.com",
    )
    money, batches = _money(), _batches()
    auc = (("2005-07", 0.884, 0.012), ("2005-08", 0.871, 0.014), ("2005-09", 0.702, 0.011))
    rates = ((0.071, 0.078), (0.069, 0.061), (0.083, 0.194))
    return Story(
        use_case=use_case,
        first=date(2005, 5, 3),
        last=date(2005, 9, 24),
        headline=headline(use_case, money, batches),
        money=money,
        releases=(
            ReleaseEventLine(date(2005, 5, 3), "the rules", "rules", "champion", "The rules that were there before."),
            ReleaseEventLine(date(2005, 7, 6), SCORECARD, "scorecard", "candidate", "first model"),
            ReleaseEventLine(
                date(2005, 7, 6),
                SCORECARD,
                "scorecard",
                "refused",
                "money: may earn less than the rules",
            ),
            ReleaseEventLine(date(2005, 7, 6), BOOSTING, "gradient_boosting", "candidate", "first model"),
            ReleaseEventLine(date(2005, 7, 6), BOOSTING, "gradient_boosting", "shadow", "passed the gate's first look"),
            ReleaseEventLine(date(2005, 7, 17), BOOSTING, "gradient_boosting", "champion", "passed the second look"),
            ReleaseEventLine(date(2005, 7, 17), "the rules", "rules", "retired", "replaced; kept as the baseline"),
        ),
        batches=batches,
        performance=tuple(
            CohortPerformance(c, BOOSTING, Estimate(v, v - h, v + h), p, o, 24_210, 9_870.4, auc_threshold=0.83)
            for (c, v, h), (p, o) in zip(auc, rates, strict=True)
        ),
        verdicts=_verdicts(),
        explored=Explored(7_480, 149_940, million(1.9, 0.3), 1_702, 0.418, 0.062),
        features=sample_features(),
        impact=(
            ImpactLine("2005-09", "sex", "men", 0.741, Estimate(0.965, 0.95, 0.98), 11_888),
            ImpactLine("2005-09", "sex", "women", 0.768, Estimate(1.0, 1.0, 1.0), 18_112, True),
            ImpactLine("2005-09", "age_band", "under 25", 0.61, Estimate(0.81, 0.78, 0.84), 2_680),
            ImpactLine("2005-09", "age_band", "25 and over", 0.753, Estimate(1.0, 1.0, 1.0), 27_320, True),
        ),
        worked=_worked(),
        serving=_serving(),
        monitoring=sample_monitoring(),
        alerts=(
            AlertLine(
                date(2005, 7, 10),
                "critical",
                "data_quality",
                "payments is missing in every row of the batch.",
                "Ask the owner of the statements feed; run the batch again once it is repaired.",
            ),
        ),
        quality=DataQualitySummary(
            642,
            20,
            (FailedCheck("nulls", "payments", "critical", 1, 7_443, "Repair the feed and run the batch again."),),
            0,
        ),
        ledger=(("decision", 142_500), ("prediction", 412_000), ("outcome", 101_220), ("measurement", 310)),
        truth=tuple(
            PeriodTruth(p, a * 1.001e6, b * 1.001e6, c * 1e6, d * 1e6)
            for p, a, b, c, d in (
                ("2005-05", 4.2, 5.1, -5.2, 13.6),
                ("2005-06", 3.9, 4.6, -5.8, 13.8),
                ("2005-07", 5.6, 5.4, -7.0, 13.8),
                ("2005-08", 7.5, 8.2, -1.2, 14.0),
                ("2005-09", -12.4, -12.2, -26.0, 12.6),
            )
        ),
        notes=("October's outcome is the bank's official default flag, another definition than in the months before.",),
        definitions=(
            Definition("Holdout", "A small share of clients who stay on the rules for good: the referee."),
            Definition("Shadow", "A model that answers beside the deciding one while nobody acts on it."),
        ),
        interval_level=0.9,
    )


@pytest.fixture
def story() -> Story:
    return sample_story()
