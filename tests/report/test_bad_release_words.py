"""What a bad release cost is told with its sign, beside what switching everybody would have, and with who saw it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from decisionloop.report.page import paragraphs, render_story
from decisionloop.report.record.bad_release import BadRelease, WhatItCost
from decisionloop.report.record.claims import claims_of
from decisionloop.report.words.bad_release import bad_release_sentences, cost_in_short
from tests.report.conftest import sample_story

SEEN = "As seen in credit_line/2005-08-01: It puts 98% of 900 pairs of rows in the opposite order."
BAD = BadRelease(
    release="the release that was made bad on purpose",
    beside="the scorecard of 6 July",
    shipped_on=date(2005, 8, 1),
    share=0.05,
    rows=7_520,
    stopped_on=date(2005, 8, 1),
    is_caught=True,
    because=SEEN,
    basis="truth",
    cost=WhatItCost(244, 124, 62_300.0),
    at_once=WhatItCost(28_537, 9_973, 4_798_000.0),
    outcomes_on=date(2005, 9, 1),
)


def said(told: BadRelease) -> str:
    return " ".join(bad_release_sentences(told, "client", "TWD"))


def test_all_of_it_is_told_and_page_and_terminal_claim_the_same():
    text = said(BAD).replace("\u00a0", " ")
    for words in (
        "1 August 2005",
        "5% of the people",
        "244 decisions about clients",
        "In 124 it did",
        "77 times as much",
    ):
        assert words in text
    assert "What was seen: It puts 98% of 900 pairs" in text
    assert "credit_line/2005-08-01" not in text
    page = paragraphs(replace(sample_story(), bad_release=BAD))["bad_release"]
    on_page = {key: value for one in page for key, value in claims_of(one).items()}
    assert on_page == claims_of(cost_in_short(BAD, "client", "TWD"))
    assert on_page["bad_release.at_once"] == 4_798_000.0
    assert 'id="bad-release"' in render_story(replace(sample_story(), bad_release=BAD))
    assert 'id="bad-release"' not in render_story(sample_story())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cost": WhatItCost(1, 1, -900.0)}, "1 decision about a client"),
        ({"cost": WhatItCost(244, 124, -900.0)}, "by luck against what that model would have done"),
        ({"cost": WhatItCost(244, 0, 0.0)}, "It cost nothing"),
        ({"cost": WhatItCost(244, 124, None, 244)}, "has no figure yet"),
        ({"at_once": WhatItCost(9, 9, None, 9)}, "would have a cost that nobody can tell"),
        ({"basis": "estimate"}, "by that model's own reckoning"),
        ({"is_caught": False}, "Nothing that watches a trial has seen it. It was taken away by hand the same day"),
        ({"stopped_on": date(2005, 8, 8)}, "stopped it on 8 August 2005;"),
        ({"stopped_on": None}, "It is on trial still"),
    ],
)
def test_what_is_otherwise_is_told_otherwise(change, words):
    text = said(replace(BAD, **change)).replace("\u00a0", " ")
    assert words in text
    assert ("times as much" in text) == (set(change) <= {"basis", "is_caught", "stopped_on"})
