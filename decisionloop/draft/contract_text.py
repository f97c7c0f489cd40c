"""The text of a first contract: YAML with a comment at every guess, so that people see what to correct."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.draft.amount_text import GUESS, amount_lines
from decisionloop.draft.profiles import YES, Column
from decisionloop.draft.roles import HARMS, Roles
from decisionloop.draft.source_text import source_lines
from decisionloop.draft.timing import Delays, Rhythm

_NUMBERS = (
    *("id", "ids", "nr", "nrs", "no", "num", "number", "nummer", "key", "code", "uuid", "guid", "ref"),
    *("kennung", "kennzeichen"),
)
_SEEN = ("seen", "observed", "recorded", "known", "reported", "arrived", "loaded", "imported")
"""Words in the name of a time at which an outcome was seen, which may be long after it happened."""
_LARGEST = 1e300
_PLENTY = 2_000
"""Outcomes of a replay from which the usual minimum before a training leaves enough of them."""
_NOTHING = ("none", "no", "nothing", "control", "no_action", "no_e_mail", "no_email", "hold", "wait", "baseline", "c_0")


@dataclass(frozen=True, eq=False)
class Drafted:
    """A table as the contract reads it: its columns by their roles, the actions by name and wording, and its time.

    ``actions`` begin with the one that does nothing.
    """

    name: str
    roles: Roles
    columns: dict[str, Column]
    actions: tuple[tuple[str, str], ...]
    rhythm: Rhythm
    delays: Delays
    entity: str
    time: str
    outcome_time: str
    is_time_made_up: bool = False
    are_delays_made_up: bool = False
    are_delays_said: bool = False
    """Somebody has said after how many days outcomes are seen, which no column does."""
    undated: int = 0
    noes: int = 0
    """The rows of an experiment that say nothing where all others say yes."""
    early: tuple[str, ...] = ()
    """Whose outcome has a time before the decision."""
    silent: frozenset[str] = frozenset()
    """Actions of which the table knows no outcome."""
    outcomes_shown: int = 0
    """Of so many rows a replay shows the outcome, whatever is chosen."""
    is_only_yes_told: bool = False
    """A no is never written down."""
    are_parts: bool = False
    """Several rows of one decision are parts of its amount, such as instalments."""

    @property
    def is_action_input(self) -> bool:
        """Whether several actions show an outcome, so that the model must be told which one it is asked about."""
        return self.roles.is_logged and sum(name not in self.silent for name, _ in self.actions) > 1


def default_action(kinds: Sequence[tuple[str, str]]) -> int:
    """The position of the action that does nothing: by its name, else the first."""
    return next((i for i, (name, _) in enumerate(kinds) if name in _NOTHING), 0)


def contract_text(drafted: Drafted) -> str:
    """The whole of usecase.yaml."""
    parts = (_head, _features, _outcome, _actions, _money, _run, source_lines)
    return "".join(f"{line}\n" for part in parts for line in part(drafted))


def is_harm(drafted: Drafted) -> bool:
    """Whether a yes is what nobody wants."""
    return any(word in drafted.roles.outcome for word in HARMS)


def _head(drafted: Drafted) -> Iterator[str]:
    yield f"# A first contract for {drafted.name}, drafted from a table. `# GUESS:` marks what a person should look at."
    yield "# docs/contract.md explains every field; `decisionloop usecase check` names every fault."
    yield f"name: {drafted.name}"
    yield "version: 1"
    if drafted.roles.is_observed:
        yield "mode: observe  # another system decides: nothing is sent, explored or held out (docs/observe.md)"
    yield f"title: {_text(drafted.name.replace('_', ' ').capitalize())}  {GUESS} the decision in a few words"
    yield f"description: What is decided and why, for people.  {GUESS} write it"
    yield "entity:"
    yield f"  key: {drafted.entity}"
    yield f"  noun: {_text(noun_of(drafted.entity))}  {GUESS} what people call one of them"


def noun_of(entity: str) -> str:
    """What one of them is called, by the name of the column that tells them apart: `gast_nr` is a gast."""
    words = entity.split("_")
    while len(words) > 1 and words[-1] in _NUMBERS:
        words.pop()
    return "case" if words in (["row"], ["id"]) else " ".join(words)


def _features(drafted: Drafted) -> Iterator[str]:
    yield "features:"
    for name in drafted.roles.features:
        yield from _feature(drafted.columns[name])
    yield from (f"  {GUESS} left out {one}" for one in drafted.roles.left_out)
    if drafted.roles.protected:
        yield f"protected:  {GUESS} nobody may be disadvantaged by these; they are no inputs of a model"
    for name in drafted.roles.protected:
        values = drafted.columns[name].values
        yield f"  - name: {name}"
        yield f"    groups: {{{', '.join(f'{_text(one)}: {_text(one)}' for one in values)}}}"
        yield f"    reference: {_text(values[0])}"
        yield f"    minimum_group_size: {max(10, min(200, drafted.rhythm.rows[0] // 10))}"


def _feature(column: Column) -> Iterator[str]:
    kind = "category" if column.kind == "text" else column.kind
    yield f"  - name: {column.name}"
    yield f"    type: {kind}"
    yield f"    wording: {_text(column.wording)}"
    if column.numbers is not None:
        yield f"    range: {json.dumps(_range(column))}  {GUESS} the table's own, and half as much on either side"
    elif kind == "category":
        yield f"    categories: [{', '.join(_text(one) for one in sorted(column.values))}]"
    if column.missing:
        yield f"    is_nullable: true  # {column.missing:,} of {len(column.text):,} are missing"
    yield f"    purpose: why the decision may use it.  {GUESS} say it, and drop what is not known before the decision"


def _range(column: Column) -> list[float]:
    assert column.numbers is not None
    known = column.numbers[np.isfinite(column.numbers.astype("float64"))]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    low, high = max(low, -_LARGEST), min(high, _LARGEST)
    room = (high - low) / 2
    least, most = (0.0 if low >= 0 else low - room), (0.0 if high <= 0 else high + room)
    digits = 0 if column.kind == "integer" else int(np.clip(3 - np.floor(np.log10(max(high - low, 1e-12))), 0, 12))
    scale = 10.0**digits
    ends = [np.floor(least * scale) / scale, np.ceil(most * scale) / scale]
    return [int(one) if one == int(one) and abs(one) < 1e15 else float(one) for one in ends]


def _outcome(drafted: Drafted) -> Iterator[str]:
    roles, delays = drafted.roles, drafted.delays
    yield "outcome:"
    if roles.outcome:
        yield f"  class: {{column: {roles.outcome}, wording: {_text(drafted.columns[roles.outcome].wording)}}}"
    if roles.amount:
        yield from amount_lines(roles.amount, drafted.columns[roles.amount].numbers, drafted.are_parts)
    yield f"  window_days: {delays.window_days}  {_window_words(drafted)}"
    yield f"  maturity_days: {delays.window_days}"
    if not drafted.are_delays_made_up and not any(one in drafted.outcome_time for one in _SEEN):
        yield f"  happened_at: {drafted.outcome_time}  {GUESS} it also says when it happened; leave it out if not"
    if drafted.is_only_yes_told:
        yield f'  absent_means: "0"  {GUESS} only yes is ever told; say unknown where no news means nothing'
    else:
        yield f"  absent_means: unknown  {GUESS} say 0 where no news means no"


def _window_words(drafted: Drafted) -> str:
    """Where the window comes from; what was made up does not follow it, so that nobody edits the one alone."""
    if not drafted.are_delays_made_up:
        return f"# {drafted.delays.words}"
    said = "# as --outcome-days said" if drafted.are_delays_said else f"{GUESS} the table does not say when"
    return f"{said}: {drafted.outcome_time} is made up by it; draft anew with --outcome-days to change both"


def _actions(drafted: Drafted) -> Iterator[str]:
    yield "actions:"
    is_logged = drafted.roles.is_logged
    for number, (name, wording) in enumerate(drafted.actions):
        guess = f"  {GUESS} the one that does nothing" if not number else ""
        yield f"  - name: {name}{guess}"
        yield f"    wording: {_text(wording)}"
        yield f"    reveals_outcome: {json.dumps(name not in drafted.silent if is_logged else number > 0)}"
        yield from ("    is_default: true", "    is_sent: false") if not number else ("    is_favourable: true",)
    yield "model:"
    yield f"  action_as: {'input' if drafted.is_action_input else 'revealing_action'}"


def _money(drafted: Drafted) -> Iterator[str]:
    constants, values = _economics(drafted)
    yield "economics:"
    yield f"  currency: EUR  {GUESS} everything is chosen for this money: put in yours"
    yield f"  constants: {{{', '.join(f'{name}: {value:g}' for name, value in constants.items())}}}"
    yield "  value:"
    for name, value in values.items():
        yield f"    {name}: {_text(value)}"
    yield f"  explanation: What each action earns and loses.  {GUESS} in a sentence, for the story"


def _economics(drafted: Drafted) -> tuple[dict[str, float], dict[str, str]]:
    """Constants at which acting on everybody breaks even (on one action alone), and the value of each action."""
    roles, names = drafted.roles, [name for name, _ in drafted.actions]
    is_one_of_two = len(names) == 2 and not drafted.is_action_input
    if roles.is_logged and not is_one_of_two:
        brings = (
            "amount" if roles.amount else "-loss_of_a_yes * outcome" if is_harm(drafted) else "worth_of_a_yes * outcome"
        )
        costs = {f"cost_of_{name}": 0.0 for name in names[1:]}
        worth = {} if roles.amount else {"loss_of_a_yes" if is_harm(drafted) else "worth_of_a_yes": 1.0}
        values = {names[0]: brings, **{one: f"{brings} - cost_of_{one}" for one in names[1:]}}
        known = {names[0]: "0", **{one: f"-cost_of_{one}" for one in names[1:]}}
        return {**worth, **costs}, {one: known[one] if one in drafted.silent else values[one] for one in names}
    acts = names[1]
    if roles.amount:
        numbers = drafted.columns[roles.amount].numbers
        assert numbers is not None
        return {"cost_of_acting": _rounded(float(numbers.mean()))}, {names[0]: "0", acts: "amount - cost_of_acting"}
    rate = _rate(drafted.columns[roles.outcome])
    if is_harm(drafted):
        constants = {"gain_without": 1.0, "loss_with": _rounded((1 - rate) / max(rate, 1e-4))}
        return constants, {names[0]: "0", acts: "where(outcome, -loss_with, gain_without)"}
    constants = {"worth_of_a_yes": 1.0, "cost_of_acting": _rounded(rate)}
    return constants, {names[0]: "0", acts: "worth_of_a_yes * outcome - cost_of_acting"}


def _rate(column: Column) -> float:
    known = column.text.dropna().str.lower()
    return float(known.isin(YES).mean())


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")


def _run(drafted: Drafted) -> Iterator[str]:
    rhythm = drafted.rhythm
    yield "policy:"
    yield "  exploration: {kind: priced, budget_share: 0.01}  # at most 1 % of the money that a batch moves"
    yield "  holdout_share: 0.05"
    yield "guardrails: {}"
    yield "data_quality:"
    yield f"  rows: [{rhythm.rows[0]}, {rhythm.rows[1]}]  {GUESS} half of the fewest to twice the most of a batch"
    yield f"  maximum_age_days: {rhythm.covers_days * 2}"
    yield from _monitors(drafted)
    yield "schedule:"
    yield f'  cron: "{rhythm.cron}"  {GUESS} {"the times are made up" if drafted.is_time_made_up else rhythm.words}'
    yield f"  covers_days: {rhythm.covers_days}"
    yield "actuator: {kind: file, folder: outbox}  # a folder of each use case's own lies in it"
    yield f"approval: {{owner: owner@example.com, approvers: [approver@example.com]}}  {GUESS} who answers for it"


def _monitors(drafted: Drafted) -> Iterator[str]:
    """How little may teach, where a replay of the table shows little: a quarter, so that there is a second look."""
    outcomes = drafted.outcomes_shown
    if drafted.roles.is_live or outcomes >= _PLENTY:
        return
    few = max(50, int(float(f"{outcomes / 4:.1g}")))
    told = f"minimum_outcomes: {few}"
    if drafted.roles.outcome:
        rate = _rate(drafted.columns[drafted.roles.outcome])
        told += f", minimum_events: {int(np.clip(min(rate, 1 - rate) * few / 2, 10, 50))}"
    yield f"monitors: {{{told}}}  {GUESS} a replay shows at least {outcomes:,} outcomes; live, wait for the usual 1,000"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
