"""docs/exploring.svg: how often an alternative is tried, by what it may lose, under three budgets.

``python -m benchmarks.exploring_picture > docs/exploring.svg``
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from markupsafe import Markup

from decisionloop.act.exploration.inverse_gap import gamma_within, inverse_gap_chances
from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.contract.exploration import PricedExploration
from decisionloop.report.charts.svg import Scale, drawing, line, path, text

VALUE_EXPECTED = 1_000_000.0
"""Money that the batch of the picture is expected to bring: its 2,000 alternatives may lose 1 to 10,000 each."""
GAPS = np.geomspace(1.0, 10_000.0, 2_000)
BUDGETS = {0.003: "b1", 0.01: "b2", 0.03: "b3"}
_STYLE = (
    "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.axis{stroke:#333}"
    ".floor{stroke:#a33;stroke-dasharray:4 3}polyline{fill:none;stroke-width:2.5}"
    "line.b1,line.b2,line.b3{stroke-width:2.5}.b1{stroke:#9ecae1}.b2{stroke:#3182bd}.b3{stroke:#08306b}</style>"
)


def picture() -> str:
    """The drawing: both axes are logarithmic."""
    title = "How often an alternative is tried, by what it may lose"
    words = "Chances fall as the possible loss grows; a larger budget moves the whole curve up, and below the floor "
    return drawing("exploring", title, f"{words}of one in a thousand nothing is tried.", (640, 380), _marks()) + "\n"


def _marks() -> Iterator[Markup]:
    across, up = Scale(0, 4, 70, 500), Scale(-3.3, -0.6, 330, 30)
    yield Markup(_STYLE)
    for power in range(5):
        yield line(across(power), 30, across(power), 330, "grid")
        yield text(across(power), 348, f"{10**power:,}", anchor="middle")
    for chance in (0.001, 0.01, 0.1, 0.2):
        yield line(70, up(math.log10(chance)), 500, up(math.log10(chance)), "grid")
        yield text(62, up(math.log10(chance)) + 4, f"{chance:.1%}", anchor="end")
    yield line(70, up(math.log10(PROPENSITY_FLOOR)), 500, up(math.log10(PROPENSITY_FLOOR)), "floor")
    yield text(508, up(math.log10(PROPENSITY_FLOOR)) + 4, "below: not tried")
    yield text(285, 370, "money that the alternative may lose", anchor="middle")
    yield text(70, 18, "chance that it is tried")
    for budget, css in BUDGETS.items():
        points = [(across(math.log10(gap)), up(math.log10(p))) for gap, p in _curve(budget) if p > 0]
        yield path(points, css)
        yield text(508, 60 + 18 * list(BUDGETS).index(budget), f"budget {budget:.1%}", css="label")
        yield line(575, 56 + 18 * list(BUDGETS).index(budget), 630, 56 + 18 * list(BUDGETS).index(budget), css)


def _curve(budget: float) -> list[tuple[float, float]]:
    two, largest = np.full(len(GAPS), 2), PricedExploration().largest_share
    gamma = gamma_within(GAPS, two, np.ones(len(GAPS), dtype=np.int64), budget * VALUE_EXPECTED, largest)
    chances = inverse_gap_chances(GAPS, two, gamma, largest)
    return list(zip(GAPS[::20].tolist(), chances[::20].tolist(), strict=True))


if __name__ == "__main__":
    print(picture(), end="")
