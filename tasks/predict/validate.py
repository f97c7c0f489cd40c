"""Steps that validate a batch: its data against the contract and the last batches, its features against a model's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.going_on import Found
from decisionloop.ledger.validation import ExpectationResult, append_results
from decisionloop.metering import Meter, StageCost
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.monitor.compare.windows import EntitySketch, Watched
from decisionloop.predict.frame_by_row import told_together
from decisionloop.report.words.monitoring_markdown import monitoring_markdown
from expectations.legacy import LegacyFaults, legacy_faults
from expectations.reference import BatchReference, merge_parts, reference_of
from expectations.report import as_markdown
from expectations.run import WholeBatch, check_part, settle
from expectations.unreadable import spoilt_features, unreadable_cells
from expectations.verdict import BatchReport
from tasks.act.hand_over import hand_over, stop_of
from tasks.each_part import each_part
from tasks.keep import keep_part, reached, scope_of
from tasks.predict.due import with_expected_rows
from tasks.predict.freeze import SPOILT
from tasks.predict.unreadable import tell_of_unreadable
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.tables import read_part, reference_before
from tasks.step import step
from tasks.tell.announcements import publish
from tasks.tell.halting import Stop, halt
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.inputs import judge_features, keep_first_reference, reference_for

if TYPE_CHECKING:
    from expectations.observation import Observation


@dataclass(frozen=True)
class ValidatedPart:
    """What validation saw of a part, how many of its rows have faults, what it looked like, what it took.

    ``spoilt``: of how many rows each feature cannot be told, because cells of the source cannot be read.
    """

    observations: tuple[Observation, ...]
    fault_rows: int
    reference: BatchReference | None
    profile: FrameProfile | None
    entities: EntitySketch
    cost: StageCost
    spoilt: Mapping[str, int]


DESCRIPTION = "Every check of the batch's data, what it found, and what to do where it failed."
INPUTS_DESCRIPTION = "The features of the batch beside those that the model has learnt from."


@step
def validate_batch(use_case: str, batch_id: str) -> str:
    """Validate the frozen batch and compare its features with what the deciding release knows.

    Broken data halts it with BatchHalted, whoever decides. Where a model is to decide, a feature that is surely another
    one than before hands the batch to the rules, or halts it, as the contract says; rules know no drift.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    if hand.batch.state != "frozen":
        return "validated before"
    hand.require_present_code("validation")
    frozen = hand.details["frozen"]
    rows, newest = int(frozen["rows"] or 0), frozen["newest"]
    latest = None if newest is None else datetime.fromisoformat(str(newest))
    checked = each_part(hand.workspace, validate_part, batch_id, rows, latest)
    faults = sum(part.fault_rows for part in checked)
    spoilt = sum((Counter(part.spoilt) for part in checked), Counter[str]())
    told = [*(part.observations for part in checked), tuple(unreadable_cells(spoilt, rows))]
    report = settle(hand.use_case, told, rows, faults)
    _record(hand, report)
    profile = FrameProfile.total(part.profile for part in checked if part.profile is not None)
    entities = reduce(lambda one, other: one + other, (part.entities for part in checked))
    findings = _compare(hand, None if profile is None else Watched(profile, entities))
    if report.state == "halted":
        halt(hand, Stop("validation", "data", report.halt_reasons, [r.remedy for r in report.halting]))
    tell_of_unreadable(hand, spoilt, rows)
    handed_over = hand_over(hand, _drift(hand, report, findings))
    if profile is None:
        keep_first_reference(hand.workspace, hand.batch, hand.champion.release_id)
    reference = merge_parts([part.reference for part in checked if part.reference is not None])
    assert reference is not None  # an empty batch is halted
    detail: dict[str, Scalar] = {
        "fault_rows": faults,
        "reference": reference.model_dump_json(),
        "profile": None if profile is None else profile.to_json(),
        "entities": entities.to_json(),
        "handed_over": handed_over,
    }
    reached(hand, "validated", detail, [part.cost for part in checked])
    return f"{faults} of {rows} rows are left to the rules"


@step
def validate_part(use_case: str, batch_id: str, part: int, rows: int, newest: datetime | None) -> ValidatedPart:
    """Check one part of a batch of ``rows`` rows and leave behind why each of its rows is faulty, if it is.

    Its features are counted in the bins of the reference of the release that decides, where there is one.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    workspace = hand.workspace
    with Meter("validate", None, scope_of(workspace)) as meter:
        frame = read_part(workspace, batch_id, "features", part).to_pandas()
        reference = reference_before(workspace, hand.as_of)
        latest = None if newest is None else pd.Timestamp(newest)
        contract = with_expected_rows(workspace, batch_id)
        whole = WholeBatch(contract, reference, latest, pd.Timestamp(hand.as_of), rows)
        found = check_part(frame, whole, _docs_folder(hand, part))
        legacy = _legacy(hand, part)
        spoilt = _spoilt(hand, part, len(frame))
        row_reasons = told_together(spoilt, found.row_reasons)
        reasons = pa.table({"reason": pa.array(row_reasons, pa.string())})
        kept = keep_part(workspace, batch_id, "faults", part, reasons)
        looks = reference_of(frame, hand.use_case) if len(frame) else None
        profile, entities = _profile(hand, frame), EntitySketch.of(frame[hand.use_case.entity.key])
        meter.add(len(frame), workspace.snapshots.bytes_of(kept.digest))
    observations = (*found.observations, *legacy.observations)
    is_fault = (row_reasons != "") | (False if legacy.is_fault is None else legacy.is_fault)
    return ValidatedPart(
        observations, int(is_fault.sum()), looks, profile, entities, meter.cost, spoilt_features(spoilt)
    )


def _spoilt(hand: BatchInHand, part: int, rows: int) -> np.ndarray:
    """Which rows of a part (rows,) cannot be told whole, and why; "" of all where every cell could be read."""
    kept = read_part(hand.workspace, hand.batch_id, "ages", part)
    if SPOILT not in kept.column_names:
        return np.full(rows, "", dtype=object)
    told: np.ndarray = kept[SPOILT].to_pandas().to_numpy(dtype=object)
    return told


def _legacy(hand: BatchInHand, part: int) -> LegacyFaults:
    """What is wrong with what another system decided about a part; nothing where none decides."""
    if not hand.use_case.is_observing:
        return LegacyFaults()
    said = read_part(hand.workspace, hand.batch_id, "legacy", part).to_pandas()
    return legacy_faults(hand.use_case, *(said[name].to_numpy(dtype=object) for name in ("fault", "action")))


def _compare(hand: BatchInHand, watched: Watched[FrameProfile] | None) -> tuple[Finding, ...]:
    """Judge the features of a batch and raise what is to be raised; nothing before there is a reference."""
    reference = reference_for(hand.workspace, hand.batch, hand.champion.release_id)
    if reference is None or watched is None:
        return ()
    findings = judge_features(hand.workspace, hand.batch, hand.champion.release_id, reference, watched)
    raise_alarms(hand.workspace, findings, Occasion(hand.as_of, hand.batch_id, watched.counts.rows))
    publish(
        f"inputs-{hand.batch_id}",
        monitoring_markdown(hand.use_case, findings, "Features of the batch"),
        INPUTS_DESCRIPTION,
    )
    return findings


def _drift(hand: BatchInHand, report: BatchReport, findings: tuple[Finding, ...]) -> Stop | None:
    """What keeps a model from deciding this batch: features that surely moved, and usual categories that are gone."""
    moved = stop_of("drift", "input drift", findings)
    gone = report.drifting
    if moved is None and not gone:
        return None
    reasons, remedies = [str(one) for one in gone], [one.remedy for one in gone]
    found = [Found(f"{one.check} of {one.column}") for one in gone]
    if moved is not None:
        reasons, remedies = [*moved.reasons, *reasons], [*moved.remedies, *remedies]
        found = [*moved.found, *found]
    return Stop("drift", "input drift", reasons, remedies, found)


def _record(hand: BatchInHand, report: BatchReport) -> None:
    append_results(
        hand.ledger,
        hand.batch_id,
        hand.batch.attempt,
        [
            ExpectationResult(
                r.check, r.column or None, r.severity, r.is_success, r.observed, r.unexpected_count,
                r.unexpected_share, r.remedy,
            )
            for r in report.results
        ],
    )  # fmt: skip
    publish(f"validation-{hand.batch_id}", as_markdown(report), DESCRIPTION)


def _profile(hand: BatchInHand, frame: pd.DataFrame) -> FrameProfile | None:
    """The part's features counted; None where there is nothing to compare with, or a column is not there."""
    compared = reference_for(hand.workspace, hand.batch, hand.champion.release_id)
    if compared is None or not set(compared.bins.by_name) <= set(frame.columns):
        return None
    return FrameProfile.of(frame, compared.bins)


def _docs_folder(hand: BatchInHand, part: int) -> Path | None:
    settings = hand.workspace.settings
    if not settings.is_data_docs_built:
        return None
    folder = settings.home / "data_docs" / hand.batch_id
    return folder / f"part-{part}" if part else folder
