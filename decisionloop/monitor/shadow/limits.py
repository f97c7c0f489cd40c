"""Which limits of the contract an audited release surely crosses, each in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.contract import UseCase
from decisionloop.monitor.compare.distance import largest_rate, smallest_rate
from decisionloop.monitor.shadow.record import Crossed, OutputDifference, ShadowAudit

FEW = 0.5
"""Where less than this share of the rows differs the others are the same: the difference is no other model's."""

FEWEST_TIMED = 200
"""A batch of fewer rows takes milliseconds in all, most of them for the call."""


def crossed_limits(use_case: UseCase, audit: ShadowAudit) -> Iterator[Crossed]:
    """The limits that it surely crosses, the gravest first."""
    yield from _errors(use_case, audit)
    yield from _outputs(audit)
    yield from _disagreement(use_case, audit)
    yield from _impact(use_case, audit)
    yield from _inputs(audit)
    yield from _reasons(use_case, audit)
    yield from _latency(use_case, audit)


def _errors(use_case: UseCase, audit: ShadowAudit) -> Iterator[Crossed]:
    if audit.error:
        yield Crossed("errors", f"It said nothing of the batch: {audit.error.rstrip('.')}.")
    most, error = use_case.shadow.maximum_nan_share, use_case.shadow.error
    if audit.nan_rows and audit.n and smallest_rate(audit.nan_rows, audit.n, error) > most:
        share = audit.nan_rows / audit.n
        yield Crossed("errors", f"It values {share:.1%} of the rows at NaN, and {most:.1%} are allowed.")


def _outputs(audit: ShadowAudit) -> Iterator[Crossed]:
    """The output that differs most, where it differs as it does not usually."""
    few = [one for one in audit.outputs if one.beyond and one.is_unusual]
    strange = [one for one in audit.outputs if 0 < one.differing < FEW * one.n]
    if few:
        worst = max(few, key=lambda one: one.beyond / one.n)
        yield Crossed(
            "outputs",
            f"In {worst.beyond / worst.n:.2%} of the rows its {_name(worst)} differs from the champion's by more than "
            f"{worst.tail_limit:.3g}; in its batches before that was {worst.usual_beyond or 0.0:.2%}.",
        )
    elif strange:
        worst = max(strange, key=lambda one: one.differing / one.n)
        yield Crossed(
            "outputs",
            f"Its {_name(worst)} is the champion's to the last digit, but on {worst.differing} of {worst.n} rows "
            f"({worst.differing / worst.n:.2%}), by up to {worst.largest or 0.0:.3g}.",
        )


def _name(one: OutputDifference) -> str:
    kind, _, action = one.output.partition(":")
    return f"value of {action}" if action else kind


def _disagreement(use_case: UseCase, audit: ShadowAudit) -> Iterator[Crossed]:
    found, limits = audit.disagreement, use_case.shadow
    if found is None or not found.n or audit.is_beside_legacy:  # that others decide otherwise is what one looks for
        return
    if smallest_rate(found.otherwise, found.n, limits.error) > limits.maximum_disagreement:
        allowed = f"and {limits.maximum_disagreement:.1%} are allowed"
        yield Crossed("disagreement", f"It would take {found.share:.1%} of the decisions otherwise, {allowed}.")
    loss = None if found.by_champion is None else -found.by_champion / found.n
    if limits.maximum_loss is not None and loss is not None and loss > limits.maximum_loss:
        currency = use_case.economics.currency
        yield Crossed(
            "loss",
            f"By the champion's reckoning its other actions cost {currency} {loss:,.2f} a decision of the batch, "
            f"and {currency} {limits.maximum_loss:,.2f} are allowed.",
        )


def _impact(use_case: UseCase, audit: ShadowAudit) -> Iterator[Crossed]:
    for one in audit.impact:
        if one.is_adverse:
            yield Crossed(
                "adverse_impact",
                f"{one.attribute} {one.group} would get the favourable action {one.ratio or 0.0:.2f} times as often as "
                f"the best group, surely less than {use_case.gate.minimum_impact_ratio:.2f} and less than now.",
            )


def _inputs(audit: ShadowAudit) -> Iterator[Crossed]:
    """All features in one sentence: they move together, and it is one thing to be told."""
    moved = sorted((one for one in audit.inputs if one.is_sure), key=lambda one: -one.moved)
    if moved:
        told = ", ".join(f"{one.feature} ({one.moved:.0%} of its values)" for one in moved)
        yield Crossed("inputs", f"The batch is surely not what it learnt from; moved have {told}.")


def _reasons(use_case: UseCase, audit: ShadowAudit) -> Iterator[Crossed]:
    found, limits = audit.reasons, use_case.shadow
    if found is None:
        return
    if found.error:
        yield Crossed("reasons", f"It could not be asked for its reasons: {found.error.rstrip('.')}.")
    elif found.asked and largest_rate(found.same, found.asked, limits.error) < limits.minimum_same_reason:
        yield Crossed(
            "reasons",
            f"Where both would do the same it gives the same first reason in {found.share or 0.0:.0%} of "
            f"{found.asked} decisions, and {limits.minimum_same_reason:.0%} are asked for.",
        )


def _latency(use_case: UseCase, audit: ShadowAudit) -> Iterator[Crossed]:
    """Over the budget, and slower than the champion in the same batch: a machine that is busy slows down both.

    Of few rows it says nothing: what a call costs is shared among them, and is no row's own.
    """
    time, budget = audit.time, use_case.latency.batch_ms_per_row
    if audit.error or audit.n < FEWEST_TIMED or time.median <= budget or time.median <= (time.champion_median or 0.0):
        return
    yield Crossed(
        "latency",
        f"A row of a batch takes {time.median:.3g} ms, as a rule of {time.batches} "
        f"{'batch' if time.batches == 1 else 'batches'}, over the budget of {budget:g} ms.",
    )
