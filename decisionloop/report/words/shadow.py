"""What an audit found of a release beside the champion: in sentences, a line a slice, and markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decisionloop.contract import UseCase
from decisionloop.monitor.shadow.record import Disagreement, GroupFavour, ShadowAudit
from decisionloop.report.words.figures import EN_DASH, count_of, listed, money, percent

MOST_SLICES = 20
"""So many slices are shown, those in which it disagrees most; the record has all."""


def shadow_sentences(audit: ShadowAudit, use_case: UseCase) -> tuple[str, ...]:
    """The limits that it crosses first, then what was found: decisions and money, outputs, impact, and so on."""
    if audit.error:
        return (_headline(audit), *(one.words for one in audit.crossed))
    parts = (_decisions(audit, use_case), _outputs(audit), _impact(audit, use_case), _inputs(audit), _reasons(audit))
    told = (one for one in (*parts, _time(audit, use_case), _trial(audit)) if one)
    return (_headline(audit), *(one.words for one in audit.crossed), *told)


def slice_in_brief(one: Disagreement, use_case: UseCase) -> str:
    """One slice for a terminal, a protected group with its wording."""
    attribute, _, group = one.slice.partition("=")
    wording = _wording_of_group(use_case, attribute, group)
    named = f"{one.slice} ({wording})" if wording != group else one.slice
    return f"{named}: {_otherwise(one)}{_worth(one, use_case.economics.currency)}"


def most_disputed(audit: ShadowAudit) -> Sequence[Disagreement]:
    """The slices with a row, those in which it disagrees most first."""
    return sorted((one for one in audit.by_slice if one.n), key=lambda one: -one.share)[:MOST_SLICES]


def shadow_in_brief(audit: ShadowAudit) -> str:
    """The audit in a line, for the step `shadow` of a deployment and for `status`."""
    if audit.crossed:
        return f"in {audit.batch_id}: {' '.join(one.words for one in audit.crossed)}"
    found = audit.disagreement
    otherwise = "" if found is None else f", and would take {percent(found.share)} of the decisions otherwise"
    if audit.is_beside_legacy and found is not None:
        otherwise = f", and would take {percent(found.share)} of the decisions otherwise than the other system did"
    return f"in {audit.batch_id} it crossed no limit{otherwise}."


def shadow_markdown(audit: ShadowAudit, use_case: UseCase) -> str:
    """The audit as an artifact of Prefect's."""
    currency = use_case.economics.currency
    beside = "the other system" if audit.is_beside_legacy else "the champion"
    lines = [f"# {use_case.title}: {audit.release_id} beside {beside}", ""]
    lines += [f"- {one}" for one in shadow_sentences(audit, use_case)]
    if audit.by_slice:
        lines += ["", "| slice | decisions | otherwise | worth by its own reckoning | by the champion's |"]
        lines += ["|---|---:|---:|---:|---:|", *(_row(one, currency) for one in most_disputed(audit))]
    if audit.outputs:
        lines += ["", "| output | rows that differ | median difference | largest | distribution moved |"]
        lines += ["|---|---:|---:|---:|---:|"]
        lines += [
            f"| `{one.output}` | {one.differing:,} of {one.n:,} | {_number(one.median)} | {_number(one.largest)} | "
            f"{percent(one.moved)} |"
            for one in audit.outputs
        ]
    return "\n".join(lines) + "\n"


def _headline(audit: ShadowAudit) -> str:
    crossed = len(audit.crossed)
    found = "It crosses no limit of the contract." if not crossed else f"It crosses {count_of(crossed, 'limit')}:"
    beside = "the other system" if audit.is_beside_legacy else audit.champion_id
    return f"{audit.release_id} was scored beside {beside} on {count_of(audit.n, 'row')} of {audit.batch_id}. {found}"


def _decisions(audit: ShadowAudit, use_case: UseCase) -> str:
    found = audit.disagreement
    if found is None:
        return ""
    if not found.otherwise:
        who = "the other system did" if audit.is_beside_legacy else "the champion does"
        return f"It would have taken every decision as {who}."
    counts = listed(
        [f"{one.shadow:,} {_wording(use_case, one.action)} ({one.champion:,} now)" for one in audit.actions]
    )
    worth = _worth(found, use_case.economics.currency)
    told = f"It would have taken {_otherwise(found)}{worth}. Its actions: {counts}."
    return f"{told} {UNCLAIMED}" if audit.is_beside_legacy else told


UNCLAIMED = (
    "What its other actions would have brought is not claimed here: `decisionloop status` says what can be told."
)


def _otherwise(one: Disagreement) -> str:
    return f"{one.otherwise:,} of {count_of(one.n, 'decision')} otherwise ({percent(one.share)})"


def _worth(one: Disagreement, currency: str) -> str:
    if not one.otherwise or one.by_itself is None:
        return ""
    own = f", expected to be worth {money(one.by_itself, currency, is_signed=True)} by its own reckoning"
    if one.by_champion is None:
        return own
    return f"{own} and {money(one.by_champion, currency, is_signed=True)} by the champion's"


def _outputs(audit: ShadowAudit) -> str:
    if audit.is_beside_legacy:
        return ""
    if not audit.outputs:
        return "The rules decide, and have no scores to compare its own with."
    differing = [one for one in audit.outputs if one.differing]
    if not differing:
        return "Every output is the champion's to the last digit."
    moved = [one.output for one in differing if one.is_moved]
    where = listed([f"{one.output} on {percent(one.differing / one.n)} of the rows" for one in differing])
    noise = f"The distribution of {listed(moved)} is surely another one" if moved else "No distribution surely moved"
    return f"It differs from the champion in {where}. {noise}."


def _impact(audit: ShadowAudit, use_case: UseCase) -> str:
    known = [one for one in audit.impact if one.ratio is not None]
    if not audit.impact:
        return ""
    if not known:
        return "No protected group is large enough in this batch to tell its impact."
    worst = min(known, key=lambda one: one.ratio or 0.0)
    return f"Of the protected groups it would favour {_group(worst, use_case)} least: {_ratio(worst, use_case)}."


def _group(one: GroupFavour, use_case: UseCase) -> str:
    return f"“{_wording_of_group(use_case, one.attribute, one.group)}” ({one.attribute.replace('_', ' ')})"


def _wording_of_group(use_case: UseCase, attribute: str, group: str) -> str:
    """What the contract calls a protected group; its value where it has no other name."""
    found = next((one for one in use_case.protected if one.name == attribute), None)
    return group if found is None else found.groups.get(group, group)


def _ratio(one: GroupFavour, use_case: UseCase) -> str:
    now = "" if one.champion_ratio is None else f", {one.champion_ratio:.2f} now"
    return f"{one.ratio:.2f} of the best group's rate{now}, {use_case.gate.minimum_impact_ratio:.2f} is the limit"


def _inputs(audit: ShadowAudit) -> str:
    if not audit.inputs and audit.is_beside_legacy:
        return ""
    if not audit.inputs:
        return "What it learnt from was not kept, so its inputs cannot be compared with that."
    worst = max(audit.inputs, key=lambda one: one.moved)
    sure = sum(one.is_sure for one in audit.inputs)
    told = f"{sure} of {len(audit.inputs)} features have surely moved" if sure else "No feature has surely moved"
    return f"{told} since its training; most of all {worst.feature}, by {percent(worst.moved)} of its values."


def _reasons(audit: ShadowAudit) -> str:
    found = audit.reasons
    if found is None or found.share is None or found.error:
        return ""
    return (
        f"Where both would do the same it gives the same first reason in {percent(found.share)} of "
        f"{count_of(found.asked, 'decision')}."
    )


def _time(audit: ShadowAudit, use_case: UseCase) -> str:
    time = audit.time
    if audit.is_beside_legacy and not time.slowest:  # the rules, whom nobody has to wait for
        return ""
    beside = "" if time.champion_median is None else f"; the champion {time.champion_median:.2g} ms with its reasons"
    nan = f" It values {count_of(audit.nan_rows, 'row')} at NaN." if audit.nan_rows else ""
    return (
        f"A row of a batch took it {time.median:.2g} ms as a rule and {time.slowest:.2g} ms in the slowest of "
        f"{count_of(time.batches, 'batch')} (budget {use_case.latency.batch_ms_per_row:g} ms){beside}.{nan}"
    )


def _trial(audit: ShadowAudit) -> str:
    """For whom it decided on trial, and how long one decision took, in turn with the champion; "" in shadow."""
    drawn, calls, told = audit.drawn, audit.calls, []
    if drawn is not None:
        told.append(
            f"On trial it decided {drawn.decided:,} of {drawn.eligible:,} decisions that it could have "
            f"({drawn.decided / drawn.eligible:.2%}; declared are {drawn.share:.2%})."
        )
    if calls is not None and calls.p99 is not None and calls.champion_p99 is not None:
        told.append(
            f"In {count_of(calls.pairs, 'pair')} of calls by turns one decision took it up to {calls.p99:.2g} ms and "
            f"the champion {calls.champion_p99:.2g} ms (p99; budget {calls.budget_ms:g} ms)."
        )
    return " ".join(told)


def _wording(use_case: UseCase, action: str) -> str:
    return next((one.wording for one in use_case.actions if one.name == action), action)


def _row(one: Disagreement, currency: str) -> str:
    by_champion = EN_DASH if one.by_champion is None else money(one.by_champion, currency, is_signed=True)
    own = EN_DASH if one.by_itself is None else money(one.by_itself, currency, is_signed=True)
    return f"| `{one.slice}` | {one.n:,} | {one.otherwise:,} ({percent(one.share)}) | {own} | {by_champion} |"


def _number(value: float | None) -> str:
    return EN_DASH if value is None else f"{value:.3g}"


def lines_of(audit: ShadowAudit, use_case: UseCase) -> Iterator[str]:
    """The audit for a terminal: what a manager reads, then the slices."""
    yield from shadow_sentences(audit, use_case)
    disputed = [one for one in most_disputed(audit) if one.otherwise]
    if disputed:
        yield ""
        yield "By slice:"
        yield from (slice_in_brief(one, use_case) for one in disputed)
