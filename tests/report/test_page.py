"""The page is one self-contained, accessible, deterministic file, whatever the story holds."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from decisionloop.ledger.releases import Release
from decisionloop.report.page import environment, paragraphs, render_story
from decisionloop.report.record.beside import Caveat
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import CheckLine, VerdictStory
from decisionloop.report.record.standing import LiveRelease, Standing
from decisionloop.report.record.story import Headline, Story, UseCaseLines
from decisionloop.report.record.totals import total_of
from decisionloop.report.words.difference import difference_parts
from decisionloop.report.words.glance import glance_of, halted_sentence
from decisionloop.report.words.headline import headline
from decisionloop.report.words.naming import release_names

VOID = {"meta", "link", "br", "img", "hr", "input", "col"}


class Outline(HTMLParser):
    """Elements of a page, checked for balance; texts by element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def count(self, tag: str) -> int:
        return sum(one == tag for one, _ in self.elements)


class Unfolded(HTMLParser):
    """The text that is seen before anything is opened: of what is folded its summary alone; charts are no words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        folds = self.open.count("details") - self.open.count("summary")
        if folds <= 0 and not {"svg", "style", "title"} & set(self.open) and data.strip():
            self.texts.append(data.strip())


def unfolded(page: str) -> str:
    """What a reader sees before opening anything, as one text."""
    return " ".join(Unfolded(page).texts)


MOST_WORDS = 1_578
"""A third of the page as it was when everything lay open."""


def bare() -> Story:
    case = UseCaseLines("churn", "Keep a customer", "…", "customer", "EUR", "…", "left", ())
    day = date(2026, 1, 1)
    return Story(case, day, day, Headline("It is too early to say what these decisions earned."))


def hostile(value: Any, payload: str) -> Any:
    """A copy of a story in which every free text is the payload."""
    if isinstance(value, str):
        return value if re.fullmatch(r"\d{4}-\d\d(-\d\d)?|halted", value) else payload
    if isinstance(value, tuple):
        return tuple(hostile(one, payload) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {f.name: hostile(getattr(value, f.name), payload) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **named)
    return value


def test_the_same_story_gives_the_same_bytes(story: Story) -> None:
    assert render_story(story) == render_story(dataclasses.replace(story))


def test_nothing_is_fetched_and_nothing_runs(story: Story) -> None:
    page = render_story(story)
    outline = Outline(page)
    assert outline.count("script") == outline.count("link") == outline.count("img") == outline.count("iframe") == 0
    addresses = set(re.findall(r"(?:https?:)?//[^\s\"'<>]+", page)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    assert "url(" not in page
    assert "@import" not in page
    for tag, attributes in outline.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        assert not attributes.get("href") or str(attributes["href"]).startswith("#")
        assert "src" not in attributes


def test_the_page_can_be_read_without_seeing_it(story: Story) -> None:
    outline = Outline(render_story(story))
    assert outline.count("h1") == outline.count("main") == 1
    assert ("html", {"lang": "en"}) in outline.elements
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert outline.count("table") == outline.count("caption") == outline.count("thead")
    assert outline.count("svg") == outline.count("desc") == 28
    assert all(attributes.get("role") == "img" for tag, attributes in outline.elements if tag == "svg")
    assert all(attributes.get("scope") for tag, attributes in outline.elements if tag == "th")


def test_ids_are_unique_and_references_resolve(story: Story) -> None:
    elements = Outline(render_story(story)).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        named = str(attributes.get("aria-labelledby") or "").split()
        target = str(attributes.get("href") or "").removeprefix("#")
        assert {*named, *([target] if target else [])} <= set(ids)


@pytest.mark.parametrize(
    "payload",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style></title></svg><svg onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "' onmouseover='x",
        "",
    ],
)
def test_hostile_text_is_shown_not_obeyed(payload: str, story: Story) -> None:
    page = render_story(hostile(story, payload))
    outline = Outline(page)
    honest = Outline(render_story(story))
    assert {tag for tag, _ in outline.elements} <= {tag for tag, _ in honest.elements} | {"ul", "li"}
    for _, attributes in outline.elements:
        assert not any(name.startswith("on") for name in attributes)
    assert "49" not in [text for _, text in outline.texts]
    if payload:
        assert payload in outline.texts[[tag for tag, _ in outline.texts].index("h1")][1]


def test_a_story_without_anything_still_says_so() -> None:
    page = render_story(bare())
    outline = Outline(page)
    assert ("h1", "It is too early to say what these decisions earned.") in outline.texts
    assert outline.count("svg") == 0
    assert "What the replay knew" not in page


def test_what_only_the_replay_knew_is_marked_and_only_there(story: Story) -> None:
    page = render_story(story)
    assert "The loop never saw these figures" in page
    section = page[page.index('id="truth"') : page.index('id="reading"')]
    assert section.count("foresight") == page.count("foresight")
    assert "What the replay knew" not in render_story(dataclasses.replace(story, truth=()))


def test_the_page_says_plainly_that_both_lost(story: Story) -> None:
    texts = " ".join(text for _, text in Outline(render_story(story)).texts).replace("\u00a0", " ")
    assert "In September 2005 both lost money: the loop NT$12.6 million, the rules NT$12.2 million." in texts
    assert "In July and September" not in texts
    assert "For July and September 2005 the data cannot tell the two apart." in texts


def test_each_missing_part_can_be_left_out(story: Story) -> None:
    empty = bare()
    for field in dataclasses.fields(Story):
        if field.name in {"use_case", "first", "last", "headline"}:
            continue
        Outline(render_story(dataclasses.replace(story, **{field.name: getattr(empty, field.name)})))
        Outline(render_story(dataclasses.replace(empty, **{field.name: getattr(story, field.name)})))


def test_templates_are_package_data_and_escape() -> None:
    folder = files("decisionloop.report") / "templates"
    names = {entry.name for entry in folder.iterdir()}
    assert {"story.html.j2", "style.css"} <= names
    assert environment().autoescape is True
    assert "|safe" not in "".join((folder / name).read_text() for name in names)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    full = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_keep_the_contrast_of_wcag_aa_in_both_schemes() -> None:
    css = (files("decisionloop.report") / "templates" / "style.css").read_text()
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        for background in ("paper", "tint"):
            for text in ("ink", "muted", "policy", "rules", "loss", "best"):
                assert _contrast(scheme[text], scheme[background]) >= 4.5, (text, background)
        assert _contrast(scheme["on-policy"], scheme["policy"]) >= 4.5


def test_a_batch_says_how_much_of_it_was_outside_the_model_s_support(story: Story) -> None:
    bounded = tuple(dataclasses.replace(one, outside=0.084) for one in story.batches)
    told = "support: too little is known of such cases, so the rules decided"
    assert render_story(dataclasses.replace(story, batches=bounded)).count(told) == len(bounded)
    assert told not in render_story(story)


def test_a_release_that_is_kept_within_its_support_is_called_so() -> None:
    at = datetime(2005, 6, 22, tzinfo=UTC)
    cards = {"a": "{}", "b": '{"support": {"may_decide": 0.8}}'}
    model = ("credit_line", "scorecard", "c", "d", None, None, "null")
    releases = [Release(name, *model, card, at) for name, card in cards.items()]
    names = release_names(releases, {}, 1)
    assert names["a"].replace("\u00a0", " ") == "the scorecard of 22 June"
    assert names["b"].replace("\u00a0", " ") == "the scorecard of 22 June within its support"


def test_what_lies_open_is_read_in_minutes(story: Story) -> None:
    seen = unfolded(render_story(story))
    assert 300 < len(seen.split()) <= MOST_WORDS


def test_no_sentence_lies_open_twice(story: Story) -> None:
    seen = unfolded(render_story(story))
    told = [one.strip() for one in re.split(r"(?<=[.!?]) (?=[A-Z])", seen) if len(one.split()) > 6]
    assert len(told) == len(set(told)) > 10


def test_no_paragraph_says_what_the_page_has_said(story: Story) -> None:
    caveat = Caveat(("money", "rates", "actions", "promises"), "The outcomes are in question since June 2005.", True)
    grave = headline(story.use_case, story.money, story.batches, None, [caveat.words])
    doubted = dataclasses.replace(story, caveats=(caveat,), headline=grave)
    assert sum(caveat.words in sentences for sentences in paragraphs(doubted).values()) > 1
    assert render_story(doubted).count(caveat.words) == 1


def test_the_first_screen_answers_what_a_manager_asks(story: Story) -> None:
    seen = unfolded(render_story(story)).replace("\u00a0", " ")
    screen = seen[: seen.index("The money")]
    for asked in ("Is that sure?", "What is wrong?", "What to do now"):
        assert asked in screen
    assert "credit-risk@example.com owns this" in screen
    assert "One batch was halted: 7,443 who were due were not decided" in screen
    assert screen.index("critical since") < screen.index("150,000" if "150,000" in screen else "decisions in")


def test_the_first_screen_says_what_happens_next(story: Story) -> None:
    decides = LiveRelease("a/rules/1", "the rules", "champion", date(2005, 6, 1), "decisionloop", "first")
    beside = LiveRelease("a/scorecard/1", "the scorecard of 8 June", "shadow", date(2005, 6, 8), "gate", "it passed")

    def told(*releases: LiveRelease) -> str:
        answers = glance_of(dataclasses.replace(story, standing=Standing(releases))).answers
        return " ".join(next((one.sentences for one in answers if one.question == "What happens next?"), ()))

    assert "trained again once enough new outcomes are known" in told(decides)
    assert "takes over only once it surely earns more" in told(decides, beside)
    assert told() == ""


def test_the_first_screen_says_where_who_decides_now_has_decided_nothing_yet(story: Story) -> None:
    last = max(one.as_of for one in story.batches if one.is_decided)

    def told(since: date) -> str:
        decides = LiveRelease("a/scorecard/1", "the scorecard", "champion", since, "gate", "it passed")
        answers = glance_of(dataclasses.replace(story, standing=Standing((decides,)))).answers
        return " ".join(next(one.sentences for one in answers if one.question == "Who decides?"))

    assert "No batch has been decided since" not in told(last)
    assert "of those who decided before" in told(last + timedelta(days=1))


def test_where_the_gate_has_let_in_nobody_the_first_screen_says_what_it_asks_for(story: Story) -> None:
    thin = CheckLine("evidence", None, "worth 42 equally weighted ones (at least 100): explore more.")
    refused = VerdictStory(date(2005, 7, 17), 1, "the model", "the rules", "insufficient", (thin,))
    passed = dataclasses.replace(refused, decision="promote")
    seen = dataclasses.replace(story, tried=None, verdicts=(refused,))
    assert any("explore more" in one.what for one in glance_of(seen).to_do)
    for others in ((), (passed, refused)):
        told = glance_of(dataclasses.replace(seen, verdicts=others))
        assert not any("let in" in one.title for one in told.to_do)


def test_a_halted_batch_costs_what_others_earned(story: Story) -> None:
    (halted,) = [one for one in story.batches if one.state == "halted"]
    told = halted_sentence(story.batches, 10.0, "NTD").replace("\u00a0", " ")
    assert told.endswith("which cost about NT$74,400 at what a decision earned otherwise.")
    assert halted.rows == 7_443
    assert "cost" not in halted_sentence(story.batches, None, "NTD")
    assert halted_sentence([], 10.0, "NTD") == ""


def test_the_parts_make_up_the_difference(story: Story) -> None:
    explored = dataclasses.replace(story.explored, cost_counted=Estimate(4e5, 3e5, 5e5))  # type: ignore[arg-type]
    parts = difference_parts(dataclasses.replace(story, explored=explored))
    total = total_of(story.money)
    assert total is not None
    assert sum(one.money.value or 0.0 for one in parts) == pytest.approx(total.difference.value)
    assert (parts[1].money.low, parts[1].money.high) == (-5e5, -3e5)
    assert difference_parts(story) == ()  # nobody measured what exploring cost in these periods


def test_commands_are_set_as_code(story: Story) -> None:
    assert story.monitoring is not None
    assert str(environment().filters["coded"]("`stop <b>` it")) == "<code>stop &lt;b&gt;</code> it"
    assert str(environment().filters["coded"]("a ` alone")) == "a ` alone"
