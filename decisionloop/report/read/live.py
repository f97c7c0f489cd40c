"""From the ledger to what the live page says of a use case now: the story's own lines, and what waits for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import Batch
from decisionloop.ledger.readable_contract import ReadableContract
from decisionloop.ledger.releases import find_stage
from decisionloop.ledger.schema import decision_group, decision_row, utc_now
from decisionloop.ledger.stage_costs import batch_costs
from decisionloop.ledger.verdicts import verdicts
from decisionloop.ledger.watching_periods import count_unfinished
from decisionloop.report.read.batches import batch_lines
from decisionloop.report.read.beside import caveats_of, caveats_of_money
from decisionloop.report.read.costs import serving_lines
from decisionloop.report.read.evidence import promises
from decisionloop.report.read.gathered import Gathered, gather, use_case_lines, with_logged_actions
from decisionloop.report.read.latency import answer_latency_of
from decisionloop.report.read.measurements import periods_of_money
from decisionloop.report.read.releases import release_lines, verdict_lines
from decisionloop.report.read.standing import releases_as_they_stand, standing_of
from decisionloop.report.read.trying import tried_otherwise
from decisionloop.report.read.what_next import what_next
from decisionloop.report.record.evidence import Promise
from decisionloop.report.record.latency import AnswerLatency
from decisionloop.report.record.lines import ReleaseCostLine, ServingLines
from decisionloop.report.record.live import Latency, LiveReleasePage, LiveUseCase
from decisionloop.report.record.story import PeriodMoney, UseCaseLines
from decisionloop.report.record.what_next import NOTHING_NEXT
from decisionloop.report.words.headline import headline
from decisionloop.report.words.naming import StoryClock

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

MOST_ANSWERS = 5_000


def read_live(ledger: Ledger, name: str, known: ReadableContract) -> LiveUseCase:
    """Everything that the page says of one use case, read once."""
    read = gather(ledger, name)
    case = with_logged_actions(case_lines(name, known), read.handled)
    money = periods_of_money(read.measured, read.handled.decided(), read.names)
    lines = batch_lines(read.handled, read.names)
    caveats = (
        caveats_of(ledger, known.use_case, money) if known.use_case else caveats_of_money(money, case.currency)
    )  # without a contract nobody knows what else would have to be said
    grave = [one.words for one in caveats if one.is_grave]
    return LiveUseCase(
        case=case,
        fault=known.fault,
        headline=headline(case, money, lines, None, grave),
        standing=standing_of(ledger, name, read),
        batches=lines,
        money=money,
        promises=_promises(ledger, name, read),
        serving=_serving(ledger, name, read, money),
        latency=_latency(ledger, read.handled.batches),
        caveats=tuple(one.words for one in caveats if not one.is_grave),
        unsealed=count_unfinished(ledger, name),
        answers=_answers(ledger, known.use_case),
        tried=None if known.use_case is None else tried_otherwise(ledger, known.use_case, read.handled.batches),
        next=NOTHING_NEXT if known.use_case is None else what_next(known.use_case, read.handled.batches, read.events),
    )


def _answers(ledger: Ledger, use_case: UseCase | None) -> AnswerLatency | None:
    if use_case is None or use_case.online is None:
        return None
    return answer_latency_of(ledger, use_case, utc_now(), most=MOST_ANSWERS)


def read_release(ledger: Ledger, release_id: str, known: ReadableContract) -> LiveReleasePage | None:
    """Everything that the page of a release says; None for one that the ledger does not know."""
    stage = find_stage(ledger, release_id)
    if stage is None:
        return None
    name = stage.release.use_case
    read = gather(ledger, name)
    clock, judged = StoryClock(read.handled.batches), verdicts(ledger, name)
    costs = [one for one in _costs(ledger, name, read) if one.release == read.names[release_id]]
    own = [one for one in read.events if one.release_id == release_id]
    (release,) = releases_as_they_stand([stage], read)
    return LiveReleasePage(
        case=case_lines(name, known),
        release=release,
        kind=stage.release.kind,
        steps=release_lines(own, read.names, clock),
        verdicts=tuple(
            one for one in verdict_lines(judged, read.names, read.events) if one.challenger_id == release_id
        ),
        promises=tuple(one for one in _promises(ledger, name, read) if one.release_id == release_id),
        served=sum(one.rows for one in costs),
        cost_of_1000=next((1000 * one.per_row for one in costs if one.per_row is not None), None),
    )


def case_lines(name: str, known: ReadableContract) -> UseCaseLines:
    """What a contract says; without any the name alone, and money without a currency."""
    if known.use_case is not None:
        return use_case_lines(known.use_case)
    return UseCaseLines(name, name, "", "entity", "", "", "", ())


def _promises(ledger: Ledger, name: str, read: Gathered) -> tuple[Promise, ...]:
    return promises(verdicts(ledger, name), read.events, read.measured, read.names)


def _serving(ledger: Ledger, name: str, read: Gathered, money: Sequence[PeriodMoney]) -> ServingLines | None:
    return serving_lines(batch_costs(ledger, name), len(read.handled.batches), money, read.names)


def _costs(ledger: Ledger, name: str, read: Gathered) -> tuple[ReleaseCostLine, ...]:
    """What each release served, and what that cost where there is a price."""
    serving = _serving(ledger, name, read, ())
    return serving.releases if serving else ()


def _latency(ledger: Ledger, found: Sequence[Batch]) -> Latency | None:
    """How long a decision of the last decided batch took; None before the first, and where none of it was timed."""
    last = next((one for one in reversed(found) if one.is_decided), None)
    if last is None:
        return None
    took, rows = decision_group.c.latency_ms, func.count(decision_row.c.decision_id)
    joined = decision_group.join(decision_row, decision_row.c.group_id == decision_group.c.group_id)
    is_timed = took > 0  # what rules decide is not timed, and stands as 0
    statement = select(took, rows).select_from(joined).where(decision_group.c.batch_id == last.batch_id, is_timed)
    with ledger.connect() as connection:
        counted = connection.execute(statement.group_by(decision_group.c.group_id, took)).all()
    decisions = sum(count for _, count in counted)
    if not decisions:
        return None
    return Latency(sum(ms * count for ms, count in counted) / decisions, max(ms for ms, _ in counted))
