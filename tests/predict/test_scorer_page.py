"""The example of docs/scorer.md runs as it stands and shows what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

PAGE = (Path(__file__).parents[2] / "docs" / "scorer.md").read_text(encoding="utf-8")


def test_the_example_runs_and_keeps_what_the_page_promises(capsys):
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    told: dict = {}
    exec(compile(example, "docs/scorer.md", "exec"), told)
    clients, scorer = told["clients"], told["scorer"]
    np.testing.assert_allclose(told["score"], told["pipeline"].predict_proba(clients)[:, 1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(told["margin"], scorer.margin(clients), rtol=0, atol=1e-9)
    assert (scorer.reference.name, scorer.reference.rows, scorer.contract_version) == ("clients of May", 5000, "1")
    assert told["first"] == told["second"]
    assert told["hit_share"] == 0.5
    assert len(told["reasons"]) == len(clients)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(json.loads(told["first"].reasons)) > 0
    assert all(
        re.fullmatch(r"[a-z ]+ (raises|lowers) the score, by \d\.\d+ on the margin scale", line) for line in lines
    )


def test_what_is_refused_by_the_numbers_is_what_the_page_says():
    from decisionloop.predict.scorer.codes import MAX_CODES
    from decisionloop.predict.scorer.trees import MAX_LEAVES

    assert f"more than {MAX_LEAVES} leaves in a tree, more than {MAX_CODES} codes for a feature" in PAGE
