"""The model card of a candidate: what it is, what taught it, how good it is, what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from decisionloop.contract import UseCase
from decisionloop.learn.candidates import Candidate
from decisionloop.learn.lessons import Choice, Trial
from decisionloop.learn.training_set import TrainingSet
from decisionloop.learn.weakness import Weakness
from decisionloop.predict.release_model import ReleaseModel
from decisionloop.predict.two_part import TwoPartScorer


@dataclass(frozen=True)
class MeasuredCandidate:
    """A candidate with what taught it, its out-of-fold ``metrics``, and where decisions lost money before it.

    ``leak``: why a feature may know the outcome, "" where nothing says so.
    """

    candidate: Candidate
    rows: TrainingSet
    metrics: Mapping[str, float]
    weaknesses: tuple[Weakness, ...] = ()
    leak: str = ""
    choice: Choice = field(default_factory=Choice)


def model_card(use_case: UseCase, release_id: str, cohorts: str, measured: MeasuredCandidate) -> str:
    """Markdown after Mitchell et al., "Model Cards for Model Reporting" (2019); ``cohorts``: those that taught it."""
    candidate, rows, metrics = measured.candidate, measured.rows, measured.metrics
    inputs = "\n".join(
        f"| {feature.wording} | `{feature.name}` | {feature.unit or '-'} | {feature.purpose} |"
        for feature in use_case.model_inputs
        if feature.name not in candidate.left_out
    )
    table = "\n".join(f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items()))
    base = "" if rows.base_rate is None else f" Weighted base rate {rows.base_rate:.4f}."
    protected = ", ".join(a.name for a in use_case.protected if not a.is_feature) or "none declared"
    form = _form(candidate.model) + _amounts(candidate)
    return f"""# {release_id}

**Use.** {use_case.title}: {use_case.description}

**Kind.** {candidate.kind}, one scikit-learn pipeline for each part of the outcome, {form}

**Taught by.** {len(rows):,} mature decisions whose outcome was revealed ({cohorts}).
{_lessons(measured.choice, use_case)}{_unweighted(rows)}
They are worth {rows.effective_n:,.0f} equally weighted ones.{base} Holdout and fallback decisions did not teach.

**Inputs.**

| in words | feature | unit | why it may be used |
|---|---|---|---|
{inputs}

**Not inputs.** Protected attributes: {protected}.{_left_out(candidate.left_out)}

**Measured out of fold** (no entity is on both sides of a split; {_weighed(rows)}):

| metric | value |
|---|---:|
{table}
{_support(candidate)}{_leak(measured.leak)}{_weak(measured.weaknesses, use_case.economics.currency)}
**Limits.** It says nothing about people unlike those who taught it, nor about actions that were never tried. It decays:
the loop measures it on every mature cohort. Contract version {use_case.version}, digest `{use_case.digest[:12]}`.
"""


def _amounts(candidate: Candidate) -> str:
    """In which form the amount was learnt, and what that does to its reasons; "" where no amount is zero."""
    if candidate.amounts is None or not candidate.amounts.words:
        return ""
    told = f"\n\n**Amounts.** {candidate.amounts.words[0].upper()}{candidate.amounts.words[1:]}."
    if candidate.amounts.is_two_part and isinstance(candidate.model.leading, TwoPartScorer):
        told += (
            " The score is the product of both parts;\nits reasons share the product out among the features and are "
            "approximate."
        )
    return told


def _unweighted(rows: TrainingSet) -> str:
    """What another system's decisions, of unknown propensity, teach; "" where there are none."""
    if not rows.unweighted:
        return ""
    return (
        f"\nOf {rows.unweighted:,} of them another system decided, and nobody knows with which chance: they have no "
        "weight that would undo its\nchoice. What is learnt from them is of those whom that system chose so."
    )


def _weighed(rows: TrainingSet) -> str:
    return "as they were selected, by nobody knows which chance" if rows.unweighted else "weighted for selection"


def _lessons(choice: Choice, use_case: UseCase) -> str:
    """How they teach, and what else was tried."""
    told = f"How they teach: {choice.lessons.words} (p: probability of being revealed)."
    if not choice.trials:
        return f"{told} Nothing else was tried."
    tried = "; ".join(f"{one.lessons.words}: {_gain(one, use_case)}" for one in choice.trials)
    judge = f"the cohort of {choice.judged_on[:10]}, which taught no trial"
    return f"{told} Tried on {judge}, against the best before: {tried}."


def _gain(trial: Trial, use_case: UseCase) -> str:
    gain = trial.gain
    if gain.value is None or gain.low is None or gain.high is None:
        return f"cannot say ({gain.reason})"
    return f"{gain.value:+.2f} {use_case.economics.currency} a decision ({gain.low:+.2f} to {gain.high:+.2f})"


def _left_out(left_out: Mapping[str, str]) -> str:
    """Features of the contract that taught nothing here."""
    told = "; ".join(f"`{name}` ({why})" for name, why in left_out.items())
    return f" Left out of this training, because it teaches nothing: {told}." if told else ""


def _support(candidate: Candidate) -> str:
    """Where it may decide, and what that leaves of it."""
    reach, rule = candidate.reach, candidate.model.support
    if reach is None or rule is None:
        return "\n**Decides** everywhere, whether or not outcomes of like cases are known.\n"
    names = ", ".join(f"`{name}`" for name, known in zip(rule.actions, rule.is_known, strict=True) if not known)
    return f"""
**Decides within its support.** It departs from the rules only where the log that taught it holds at least
{reach.minimum:,.0f} effective outcomes, for rows of that kind, both of what the rules would do and of what it would do;
elsewhere it does what the rules do. {reach.kinds} kinds of rows are told apart by the inputs above and by the rules'
action; outcomes are counted for {names}. The rule is `support.json`, in the digest of the release.

| of the decisions that taught it | share |
|---|---:|
| it may depart from the rules | {reach.may_decide:.1%} |
| it does | {reach.departs:.1%} |
| it would, and the rules decide, for want of support | {reach.copies:.1%} |
"""


def _leak(words: str) -> str:
    return f"\n**Warning.** {words}\n" if words else ""


def _weak(weaknesses: Sequence[Weakness], currency: str) -> str:
    """Where it had to do better than what decided before, and whether it does."""
    if not weaknesses:
        return ""
    rows = "\n".join(
        f"| {one.description} | {one.cohort} | {one.n:,} | {one.money_per_decision:+.2f} | {_money(one)} |"
        for one in weaknesses
    )
    return f"""
**Where decisions lost money before.** What a decision brought less what was expected of it, in {currency}: when the
slice was found, and by this model on the log that taught it, out of fold. Near 0 it knows what they are worth.

| slice | found in | decisions | then | this model |
|---|---|---:|---:|---|
{rows}
"""


def _money(weakness: Weakness) -> str:
    surprise = weakness.candidate_money
    if surprise.value is None:
        return f"cannot say: {surprise.reason}"
    return f"{surprise.value:+.2f} ({surprise.low:+.2f} to {surprise.high:+.2f}, n {surprise.n:,})"


def _form(model: ReleaseModel) -> str:
    """In which form the pipelines decide, and what their reasons are; of a product `_amounts` says it."""
    if not model.refusals:
        exact = " Reasons are exact Shapley values\non the margin scale, against the weighted decisions that taught it."
        return "compiled to exact lookup tables." + (exact if model.has_exact_reasons else "")
    return (
        f"not all of them compiled to lookup tables: {' '.join(model.refusals)} What is not compiled decides as the "
        "pipeline that it is: it is slower, and reasons that it gives are approximate."
    )
