"""The section on monitors says what the ledger holds of them: series, alarms, incidents, limits and causes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from decisionloop.cli.summary import told_in_short
from decisionloop.contract import UseCase
from decisionloop.ledger.incidents import acknowledge, close
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.release_changes import register_release
from decisionloop.ledger.releases import Release
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.monitor.alarm.budget import FAMILIES
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.assemble import assemble_story
from decisionloop.report.charts.monitors import watch_chart
from decisionloop.report.page import render_story
from decisionloop.report.read.beside import caveats_of
from decisionloop.report.read.gathered import use_case_lines
from decisionloop.report.read.monitoring import read_monitoring
from decisionloop.report.record.alarm_record import read_alarm_record
from decisionloop.report.record.claims import claims_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import FamilyWatch, Monitoring
from decisionloop.report.words.beside import caveats_about
from decisionloop.report.words.figures import MINUS, NBSP
from decisionloop.report.words.monitor_sentences import (
    chance_words,
    chart_caption,
    family_verdict,
    foretold_sentence,
    paragraphs,
    section_sentences,
)
from decisionloop.report.words.monitors import figure_in, one_in_years, slice_words
from tests.report.test_page import Outline, unfolded
from tests.watched_ledger import WEEKS, WORDS, explain_losses, figure, raise_alarm, watch_for_a_while

NAME = "credit_line"
MONEY = ("value_policy_total", "value_rules_total", "value_difference_total")


@pytest.fixture
def ledger(sqlite_ledger: Ledger, use_case: UseCase) -> Ledger:
    """Twelve weeks, an open incident about the inputs."""
    watch_for_a_while(sqlite_ledger, NAME, use_case.digest)
    return sqlite_ledger


def read(ledger: Ledger, use_case: UseCase) -> Monitoring:
    told = read_monitoring(ledger, use_case, {})
    assert told is not None
    return told


def family(told: Monitoring, name: str) -> FamilyWatch:
    return next(one for one in told.families if one.family == name)


def test_where_nothing_was_judged_there_is_no_section(sqlite_ledger: Ledger, use_case: UseCase):
    append_measurements(sqlite_ledger, [figure(NAME, WEEKS[0], "value_policy", 1.0)])
    assert read_monitoring(sqlite_ledger, use_case, {}) is None
    assert "What we watch" not in render_story(assemble_story(sqlite_ledger, use_case))


def test_every_family_has_its_checks_budget_and_last_day(ledger: Ledger, use_case: UseCase):
    told = read(ledger, use_case)
    assert tuple(one.family for one in told.families) == FAMILIES
    inputs, outputs, labels = (family(told, name) for name in ("inputs", "outputs", "labels"))
    assert (inputs.checks, outputs.checks, labels.checks) == (24, 12, 0)
    assert inputs.last_checked == "2024-03-18"
    assert (labels.last_checked, labels.is_watched) == ("", False)
    assert sum(one.budget for one in told.families) == pytest.approx(use_case.monitors.false_alarms_per_year)
    assert told.batches == 12


def test_series_are_in_the_order_of_alarms_then_closeness(ledger: Ledger, use_case: UseCase):
    status, limit = family(read(ledger, use_case), "inputs").series
    assert status.wording == "repayment status: moved from its reference"
    assert limit.wording == "credit limit: moved from its reference"
    assert (status.alarms, limit.alarms) == (2, 0)
    assert [one.is_alarm for one in status.points] == [False] * 10 + [True] * 2
    assert status.last.estimate.value == 0.2
    assert status.last.threshold == 0.1
    assert (status.last.n, status.last.effective_n) == (500, 400.0)
    assert (status.alpha, status.evidence) == (0.0001, "batches 8, mean 0.031, sd 0.004")


def test_only_figures_of_outcomes_wait_for_maturity(ledger: Ledger, use_case: UseCase):
    told = read(ledger, use_case)
    assert all(one.is_mature for one in family(told, "inputs").series[0].points)
    ranking = next(one for one in family(told, "performance").series if one.monitor == "ranking")
    assert [one.is_mature for one in ranking.points] == [True] * 8 + [False] * 4


def test_a_judged_figure_stands_for_one_that_was_only_measured(ledger: Ledger, use_case: UseCase):
    measured = figure(NAME, WEEKS[3], "calibration", 0.5)
    judged = replace(measured, value=0.01, threshold=0.03, against="its own probabilities")
    append_measurements(ledger, [measured, judged])
    series = family(read(ledger, use_case), "performance").series
    (calibration,) = [one for one in series if one.monitor == "calibration"]
    assert [one.estimate.value for one in calibration.points] == [0.01]


def test_a_later_figure_of_a_cohort_stands_for_the_earlier(ledger: Ledger, use_case: UseCase):
    later = figure(NAME, WEEKS[3], "ranking", 0.9, as_of=WEEKS[9], threshold=0.7, is_mature=True)
    append_measurements(ledger, [later])
    ranking = next(one for one in family(read(ledger, use_case), "performance").series if one.monitor == "ranking")
    assert ranking.points[3].estimate.value == 0.9


def test_figures_of_shadows_are_left_out(ledger: Ledger, use_case: UseCase):
    for name in ("model", "shadow"):
        kind, empty = "scorecard", "null"
        release = Release(f"{NAME}/{name}", NAME, kind, use_case.digest, None, None, None, empty, "{}", WEEKS[0])
        register_release(ledger, release, "trained", "learn")
    both = [
        figure(NAME, WEEKS[0], "calibration", value, threshold=0.03, release_id=f"{NAME}/{name}")
        for name, value in (("model", 0.01), ("shadow", 0.5))
    ]
    append_measurements(ledger, both)
    told = read_monitoring(ledger, use_case, {f"{WEEKS[0]:%Y-%m-%d}": (f"{NAME}/model",)})
    assert told is not None
    (calibration,) = [one for one in family(told, "performance").series if one.monitor == "calibration"]
    assert [one.estimate.value for one in calibration.points] == [0.01]


def test_what_has_not_come_stands_beside_a_figure_in_table_and_chart(ledger: Ledger, use_case: UseCase):
    told = {"worst": -1.5, "best": 2.25, "missing_n": 40, "to_come_n": 10.0, "is_mature": True}
    earned = figure(NAME, WEEKS[11], "value_policy", 1.0, **told)
    rate = figure(NAME, WEEKS[11], "outcome_rate", 0.4, **told | {"worst": 0.31, "best": 0.57})
    append_measurements(ledger, [earned, rate])
    watched = read(ledger, use_case)
    (value,) = [one for one in family(watched, "value").series if one.monitor == "value_policy"]
    assert value.last.estimate.bounds == OutcomeBounds(40, 10.0, -1.5, 2.25)
    page = render_story(assemble_story(ledger, use_case)).replace(NBSP, " ")
    assert f"whatever has not come, {MINUS}NT$1.50 to NT$2.25" in page
    assert "whatever has not come, 31% to 57%" in page
    drawn = watch_chart(value)
    assert drawn.count('class="whisker bounds"') == 1
    without = replace(value, points=tuple(replace(one, estimate=Estimate(1.0, 0.98, 1.02)) for one in value.points))
    assert "whisker bounds" not in watch_chart(without)


def test_alarms_and_incidents_are_told_with_money_words_and_bars(ledger: Ledger, use_case: UseCase):
    inputs = family(read(ledger, use_case), "inputs")
    assert [one.cohort for one in inputs.alarms] == ["2024-03-11", "2024-03-18"]
    alarm = inputs.alarms[0]
    assert (alarm.words, alarm.severity, alarm.stake, alarm.bound) == (WORDS, "warning", 250.0, 0.17)
    assert alarm.shares is not None
    assert alarm.shares.current == (0.7, 0.2, 0.1)
    (incident,) = inputs.incidents
    assert (incident.state, incident.alarms, incident.opened_on) == ("opened", 2, date(2024, 3, 11))
    assert inputs.open_incident == incident


@pytest.mark.parametrize(
    "chart", [None, "{", "[]", '{"labels": ["a"], "reference": [1, 2], "current": [1]}', '{"labels": []}']
)
def test_an_alarm_without_a_usable_chart_has_none(sqlite_ledger: Ledger, use_case: UseCase, chart: str | None):
    raise_alarm(sqlite_ledger, NAME, WEEKS[0], chart=chart)
    assert family(read(sqlite_ledger, use_case), "inputs").alarms[0].shares is None


def test_what_a_person_said_is_told(ledger: Ledger, use_case: UseCase):
    incident = family(read(ledger, use_case), "inputs").incidents[0]
    acknowledge(ledger, incident.incident_id, "anna", "looking at the feed")
    seen = family(read(ledger, use_case), "inputs")
    told = family_verdict(seen, assemble_story(ledger, use_case).use_case)
    assert "Open since 11" in told
    assert told.endswith("A person is looking into it.")
    close(ledger, incident.incident_id, "anna", "the feed was repaired")
    done = family(read(ledger, use_case), "inputs")
    assert done.open_incident is None
    assert "anna: the feed was repaired" in family_verdict(done, assemble_story(ledger, use_case).use_case)


def test_what_was_foretold_is_held_against_what_came(ledger: Ledger, use_case: UseCase):
    told = read(ledger, use_case)
    assert len(told.foretold) == 8
    assert told.foretold[0].realised == pytest.approx(0.81)
    sentence = foretold_sentence(told.foretold)
    assert "1.0 pairs in 100 on average" in sentence
    assert "cannot see" in sentence
    assert foretold_sentence(()) == ""


def test_causes_and_the_newest_weak_slices_are_told(ledger: Ledger, use_case: UseCase):
    explain_losses(ledger, NAME)
    told = read(ledger, use_case)
    assert [(one.misses, one.money) for one in told.causes] == [(2, -150.0), (1, -20.0)]
    assert [one.wording for one in told.weak_slices] == ["status is 1"]
    said = paragraphs(told, assemble_story(ledger, use_case).use_case)["causes"][0]
    assert "3 decisions" in said
    assert "67%" in said


def test_the_page_shows_it_all_and_the_statistics_are_one_click_away(ledger: Ledger, use_case: UseCase):
    explain_losses(ledger, NAME)
    page = render_story(assemble_story(ledger, use_case))
    outline = Outline(page)
    assert outline.count("details") == outline.count("summary")
    assert page.count("<summary>The statistics</summary>") == 3  # inputs, outputs, performance
    before, _, inside = page.partition("<summary>The statistics</summary>")
    assert WORDS in unfolded(page)  # what is to be done says what was seen
    assert "once in 10,000 times" not in before
    assert "once in 10,000 times" in inside
    assert "limit from batches 8" in inside
    assert "Why it went wrong, where it did" in page
    texts = " ".join(text for _, text in outline.texts)
    assert "Nothing was measured yet for" in texts


def test_the_verdict_of_a_quiet_family_is_plain(ledger: Ledger, use_case: UseCase):
    case = assemble_story(ledger, use_case).use_case
    told = read(ledger, use_case)
    assert family_verdict(family(told, "outputs"), case) == "Quiet: in 12 checks nothing surely moved beyond its limit."
    assert family_verdict(family(told, "skew"), case) == "Nothing was watched yet."
    outputs = family(told, "outputs")
    assert chart_caption(outputs.charted[0], outputs) == "Moved actions."


def test_of_many_measures_the_page_draws_the_one_that_matters_and_says_so(ledger: Ledger, use_case: UseCase):
    more = [
        figure(NAME, WEEKS[0], "input_shift", 0.01, slice=f"feature=f{i}", threshold=0.1, against="training")
        for i in range(4)
    ]
    append_measurements(ledger, more)
    inputs = family(read(ledger, use_case), "inputs")
    (drawn,) = inputs.charted
    caption = chart_caption(drawn, inputs)
    assert caption.startswith("Repayment status: moved from its reference.")
    assert caption.endswith("Of 6 measures it is the one that the alarm told of above was raised in.")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("all", ""),
        ("feature=status", "repayment status"),
        ("feature=gone_by_now", "gone by now"),
        ("action=increase", "raise the limit by 10%"),
        ("sex=2", "sex: women"),
        ("sex x age_band=2 x 62_and_over", "sex x age band: women, 62 and over"),
    ],
)
def test_a_slice_is_told_in_the_words_of_the_contract(use_case: UseCase, part: str, words: str):
    assert slice_words(use_case, part) == words


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (0.125, "one false alarm in 8 years"),
        (1.0, "one false alarm a year"),
        (3.0, "3 false alarms a year"),
        (0.0, "no false alarm at all"),
    ],
)
def test_a_budget_is_told_as_people_say_it(budget: float, words: str):
    assert one_in_years(budget) == words


def test_figures_are_told_in_their_unit():
    assert figure_in("share", 0.123, "EUR") == "12%"
    assert figure_in("ratio", 0.8312, "EUR") == "0.831"
    assert figure_in("money", -0.004, "EUR") == "\u2212€0.0040"
    assert figure_in("share", None, "EUR") == "not known"
    assert (chance_words(None), chance_words(0.0001)) == ("", "once in 10,000 times")


def test_both_engines_tell_the_same(ledger: Ledger, postgresql_ledger: Ledger, use_case: UseCase):
    watch_for_a_while(postgresql_ledger, NAME, use_case.digest)
    for one in (ledger, postgresql_ledger):
        explain_losses(one, NAME)
    assert read(postgresql_ledger, use_case) == read(ledger, use_case)
    records = [read_alarm_record(one, use_case, None) for one in (ledger, postgresql_ledger)]
    assert records[0] == records[1]
    assert records[0].total.checks == 48


def test_words_chart_and_bars_are_of_one_measure(ledger: Ledger, use_case: UseCase):
    graver = {"slice": "feature=limit", "words": "Credit limit moved.", "stake_total": 900.0, "severity": "critical"}
    incident = f"{NAME}/inputs/{WEEKS[10]:%Y-%m-%d}"
    raise_alarm(ledger, NAME, WEEKS[11], incident=incident, alarm_id="f" * 16, **graver)
    inputs = family(read(ledger, use_case), "inputs")
    assert inputs.series[0].wording.startswith("repayment status")  # the one with the most alarms
    assert inputs.lead is not None
    assert inputs.open_incident is not None
    assert inputs.open_incident.words == inputs.lead.words == "Credit limit moved."
    assert inputs.charted[0].wording == inputs.lead.wording == "credit limit: moved from its reference"
    assert inputs.last_shares == inputs.lead


def test_bars_of_another_alarm_are_not_shown_beside_one_without(ledger: Ledger, use_case: UseCase):
    incident = f"{NAME}/inputs/{WEEKS[10]:%Y-%m-%d}"
    graver = {"words": "Skill fell.", "stake_total": 900.0, "severity": "critical", "chart": None}
    raise_alarm(ledger, NAME, WEEKS[11], incident=incident, alarm_id="f" * 16, **graver)
    assert family(read(ledger, use_case), "inputs").last_shares is None


def test_one_loss_that_two_monitors_see_is_counted_once(ledger: Ledger, use_case: UseCase):
    case = use_case_lines(use_case)
    alone = section_sentences(read(ledger, use_case), case)[-1]
    assert alone == "They raised 1 incident, of which one is open. About NT$250 a batch is at stake."
    raise_alarm(ledger, NAME, WEEKS[11], "labels", "outcome_shift", stake_total=6.5e6)
    raise_alarm(ledger, NAME, WEEKS[11], "performance", "calibration", stake_total=6.3e6)
    told = section_sentences(read(ledger, use_case), case)[-1].replace(NBSP, " ")
    assert "About NT$6.5 million a batch is at stake, the most that one incident names" in told
    assert claims_of(section_sentences(read(ledger, use_case), case)[-1])["at_stake"] == 6.5e6


def test_a_label_incident_is_a_caveat_of_the_figures_that_rest_on_outcomes(ledger: Ledger, use_case: UseCase):
    (by_time_seen,) = caveats_of(ledger, use_case)  # the contract names no column that says when an outcome happened
    incident = raise_alarm(ledger, NAME, WEEKS[11], "labels", "outcome_shift")
    *_, caveat = caveats_of(ledger, use_case)
    assert incident in caveat.words
    story = assemble_story(ledger, use_case)
    assert caveat.words in story.headline.standfirst
    assert caveats_about(story.caveats, "money") == (by_time_seen.words, caveat.words)
    assert caveats_about(story.caveats, "impact") == ()
    acknowledge(ledger, incident, "anna", "The feed is being repaired.", datetime(2024, 7, 1, tzinfo=UTC))
    *_, answered = caveats_of(ledger, use_case)
    told = f"(incident {incident}, answered on 1 July 2024 by anna: The feed is being repaired)"
    assert told in answered.words.replace(NBSP, " ")
    close(ledger, incident, "anna", "the definition changed")
    assert caveats_of(ledger, use_case) == (by_time_seen,)


def test_the_page_says_how_many_outcomes_come_late_and_how_different_they_are(ledger: Ledger, use_case: UseCase):
    def told(late: float) -> str:
        rates = {"late_share": (0.67, 40), "late_outcome_rate": (late, 40), "early_outcome_rate": (0.37, 160)}
        for week in (WEEKS[7], WEEKS[8]):
            of_week = {"cohort": f"{week:%Y-%m-%d}", "is_mature": True, "as_of": WEEKS[11] + timedelta(days=late)}
            append_measurements(
                ledger,
                [
                    replace(figure(NAME, week, name, rate), low=rate - 0.05, high=rate + 0.05, n=n, **of_week)
                    for name, (rate, n) in rates.items()
                ],
            )
        page = render_story(assemble_story(ledger, use_case)).replace(NBSP, " ")
        assert "rate of the outcome, of those that come late" in page.lower()
        (line,) = re.findall(r"<p>(When the cohort of .*?)</p>", page)
        return line

    assert told(0.12) == (
        f"When the cohort of {WEEKS[8].day} {WEEKS[8]:%B %Y} was measured, 40 outcomes were missing; as earlier "
        "cohorts show, 67% (62% to 72%) of them come late. Of the late ones 12% (7% to 17%) are “late”, of those that "
        "had come 37% (32% to 42%): they surely differ."
    )
    assert told(0.34).endswith("the data cannot tell them apart.")


def test_what_stands_beside_all_figures_of_outcomes_is_said_once(ledger: Ledger, use_case: UseCase):
    """The time seen that stands in, a held-back cohort, what has not come: once on the page, once on the terminal."""
    money = {"is_mature": True, "as_of": WEEKS[9], "missing_n": 30, "to_come_n": 4.0, "worst": -9.0}
    append_measurements(
        ledger,
        [replace(figure(NAME, WEEKS[3], name, 2.0), low=1.0, high=3.0, best=5.0, **money) for name in MONEY],
    )
    raise_alarm(ledger, NAME, WEEKS[3], "labels", "missing_labels")
    story = assemble_story(ledger, use_case)
    page = render_story(story).replace(NBSP, " ")
    for words in ("stands in", "leans on a held-back cohort", "30 outcomes have not come, of which about 4 will still"):
        assert page.count(words) == 1, words
        assert sum(words in one.replace(NBSP, " ") for one in told_in_short(story)) == 1
    assert "if the 26 outcomes that will not come were as the others; at worst" in page


def test_a_verdict_that_missing_outcomes_leave_far_more_open_than_its_interval_says_so(
    ledger: Ledger, use_case: UseCase
):
    """Earned 100 (90 to 110), but anything from 20 to 150 with what has not come: that belongs beside the verdict."""
    money = {"is_mature": True, "as_of": WEEKS[9], "missing_n": 30, "to_come_n": 4.0}
    figures = [
        replace(figure(NAME, WEEKS[3], name, value), low=value - 10, high=value + 10, worst=value - 80, best=value + 50,
                **money)
        for name, value in zip(MONEY, (100.0, 98.0, 2.0), strict=True)
    ]  # fmt: skip
    append_measurements(ledger, figures)
    story = assemble_story(ledger, use_case)
    (told,) = [one for one in story.headline.standfirst if "30 outcomes have not come" in one.replace(NBSP, " ")]
    assert "the loop's money is between NT$20 and NT$150" in told.replace(NBSP, " ")
    assert render_story(story).replace(NBSP, " ").count("30 outcomes have not come") == 1
    append_measurements(ledger, [replace(one, worst=one.low, best=one.high, as_of=WEEKS[10]) for one in figures])
    told_by_now = assemble_story(ledger, use_case).headline.standfirst
    assert not any("30 outcomes have not come" in one.replace(NBSP, " ") for one in told_by_now)


def test_several_cohorts_that_are_held_back_are_spoken_of_as_several(ledger: Ledger, use_case: UseCase):
    append_measurements(
        ledger,
        [
            replace(figure(NAME, week, name, 2.0), low=1.0, high=3.0, is_mature=True, as_of=WEEKS[9])
            for week in (WEEKS[3], WEEKS[4])
            for name in MONEY
        ],
    )
    for week in (WEEKS[3], WEEKS[4]):
        raise_alarm(ledger, NAME, week, "labels", "missing_labels")
    (told,) = [one.words for one in assemble_story(ledger, use_case).caveats if "leans on" in one.words]
    assert "held-back cohorts (" in told
    assert told.endswith("or a person excluded them. They neither teach nor judge until they are released.")
