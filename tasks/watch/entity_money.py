"""Money of policy and holdout by entity: a small table of each measured cohort, kept, and read back for later ones.

Which table is a cohort's newest is kept beside the rules, which are always there. A cohort that was measured by an
earlier version has none: its table is made again from its decisions and outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import takewhile

import numpy as np
import pyarrow as pa

from decisionloop.act.legacy import LEGACY
from decisionloop.ledger.batches import Batch, cohort_name, find_batch
from decisionloop.ledger.deciders import Decider
from decisionloop.ledger.monitor_references import keep_reference, reference_of
from decisionloop.ledger.releases import RULES, Release, present_rules
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.observe.entity_lift import EntityMoney
from decisionloop.observe.entity_money import entity_money, with_earlier_money
from decisionloop.workspace import Workspace
from tasks.keep import keep_table
from tasks.observe.late_arrivals import late_arrivals_before
from tasks.readback.cohort import read_cohort
from tasks.readback.lives import DecidedBefore
from tasks.readback.releases import release_of
from tasks.watch.entity_money_blocks import Columns, read_tables

KIND = "entity_money"
COHORTS_BEFORE = 13
"""Cohorts from before any model decided that say what an entity was worth already: the newest ones."""


def keep_entity_money(workspace: Workspace, batch: Batch, entities: EntityMoney | None, known_at: datetime) -> None:
    """Keep what a cohort says of policy against holdout; what it said before it was measured again is superseded."""
    digest = None if entities is None else keep_table(workspace, _as_table(entities), "outcomes")
    kept, name = _kept(workspace), cohort_name(batch.as_of)
    if name not in kept or kept[name] != digest:
        content = canonical_json({**kept, name: digest})
        keep_reference(workspace.ledger, workspace.use_case.name, _owner(workspace), content, known_at, KIND)


def entity_money_before(
    workspace: Workspace, release: Release, decided: DecidedBefore, known_at: datetime, held: Collection[str]
) -> tuple[EntityMoney, ...]:
    """Of the earlier cohorts that a release decided, oldest first, with what entities brought before any model decided.

    ``held`` names cohorts that are held back: they say nothing. Rules are compared with nobody.
    """
    if _is_rules(release) or not workspace.use_case.policy.holdout_share:
        return ()
    there = [one for one in decided.every if one.state != "expired" and one.release_id != LEGACY]
    ruled = list(takewhile(lambda one: _is_rules(release_of(workspace, one.release_id)), there))
    mine = [one for one in decided.own if one.state != "expired"]
    earlier, since = ([one for one in cohorts if one.cohort not in held] for cohorts in (ruled[-COHORTS_BEFORE:], mine))
    said = _of_cohorts(workspace, [*earlier, *since], known_at)
    return with_earlier_money(
        *([entities for one in cohorts if (entities := said[one.batch_id])] for cohorts in (since, earlier))
    )


def _is_rules(release: Release) -> bool:
    """Whether it does with everybody what it does with the holdout."""
    return release.kind == RULES and not release.is_default_action


def _of_cohorts(workspace: Workspace, cohorts: Sequence[Decider], known_at: datetime) -> dict[str, EntityMoney | None]:
    """What each cohort said when it was measured, by its batch; None where it could not tell."""
    names = {one.batch_id: one.cohort for one in cohorts}
    kept = _kept(workspace)
    asked = {name: digest for name in names.values() if (digest := kept.get(name)) is not None}
    tables = read_tables(workspace, _owner(workspace), asked, known_at) if asked else {}
    found = {name: _from_columns(columns) for name, columns in tables.items()}
    return {
        one.batch_id: found.get(name)
        if (name := names[one.batch_id]) in kept
        else _made_again(workspace, one.batch_id, known_at)
        for one in cohorts
    }


def _made_again(workspace: Workspace, batch_id: str, known_at: datetime) -> EntityMoney | None:
    batch = find_batch(workspace.ledger, batch_id)
    assert batch is not None  # it was decided
    cohort = read_cohort(workspace, batch, known_at)
    missing = cohort.missing(late_arrivals_before(workspace, batch, known_at))
    entities = entity_money(cohort.log, cohort.unexplored_log(cohort.logged(missing)))
    keep_entity_money(workspace, batch, entities, known_at)
    return entities


def _kept(workspace: Workspace) -> dict[str, str | None]:
    """The digest of each cohort's table by its name; None where a cohort could not tell."""
    found = reference_of(workspace.ledger, workspace.use_case.name, _owner(workspace), KIND)
    return {} if found is None else dict(json.loads(found.content))


def _owner(workspace: Workspace) -> str:
    rules = present_rules(workspace.ledger, workspace.use_case.name)
    assert rules is not None  # there is no batch without
    return rules.release_id


def _as_table(entities: EntityMoney) -> pa.Table:
    n, unknown = len(entities.money), np.full(len(entities.money), np.nan)
    worse, better = (unknown, unknown) if entities.possible is None else entities.possible
    explored = np.zeros(n, dtype=bool) if entities.is_explored is None else entities.is_explored
    columns = {"entity": np.asarray(entities.entity), "money": entities.money, "is_held": entities.is_held}
    possible = {"worse": worse, "better": better, "is_explored": explored, "error": np.full(n, entities.error)}
    return pa.table(columns | possible)


def _from_columns(columns: Columns) -> EntityMoney:
    worse, better = columns["worse"], columns["better"]
    return EntityMoney(
        entity=columns["entity"],
        money=columns["money"],
        is_held=columns["is_held"],
        possible=None if np.isnan(worse).any() else (worse, better),
        error=float(columns["error"][0]) if len(worse) else 0.0,
        is_explored=columns["is_explored"],
    )
