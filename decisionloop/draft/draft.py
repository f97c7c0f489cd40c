"""`usecase new --from`: a use case that replays a table, drafted from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract.scaffold import empty_folder, removed_on_failure
from decisionloop.draft.code_text import features_text, rules_text
from decisionloop.draft.contract_text import Drafted, contract_text, default_action
from decisionloop.draft.database import DatabaseTable
from decisionloop.draft.free_names import with_free_names
from decisionloop.draft.notes import ROW_ID, notes_of
from decisionloop.draft.profiles import YES, Column, profiles
from decisionloop.draft.roles import EACH_ROW, FILE_ORDER, SHARES, Asked, Roles, roles_of
from decisionloop.draft.rows_kept import rows_kept
from decisionloop.draft.table import name_of, read_table
from decisionloop.draft.timing import DAY, delays_of, rhythm_of
from decisionloop.errors import UsageError
from decisionloop.sources.randomised_log import meeting_chance

MADE_UP_TIME, MADE_UP_SEEN = "decided_at", "seen_at"
_PART = "part"
_BEGIN, _A_WEEK, _WEEKS = pd.Timestamp("2024-01-01", tz="UTC"), 100, (4, 104)


@dataclass(frozen=True)
class Draft:
    """A folder that was written, and what was guessed and left out on the way, in words."""

    folder: Path
    notes: tuple[str, ...]


def draft_use_case(parent: Path, name: str, source: Path | DatabaseTable, asked: Asked) -> Draft:
    """Write ``parent / name``: contract, code and the table as the contract reads it.

    Nothing is written where anything is wrong. Raises UsageError for a name, a folder or a table that will not do, and
    Unanswered for a role that no column is known to have.
    """
    folder = empty_folder(parent, name)
    times = [name_of(one) for one in (asked.time, asked.outcome_time) if one]
    table = read_table(source, times, [name_of(one) for one in asked.features])
    columns = written = profiles(table)
    roles = roles_of(columns, asked)
    kept, left_out = rows_kept(columns, roles)
    if not kept.all():
        table = table.kept(kept)
        columns = profiles(table)
        roles = roles_of(columns, asked)
    columns, rows, roles = with_free_names(columns, table.rows, roles)
    drafted, rows = _drafted(name, rows, columns, roles, asked.outcome_days)
    _write(folder, drafted, rows)
    return Draft(folder, (*notes_of(drafted, written), *table.doubts, *left_out))


def _write(folder: Path, drafted: Drafted, rows: pd.DataFrame) -> None:
    roles = drafted.roles
    usual = drafted.actions[1][0] if not roles.is_logged else rows[roles.action].value_counts().index[0]
    texts = {
        "usecase.yaml": contract_text(drafted),
        "features.py": features_text(drafted),
        "rules.py": rules_text(drafted, str(usual)),
    }
    try:
        folder.mkdir(parents=True)
        with removed_on_failure(folder):
            (folder / "data").mkdir()
            for data, part in _files_of(drafted, rows).items():
                part.to_csv(folder / "data" / data, index=False, chunksize=max(1, len(part)))
            for path, text in texts.items():
                (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}. Name a folder of yours instead.") from error


def _files_of(drafted: Drafted, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows as the source reads them: of live data outcomes lie in a table of their own, as they come.

    Each has its row's own time there, because whoever comes back is decided again before the outcome is seen.
    """
    if not drafted.roles.is_live:
        return {"decisions.csv": rows}
    came = [drafted.roles.outcome, drafted.roles.amount, drafted.outcome_time]
    of_outcome = [one for one in came if one]
    known = rows[of_outcome[:-1]].notna().any(axis=1)
    key = [drafted.entity, drafted.time]
    told = rows.loc[known, [*key, *of_outcome]]
    if not drafted.are_parts:
        return {"decisions.csv": rows.drop(columns=of_outcome), "outcomes.csv": told}
    told = told.assign(**{_PART: told.groupby(key).cumcount() + 1})  # two equal ones of a day are two
    return {"decisions.csv": rows.drop(columns=of_outcome).drop_duplicates(key), "outcomes.csv": told}


def _drafted(
    name: str, table: pd.DataFrame, columns: dict[str, Column], roles: Roles, outcome_days: int
) -> tuple[Drafted, pd.DataFrame]:
    """What the contract will say, and the rows as it will read them.

    ``outcome_days``: after so many an outcome is seen where no column says when; 0: nobody has said.
    """
    entity = ROW_ID if roles.entity == EACH_ROW else roles.entity
    time = MADE_UP_TIME if roles.time == FILE_ORDER else roles.time
    decided = _in_order(len(table)) if roles.time == FILE_ORDER else columns[roles.time].times
    is_further = _are_further_parts(table, roles)
    rhythm, (table, noes) = rhythm_of(decided[~is_further]), _with_noes(table, roles)
    seen, is_early = _seen_at(columns, roles, decided, outcome_days or rhythm.covers_days)
    outcome_time = roles.outcome_time or MADE_UP_SEEN
    rows = _told(table, columns, roles)
    rows.insert(0, entity, [f"r{i:07d}" for i in range(len(table))] if entity == ROW_ID else table[entity])
    rows.insert(1, time, _written(decided))
    delays = delays_of(decided, seen)
    is_undated = _has_outcome(table, roles) & seen.isna()
    rows[outcome_time] = _written(seen.mask(is_undated, decided + delays.window_days * DAY))
    if roles.is_logged:
        rows, roles = _with_log(rows, table, roles)
    drafted = Drafted(
        name=name,
        roles=roles,
        columns=columns,
        actions=_actions(table, roles),
        rhythm=rhythm,
        delays=delays,
        entity=entity,
        time=time,
        outcome_time=outcome_time,
        is_time_made_up=roles.time == FILE_ORDER,
        are_delays_made_up=not roles.outcome_time,
        are_delays_said=outcome_days > 0,
        undated=int((is_undated & ~is_early).sum()),
        noes=noes,
        early=tuple(rows.loc[is_early, entity].astype("str")),
        silent=_silent(table, roles) if roles.is_observed else frozenset(),
        outcomes_shown=_shown_at_least(_has_outcome(table, roles), rows, roles),
        are_parts=bool(is_further.any()),
        is_only_yes_told=_is_only_yes_told(rows[roles.outcome]) if roles.outcome and not roles.amount else False,
    )
    return drafted, rows


def _shown_at_least(has_outcome: pd.Series, rows: pd.DataFrame, roles: Roles) -> int:
    """How many outcomes a replay shows at least, of those that the table has (n,)."""
    chance = meeting_chance(rows[roles.propensity]) if roles.is_logged and roles.propensity else 1.0
    return int(has_outcome.sum() * chance)


def _are_further_parts(table: pd.DataFrame, roles: Roles) -> pd.Series:
    """Which rows (n) tell a further part of the amount of a decision, of those that `rows_kept` has left."""
    if not roles.is_live or not roles.amount or roles.entity == EACH_ROW or roles.time == FILE_ORDER:
        return pd.Series(False, index=table.index)
    return table.duplicated([roles.entity, roles.time])


def _seen_at(columns: dict[str, Column], roles: Roles, decided: pd.Series, days: float) -> tuple[pd.Series, pd.Series]:
    """When outcomes (n,) were seen, ``days`` after their decisions where no column says, and which are told too early.

    These have no time. Made-up times of decisions are before nothing.
    """
    seen = columns[roles.outcome_time].times if roles.outcome_time else decided + days * DAY
    is_early = (seen < decided) & (roles.time != FILE_ORDER)
    return seen.mask(is_early), is_early


def _told(table: pd.DataFrame, columns: dict[str, Column], roles: Roles) -> pd.DataFrame:
    """What is known of each row and what came of it; slips are left empty."""
    rows = table[[*roles.features, *roles.protected]].copy()
    for one in roles.features:
        rows[one] = rows[one].mask(rows[one].isin(columns[one].slips))
    if roles.outcome:
        known = table[roles.outcome].str.lower()
        is_known = known.notna() & ~table[roles.outcome].isin(columns[roles.outcome].slips)
        rows[roles.outcome] = known.isin(YES).astype(int).where(is_known).astype("Int64")
    if roles.amount:
        rows[roles.amount] = table[roles.amount].mask(table[roles.amount].isin(columns[roles.amount].slips))
    return rows


def _with_noes(table: pd.DataFrame, roles: Roles) -> tuple[pd.DataFrame, int]:
    """With a no where an experiment only ever wrote down a yes, and how many: its replay shows what is written."""
    if not roles.outcome or roles.amount or not roles.is_logged or roles.is_observed:
        return table, 0
    said = table[roles.outcome]
    known = said.dropna()
    if len(known) == len(said) or known.empty or not known.str.lower().isin(YES).all():
        return table, 0
    return table.assign(**{roles.outcome: said.fillna("0")}), len(said) - len(known)


def _is_only_yes_told(outcome: pd.Series) -> bool:
    """Whether a yes is all that a table ever says of outcomes (n,), and nothing of most rows, as with chargebacks."""
    known = outcome.dropna()
    return len(known) < len(outcome) / 2 and bool((known == 1).all())


def _silent(table: pd.DataFrame, roles: Roles) -> frozenset[str]:
    """Names of the actions of which the table knows no outcome."""
    is_known = _has_outcome(table, roles)
    done = table[roles.action].map(name_of, na_action="ignore")
    return frozenset(done.dropna()) - frozenset(done[is_known].dropna())


def _has_outcome(table: pd.DataFrame, roles: Roles) -> pd.Series:
    """Whether each row knows its outcome, by class or amount."""
    return table[[one for one in (roles.outcome, roles.amount) if one]].notna().any(axis=1)


def _with_log(rows: pd.DataFrame, table: pd.DataFrame, roles: Roles) -> tuple[pd.DataFrame, Roles]:
    """With the action that was logged, by a name of the contract, and its chance."""
    action, kept = table[roles.action].map(name_of, na_action="ignore"), rows.copy()
    kept[roles.action] = action
    if roles.propensity == SHARES:
        kept["propensity"] = action.map(action.value_counts(normalize=True)).round(6)
        return kept, replace(roles, propensity="propensity")
    if roles.propensity:
        kept[roles.propensity] = table[roles.propensity]
    return kept, roles


def _actions(table: pd.DataFrame, roles: Roles) -> tuple[tuple[str, str], ...]:
    """Name and wording of each action, the one that does nothing first."""
    if not roles.is_logged:
        return ("leave", "do nothing"), ("act", "act")
    kinds: list[tuple[str, str]] = []
    for one in table[roles.action].dropna().value_counts().index:
        if name_of(one) not in dict(kinds):  # of several spellings the usual one
            kinds.append((name_of(one), one))
    silent = _silent(table, roles) if roles.is_observed else frozenset()
    first = next((i for i, (name, _) in enumerate(kinds) if name in silent), default_action(kinds))
    return (kinds[first], *kinds[:first], *kinds[first + 1 :])


def _in_order(n: int) -> pd.Series:
    """Made-up times of rows in their order: some hundred a week, at least four weeks of them and at most two years."""
    weeks = int(np.clip(n // _A_WEEK, *_WEEKS))
    return pd.Series(_BEGIN + pd.to_timedelta((np.arange(n) * weeks // n) * 7, unit="D"))


def _written(times: pd.Series) -> pd.Series:
    return times.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
