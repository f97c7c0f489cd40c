"""What stands beside the figures: caveats that ledger and contract give cause for, and the contract's known events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from decisionloop.contract import UseCase
from decisionloop.contract.days import in_days
from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.incidents import Incident, open_incidents
from decisionloop.monitor.labels import LABEL_SHORTFALL, promised_share
from decisionloop.report.record.beside import Caveat, KnownEvent
from decisionloop.report.record.story import PeriodMoney
from decisionloop.report.record.totals import total_of
from decisionloop.report.words.figures import day, period_label
from decisionloop.report.words.missing import missing_sentence, unjudged_sentence
from decisionloop.report.words.spans import names

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


def caveats_of(ledger: Ledger, use_case: UseCase, money: Sequence[PeriodMoney] = ()) -> tuple[Caveat, ...]:
    """Every caveat of a use case's figures: the one place that decides what must be said beside them.

    ``money``: the periods that are told of, with their bounds and the cohorts of theirs that are held back.
    """
    of_money = caveats_of_money(money, use_case.economics.currency)
    of_ledger = (*_of_labels(ledger, use_case), *_of_unjudged(ledger, use_case), *_of_retention(ledger, use_case))
    return (*_of_outcomes(use_case), *of_money, *of_ledger)


def caveats_of_money(money: Sequence[PeriodMoney], currency: str) -> tuple[Caveat, ...]:
    """Those that the figures of money themselves give cause for: outcomes that are missing, cohorts held back."""
    told, is_grave = missing_sentence(money, currency), _is_verdict_too_sure(total_of(money))
    of_missing = Caveat(() if is_grave else ("money",), told, is_grave)  # once, in the headline or beside the money
    return (*([of_missing] if told else []), *_of_held_cohorts(money))


def _is_verdict_too_sure(total: PeriodMoney | None) -> bool:
    """Whether missing outcomes leave the verdict's figures far more open than it says.

    Where they leave a sign open the verdict says so by itself; but of exploring that paid under the rules it says
    nothing.
    """
    if total is None or total.policy.is_sign_open:
        return False
    is_said = total.difference.is_sign_open and not (total.is_by_rules and total.difference.sign > 0)
    return not is_said and (total.policy.is_mostly_missing or total.difference.is_mostly_missing)


def _of_held_cohorts(money: Sequence[PeriodMoney]) -> Iterator[Caveat]:
    held = {one.period: one.held_back for one in money if one.held_back}
    cohorts = sorted({name for names_of in held.values() for name in names_of})
    if held:
        of_month = "" if list(held) == cohorts else f" ({names(cohorts)})"
        one, its, it, neither, is_ = (
            ("a held-back cohort", "its", "it", "It neither teaches nor judges", "it is")
            if len(cohorts) == 1
            else ("held-back cohorts", "their", "them", "They neither teach nor judge", "they are")
        )
        yield Caveat(
            ("money",),
            f"What is said of {names(sorted(held))} leans on {one}{of_month}: too few of {its} outcomes came, or a "
            f"person excluded {it}. {neither} until {is_} released.",
        )


def _of_outcomes(use_case: UseCase) -> Iterator[Caveat]:
    if use_case.outcome.happened_at is None:
        yield Caveat(
            ("money",),  # said once, though every figure of outcomes rests on it
            "The source does not say when an outcome happened, so the time it was seen stands in: one that was seen "
            f"after {in_days(use_case.outcome.window_days)}, when it no longer counts, cannot be told from one that "
            "happened then.",
        )


def _of_labels(ledger: Ledger, use_case: UseCase) -> Iterator[Caveat]:
    for one in open_incidents(ledger, use_case.name):
        if one.family == "labels":
            yield Caveat(
                ("money", "rates", "actions", "promises"),
                f"The outcomes themselves are in question since the cohort of {period_label(one.first_cohort)} "
                f"(incident {one.incident_id}{_answer(one)}): figures of it and of later ones rest on them.",
                is_grave=True,
            )


def _answer(incident: Incident) -> str:
    """Who has answered an incident that is still open, when and what; "" where nobody has."""
    last = incident.events[-1]
    if last.state != "acknowledged":
        return ""
    return f", answered on {day(last.at)} by {last.by}: {last.reason.strip().rstrip('.')}"


def _of_unjudged(ledger: Ledger, use_case: UseCase) -> Iterator[Caveat]:
    """That cohorts were measured and not judged, because too few of their outcomes came: silence is no all-clear."""
    from decisionloop.ledger.held_cohorts import held_cohorts
    from decisionloop.ledger.measurements import measurements_of

    told = measurements_of(ledger, use_case.name, LABEL_SHORTFALL)
    short = sorted(told["cohort"][told["value"] > 0])
    if not short:
        return
    held = [name for name in short if name in held_cohorts(ledger, use_case.name)]
    expired = {cohort_name(one.as_of) for one in batches(ledger, use_case.name) if one.state == "expired"}
    counts = len(told), len(short), len(held)
    gone = len(expired & set(told["cohort"]))
    yield Caveat(("money", "rates"), unjudged_sentence(*counts, promised_share(use_case), gone))


def _of_retention(ledger: Ledger, use_case: UseCase) -> Iterator[Caveat]:
    """That earlier batches are kept no longer, so that no figure here counts them."""
    gone = sorted(one.as_of for one in batches(ledger, use_case.name) if one.state == "expired")
    if gone:
        them = "1 batch is" if len(gone) == 1 else f"{len(gone):,} batches are"
        told = (
            f"By retention {them} kept no longer, up to {day(gone[-1])}: no figure here counts what was decided then."
        )
        yield Caveat(("money",), told)


def known_events(use_case: UseCase) -> tuple[KnownEvent, ...]:
    """The contract's calendar, by the day on which each event began."""
    days = use_case.schedule.covers_days
    told = [KnownEvent(one.name, one.from_, one.until, one.wording, days) for one in use_case.monitors.known_events]
    return tuple(sorted(told, key=lambda one: (one.first, one.name)))
