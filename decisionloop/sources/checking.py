"""``usecase check``: does the contract fit its code and its data? Batches are built and valued; nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from decisionloop.contract import UseCase, UseCaseFolder, load_use_case
from decisionloop.contract.code import UseCaseCode, load_code
from decisionloop.contract.retired import retired_findings
from decisionloop.contract.trial import edge_faults
from decisionloop.contract.written import named, read_yaml
from decisionloop.errors import ContractError, Fault
from decisionloop.sources.base import Source, TellingSource
from decisionloop.sources.batch_findings import batch_findings
from decisionloop.sources.cannot_happen import cannot_happen
from decisionloop.sources.coming import decisions_coming
from decisionloop.sources.data_answers import DataAnswer, Told, data_answers
from decisionloop.sources.expected_trying import expected_trying
from decisionloop.sources.known_outcomes import AskedOutcomes, asked_outcomes, outcome_delays
from decisionloop.sources.leak_findings import leak_findings
from decisionloop.sources.legacy_findings import legacy_findings
from decisionloop.sources.money_trial import money_faults, money_findings
from decisionloop.sources.opening import open_source
from decisionloop.sources.outcome_findings import outcome_findings
from decisionloop.sources.schedule_findings import schedule_findings
from decisionloop.sources.seen_of_tried import seen_of_tried
from decisionloop.sources.tried_batches import TriedBatch, moments_to_try, try_batch


@dataclass(frozen=True)
class CheckReport:
    """The last of the batches that were tried, and what is worth a look, each with its remedy. No finding is a fault.

    ``batches``: the as-ofs of all that were tried. ``answers``: what the data can and cannot answer.
    ``cannot_happen``: what no run could ever come to with these numbers, and which to change.
    """

    use_case: str
    as_of: pd.Timestamp | None
    rows: int
    findings: tuple[str, ...]
    batches: tuple[pd.Timestamp, ...] = ()
    answers: tuple[DataAnswer, ...] = ()
    cannot_happen: tuple[str, ...] = ()


def check_use_case(path: Path) -> CheckReport:
    """Load a folder's contract, code and source, build whole batches, apply the rules and try every expression.

    Raises UsageError, ContractError or SourceError for what would stop the loop.
    """
    folder = load_use_case(path)
    code, source, use_case = _sound_code(folder), open_source(folder), folder.use_case
    moments = moments_to_try(use_case, source)
    if not moments:
        return CheckReport(use_case.name, None, 0, ("The source holds no rows yet. Check again with data.",))
    now = pd.Timestamp.now("UTC")
    tried = [try_batch(use_case, code, source, moment) for moment in moments]
    everyone = pd.concat([batch.frame for batch in tried], ignore_index=True)
    faults = money_faults(use_case, everyone)
    if faults:
        raise ContractError(str(folder.folder), faults)
    asked = asked_outcomes(use_case, code, source, _seen_by(source, moments[-1], now))
    findings = [
        *retired_findings(read_yaml(folder.text).content),
        *schedule_findings(use_case.schedule, source),
        *(source.unread_rows() if isinstance(source, TellingSource) else ()),
        *batch_findings(use_case, tried, everyone),
        *legacy_findings(use_case, source, tried),
        *money_findings(use_case, everyone),
        *outcome_findings(use_case, source, asked),
        *leak_findings(use_case, source, tried, asked.as_of),
    ]
    told = _told(use_case, source, tried, everyone, asked)
    return CheckReport(
        use_case.name,
        moments[-1],
        len(tried[-1].frame),
        tuple(findings),
        moments,
        data_answers(use_case, source, tried, told),
        tuple(cannot_happen(use_case, source, tried, told)),
    )


def _told(
    use_case: UseCase,
    source: Source,
    tried: Sequence[TriedBatch],
    everyone: pd.DataFrame,
    asked: AskedOutcomes,
) -> Told:
    """What is known of the data before anything is decided; ``everyone``: the frames of the tried batches as one."""
    coming = decisions_coming(use_case, source, source.newest_time(asked.as_of) or asked.as_of)
    seen = seen_of_tried(use_case, source, tried, everyone, asked.as_of)
    delays = outcome_delays(use_case, source, asked)
    trying = expected_trying(use_case, tried, everyone, seen, coming)
    return Told(coming, everyone, seen, delays, trying, asked.as_of)


def _seen_by(source: Source, last: pd.Timestamp, now: pd.Timestamp) -> pd.Timestamp:
    """By when outcomes are asked for: a replay's own end, however long ago, and what is newest of live data."""
    calendar = source.calendar()
    return max(last, calendar[-1]) if calendar else max(last, source.newest_time(now) or now)


def _sound_code(folder: UseCaseFolder) -> UseCaseCode:
    """The code; raises ContractError with its faults and those of every expression on edge rows together."""
    written = read_yaml(folder.text)
    faults = [
        Fault(named(one.path, written.content), str(one.value), one.problem, one.remedy, written.line_of(one.path))
        for one in edge_faults(folder.use_case)
    ]
    try:
        code = load_code(folder)
    except ContractError as error:
        raise ContractError(error.where, [*faults, *error.faults]) from error
    if faults:
        raise ContractError(str(folder.folder), faults)
    return code
