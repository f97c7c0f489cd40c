"""The first screen of the page: who decides, is that sure, what was promised, what is wrong, and what to do now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from decisionloop.contract.days import in_days
from decisionloop.report.record.claims import Claimed, Said, claims_of
from decisionloop.report.record.evidence import Promise
from decisionloop.report.record.glance import Answer, Glance
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.monitor_lines import IncidentLine
from decisionloop.report.record.story import Story
from decisionloop.report.record.totals import total_of
from decisionloop.report.words.evidence import promise_sentence
from decisionloop.report.words.experiment import experiment_sentences
from decisionloop.report.words.explaining import impact_sentence
from decisionloop.report.words.figures import capital, count, in_words, money, percent
from decisionloop.report.words.live import beside_sentences, waits_sentence, who_decides
from decisionloop.report.words.money import is_unsure, span
from decisionloop.report.words.monitor_sentences import at_stake_sentence
from decisionloop.report.words.to_do import in_order, to_do_of
from decisionloop.report.words.trying import is_untold, untold_sentences
from decisionloop.report.words.what_next import dates_of, ended_sentences


def glance_of(story: Story) -> Glance:
    """What the first screen says below the headline."""
    to_do = to_do_of(story)
    asked = (
        ("What did the experiment say?", experiment_sentences(story.experiment, story.use_case.currency)),
        ("Has the loop found it out?" if story.experiment else "Can anything be told yet?", _untold(story)),
        ("Who decides?", _deciders(story)),
        ("Is that sure?", tuple(_how_sure(story))),
        ("What was promised, and what came?", promised_and_came(story.promises, story.use_case.currency)),
        ("What is wrong?", tuple(_wrong(story))),
        ("Is any group worse off?", _groups(story)),
        ("What waits for a person?", _waits(story, len(to_do))),
        ("What happens next?", _next(story)),
    )
    answers = tuple(Answer(question, told) for question, told in asked if told)
    first, course, more = in_order(to_do)
    return Glance(answers, first, story.use_case.owner, more, course)


def said_at_first(story: Story) -> tuple[str, ...]:
    """Every sentence of the first screen, so that no section says it again."""
    told = [one for answer in glance_of(story).answers for one in answer.sentences]
    return (story.headline.verdict, *told, story.headline.scope)


def _how_sure(story: Story) -> Iterator[str]:
    """Yes or no, and what stands against it: no yes is taken back by the sentence after it."""
    total, told = total_of(story.money), story.headline
    if total is not None and not total.is_by_rules and total.difference.low is not None:
        level = f"with {percent(story.interval_level)} confidence"
        if total.difference.is_sign_open:
            yield "No: outcomes that have not come could turn it round."
        elif total.difference.sign == 0:
            yield f"No: {level} it may be more than the rules or less."
        elif told.against:
            yield f"Not quite: the figures say so {level}, but they are in doubt themselves."
        else:
            more = "more" if total.difference.sign > 0 else "less"
            yield f"Yes: {level} it is {more} than the rules would have earned."
    is_asked = total is not None and total.is_by_rules and not is_unsure(total.policy)  # else a doubt says so
    if total is not None and is_asked and (between := span(total.policy, story.use_case.currency)):
        yield f"With {percent(story.interval_level)} confidence it is {between}."
    yield from told.doubts


def promised_and_came(promises: Sequence[Promise], currency: str) -> tuple[str, ...]:
    """The last promise of which something came, and how many are too young for that."""
    if not promises:
        return ()
    came = [one for one in promises if one.decisions]
    young = len(promises) - len(came)
    told = [promise_sentence(came[-1], currency)] if came else []
    if young:
        of = f"{in_words(young)} later {'promotion' if young == 1 else 'promotions'}" if came else "what was promised"
        told.append(f"Of {of} no outcomes are complete yet.")
    return tuple(told)


def halted_sentence(batches: Sequence[BatchLine], earned_each: float | None, currency: str) -> str:
    """How many batches were halted, who was not decided for it, and what these would have earned; "" without any.

    ``earned_each``: what a decision earned where it is known, currency.
    """
    halted = [one for one in batches if one.state == "halted"]
    if not halted:
        return ""
    rows = sum(one.rows for one in halted)
    claims: dict[str, Claimed] = {"batches.halted": len(halted)}
    was = "was" if len(halted) == 1 else "were"
    told = f"{capital(in_words(len(halted)))} {'batch' if len(halted) == 1 else 'batches'} {was} halted"
    if not rows:
        return Said(f"{told} before anything left.", claims)
    told += f": {count(rows)} who were due were not decided"
    if earned_each is not None and earned_each > 0:
        told += f", which cost about {money(rows * earned_each, currency)} at what a decision earned otherwise"
    return Said(f"{told}.", claims)


def _deciders(story: Story) -> tuple[str, ...]:
    if not story.standing.releases and not story.standing.waiting.flags:
        return ()
    decides = who_decides(story.standing, story.use_case.is_observing)
    beside = beside_sentences(story.standing.beside, story.standing.waiting.switch is not None)
    return tuple(one for one in (decides, _nothing_since(story), *beside) if one)


def _nothing_since(story: Story) -> str:
    """That who decides now has decided nothing that the page tells of; "" where it has, or where others decide."""
    champion, decided = story.standing.champion, [one.as_of for one in story.batches if one.is_decided]
    is_idle = story.use_case.is_observing or story.standing.waiting.switch is not None
    if champion is None or is_idle or not decided or champion.since <= max(decided):
        return ""
    return "No batch has been decided since: money and incidents on this page are of those who decided before."


def _wrong(story: Story) -> Iterator[str]:
    """The open incidents and what they put at stake, and what was halted."""
    total, currency = total_of(story.money), story.use_case.currency
    each = None if total is None or not total.decisions or total.policy.value is None else total.policy.value
    halted = halted_sentence(story.batches, None if each is None or total is None else each / total.decisions, currency)
    if story.monitoring is not None:
        open_ = _incidents(story.monitoring.still_open, currency)
        yield f"Nothing can be told yet; {open_[0].lower()}{open_[1:]}" if _untold(story) else open_
    if halted:
        yield halted


def _incidents(still: Sequence[IncidentLine], currency: str) -> Said:
    """How many incidents are open, how grave, and what is at stake."""
    stakes = at_stake_sentence([one.stake for one in still], currency)
    if not still:
        return Said("No incident is open.", claims_of(stakes))
    critical = sum(one.severity == "critical" for one in still)
    grave = f", {in_words(critical)} of them critical" if critical else ""
    are = "is" if len(still) == 1 else "are"
    told = f"{capital(in_words(len(still)))} {'incident' if len(still) == 1 else 'incidents'} {are} open{grave}."
    return Said(f"{told} {stakes}".rstrip(), claims_of(stakes))


def _groups(story: Story) -> tuple[str, ...]:
    """How often each protected group is chosen, where the contract names such and one was measured."""
    return (impact_sentence(story.impact, story.minimum_impact_ratio),) if story.impact else ()


def _untold(story: Story) -> tuple[str, ...]:
    """That too little has been tried to tell anything, where that is so."""
    return untold_sentences(story.tried) if story.tried is not None and is_untold(story.tried) else ()


def _waits(story: Story, to_do: int) -> tuple[str, ...]:
    """What waits, by kind: nothing exactly where nothing is to be done."""
    if not story.standing.releases:
        return ()
    waiting = replace(story.standing.waiting, flags=())
    if to_do and waiting.is_empty:
        return ("Only what is to be done below.",)
    return (waits_sentence(waiting),) if to_do else ("Nothing.",)


def _next(story: Story) -> tuple[str, ...]:
    """What the loop does by itself, whoever does nothing, and on which days."""
    if not story.standing.releases:
        return ()
    if story.next.ended is not None:
        return ended_sentences(story.next.ended)
    if story.use_case.is_observing:
        return ("Another system goes on deciding; what others would have earned beside it is told as outcomes come.",)
    if story.standing.waiting.switch is not None:
        told = "So it stays until somebody who may lifts the kill switch; outcomes go on being taken in."
    elif story.standing.beside:
        told = "Who is beside it is compared again as outcomes come, and takes over only once it surely earns more."
    else:
        again = "again once enough new" if story.verdicts or story.promises else "once enough"
        told = f"Every batch is watched; a model is trained {again} outcomes are known."
    told = " ".join((*dates_of(story.next), told))
    days = story.use_case.maturity_days
    if days is None:
        return (told,)
    latest = " at the latest" if story.use_case.is_due_sooner else ""
    return (told, f"A decision's money counts {in_days(days)} after it{latest}.")
