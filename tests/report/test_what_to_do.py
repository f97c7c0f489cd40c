"""One list of what is to be done: in an order that is told, without two courses, and pointing where the rest stands."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest

from decisionloop.ledger.alerts import Alert
from decisionloop.ledger.flags import Flag
from decisionloop.ledger.held_actions import HoldEvent, WaitingActions
from decisionloop.monitor.feedback import SUGGESTION as EXPLORE
from decisionloop.monitor.lifts import _TO_THE_RULES
from decisionloop.monitor.performance import _LOOK
from decisionloop.report.page import render_story
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.evidence import ActionFigures, Promise
from decisionloop.report.record.monitor_lines import FamilyWatch, IncidentLine, Monitoring
from decisionloop.report.record.standing import LiveRelease, Standing, Waiting
from decisionloop.report.record.story import Story
from decisionloop.report.words import to_do
from decisionloop.report.words.evidence import promise_sentence
from decisionloop.report.words.glance import glance_of

ON = date(2005, 9, 1)
MODEL = LiveRelease("a/model/1", "the model", "champion", ON, "decisionloop", "first")
RULES = LiveRelease("a/rules/1", "the rules", "champion", ON, "decisionloop", "first")
ASK = "Ask who fills limit whether its unit, coding or default changed."


def incident(family: str, suggestion: str, severity: str = "warning") -> IncidentLine:
    return IncidentLine(family, family, "opened", severity, ON, ON, 1, None, f"{family} moved.", suggestion)


def alert(kind: str, severity: str = "warning") -> Alert:
    return Alert(kind, "credit_line", None, severity, kind, "It happened", "Look.", datetime(2005, 9, 1, tzinfo=UTC))


def told(story: Story, *open_: IncidentLine, alerts: tuple[Alert, ...] = (), **standing: object) -> Story:
    families = tuple(FamilyWatch(one.family, (), (), (one,), 1, 0.1) for one in open_)
    waiting = Waiting(alerts=alerts, switch=standing.get("switch"))  # type: ignore[arg-type]
    champion = standing.get("champion", MODEL)
    stands = Standing((champion,), waiting)  # type: ignore[arg-type]
    return replace(story, monitoring=Monitoring(families), batches=(), verdicts=(), standing=stands)


LOSS, MISS, INPUT = incident("value", _TO_THE_RULES), incident("performance", _LOOK), incident("inputs", ASK)


def test_what_stops_a_loss_comes_before_what_is_asked_and_that_before_learning(story: Story) -> None:
    glance = glance_of(told(story, MISS, INPUT, LOSS, incident("feedback", EXPLORE), incident("skew", ASK)))
    assert [one.step for one in glance.to_do] == ["stop", "check", "check", "learn", "learn"]
    assert glance.course.startswith("In this order: first stop the loss, for it grows with every batch (1); then see")
    assert "(2 and 3); then let it learn anew" in glance.course
    assert "Going back to the rules and training do not exclude each other" in glance.course


def test_one_kind_of_thing_needs_no_order(story: Story) -> None:
    assert glance_of(told(story, INPUT)).course == ""


def test_the_gravest_are_among_the_first_whatever_their_step(story: Story) -> None:
    many = [incident(one, ASK) for one in ("inputs", "labels", "skew", "impact", "outputs")]
    shown = glance_of(told(story, *many, replace(MISS, severity="critical"))).to_do
    assert (len(shown), shown[-1].severity) == (5, "critical")


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"champion": RULES}, "The rules decide by now, so that nothing is to be switched"),
        (
            {
                "switch": Flag(
                    "f", "credit_line", "kill_switch", "on", "ops", "It loses.", datetime(2005, 9, 2, tzinfo=UTC)
                )
            },
            "The kill switch is on, so that this loss has been stopped",
        ),
    ],
)
def test_what_is_done_already_is_not_asked_for(story: Story, standing: dict[str, object], said: str) -> None:
    glance = glance_of(told(story, LOSS, MISS, **standing))
    what = " ".join(one.what for one in glance.to_do)
    assert said in what
    assert "Put the rules back in charge" not in what


def test_what_is_left_over_is_pointed_to_where_it_stands(story: Story) -> None:
    alerts = tuple(alert(kind) for kind in ("shadow", "skew", "drift"))
    four = [incident(one, ASK) for one in ("inputs", "labels", "skew", "impact")]
    assert glance_of(told(story, *four[:3], alerts=alerts)).more == "1 more: under “The batches”."
    six = glance_of(told(story, *four, incident("outputs", ASK), incident("value", ASK), alerts=alerts[:1]))
    assert six.more == "2 more: 1 under “What we watch” and 1 under “The batches”."


def held(day: int, state: str = "held", perhaps_arrived: int = 0) -> WaitingActions:
    batch, at = f"credit_line/2005-09-0{day}", datetime(2005, 9, day, tzinfo=UTC)
    event = HoldEvent(batch, 1, "credit_line", state, "Look first.", "ops", at)  # type: ignore[arg-type]
    return WaitingActions(event, 10, perhaps_arrived)


def waiting(story: Story, *batches: WaitingActions) -> Story:
    return replace(story, standing=replace(story.standing, waiting=replace(story.standing.waiting, held=batches)))


def test_many_held_batches_are_one_line_and_push_out_nothing_critical(story: Story) -> None:
    both = told(story, replace(LOSS, severity="critical"), replace(MISS, severity="critical"), INPUT)
    glance = glance_of(waiting(both, *(held(day, perhaps_arrived=day // 5) for day in (3, 1, 2, 5, 4))))
    assert [(one.step, one.severity) for one in glance.to_do] == [
        ("let", ""),
        ("stop", "critical"),
        ("check", "warning"),
        ("learn", "critical"),
    ]
    first = glance.to_do[0].title
    assert first.startswith("50 actions of five batches are held; the oldest of credit_line/2005-09-01, since 1")
    assert first.endswith("One of them was being sent when its sender was lost, and may have arrived.")
    assert glance.more == ""
    page = render_story(waiting(told(story), held(1)))
    assert re.search(r"held, since [^<]*\w\.</strong>", page)
    assert not re.search(r"[^.]\.\.</strong>", page)


def test_what_is_held_and_what_is_released_are_told_apart_and_one_batch_as_itself(story: Story) -> None:
    titles = [one.title for one in glance_of(waiting(told(story), held(1), held(2, "released"))).to_do]
    assert [one.partition(", since")[0] for one in titles] == [
        "10 actions of credit_line/2005-09-01 are held",
        "10 actions of credit_line/2005-09-02 are released, and not sent yet",
    ]


def test_where_more_is_critical_than_there_is_room_for_it_is_said_how_many(story: Story) -> None:
    grave = tuple(alert(kind, "critical") for kind in ("a", "b", "c", "d", "e", "f", "g"))
    glance = glance_of(waiting(told(story, INPUT, alerts=grave), held(1)))
    assert {one.severity for one in glance.to_do} == {"critical"}
    assert glance.more.startswith(
        "4 more, two of them critical: 2 under “The batches”, 1 told by `decisionloop status`"
    )
    assert glance_of(told(story, alerts=grave[:6])).more == "1 more, critical: under “The batches”."


def test_the_headings_that_are_pointed_to_are_on_the_page() -> None:
    folder = files("decisionloop.report") / "templates"
    headings = {
        found for one in folder.iterdir() if one.name.endswith(".j2")
        for found in re.findall(r'm.folded\("[^"]+", "([^"]+)"', one.read_text(encoding="utf-8"))
    }  # fmt: skip
    assert {to_do._WATCHED, to_do._BATCHES, to_do._GATE} <= headings


def test_a_promise_is_as_sure_as_the_gate_said() -> None:
    """The gate is sure of one end, at 99.06%: of both at once that is 98.12%, which nobody has to compare with it."""
    promise = Promise(ON, "the model", "a/model/1", "the rules", True, Estimate(3.0, 1.0, 5.0), 0.9812, 0, Estimate())
    told = promise_sentence(promise, "EUR")
    assert "(99.06% sure of at least €1 more, and as sure of at most €5 more)" in told


def test_an_alarm_says_what_was_measured_beside_the_figure(story: Story) -> None:
    html = render_story(story)
    assert story.monitoring is not None
    alarms = [one for family in story.monitoring.families for one in family.alarms]
    assert alarms
    assert all(f"Measured is “{one.wording}”" in html for one in alarms[-1:])


def test_who_was_never_decided_waits_for_a_person_too(story: Story) -> None:
    """`status` names them; a page that says "Nothing" beside it would be another truth."""
    waiting = Waiting(undecided=(("2005-09-01", 3), ("2005-09-08", 1)))
    left = replace(told(story), standing=Standing((MODEL,), waiting))
    (one,) = [each for each in to_do.to_do_of(left) if "never decided" in each.title]
    assert one.title == "4 clients fell due at 2 due times, the first 2005-09-01, and were never decided"
    assert "`decisionloop run credit_line --catch-up` decides them" in one.what
    assert any("4 who fell due and were never decided" in str(one) for one in glance_of(left).answers)


BETTER = ActionFigures(
    "visit", "visit", 0, 0, Estimate(), 0, Estimate(), tried_in=9_000, for_all=Estimate(2.0, 1.0, 3.0)
)


def test_a_better_action_is_to_be_written_into_the_rules_while_they_decide(story: Story) -> None:
    by_rules = replace(told(story, champion=RULES), actions=(BETTER,))
    assert "An action that is tried is better than what the rules do" in titles(by_rules)
    by_model = replace(told(story, champion=MODEL), actions=(BETTER,))
    assert "An action that is tried is better than what the rules do" not in titles(by_model)


def test_the_page_has_a_line_for_an_action_that_is_only_tried(story: Story) -> None:
    page = render_story(replace(told(story, champion=RULES), actions=(*story.actions, BETTER)))
    assert "What trying has shown: money a decision" in page
    assert "only tried; of 9,000 decisions" in page.replace("\xa0", " ").replace("&nbsp;", " ")
    assert "“visit” for everybody who may get it would have earned" in page


def titles(story: Story) -> list[str]:
    return [one.title for one in to_do.to_do_of(story)]
