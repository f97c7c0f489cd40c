"""A regulator's folder tells who decided, why, with what data, and how groups fared; and that it was asked for."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from decisionloop.cli.evidence_folder import export_evidence
from decisionloop.custody.adverse_reasons import DRAWN, adverse_reasons
from decisionloop.errors import UsageError
from decisionloop.frozen_rows import frozen_rows
from decisionloop.ledger.decision_access import accesses_of
from decisionloop.ledger.decisions import decisions_of_batch
from tests.small_use_case import as_of
from tests.tasks.installation import Installation
from tests.tasks.moment import on_engine

pytestmark = pytest.mark.xdist_group("loop")
SPAN = (f"{as_of(1):%Y-%m-%d}", f"{as_of(2):%Y-%m-%d}")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_folder_tells_who_decided_why_and_how_groups_fared(engine, saved: Path, tmp_path: Path, request) -> None:
    with on_engine(engine, saved / "modelled", tmp_path / "life", request) as moment, moment.work() as life:
        to = tmp_path / "evidence"
        export_evidence("small", *SPAN, to, False)
        manifest = json.loads((to / "manifest.json").read_text())
        for one in manifest["files"]:
            assert sha256((to / one["file"]).read_bytes()).hexdigest() == one["sha256"]
        assert manifest["not_told"] == []
        told = pd.read_csv(to / "decisions.csv", dtype={"entity_id": "str"}, keep_default_na=False)
        assert set(told["decision_id"]) == {one for week in (1, 2) for one in life.decisions(week)["decision_id"]}
        assert (told.loc[told["is_favourable"], "adverse_reason_1"] == "").all()
        refused = told[~told["is_favourable"] & (told["role"] != "exploration")]
        assert ((refused["adverse_reason_1"] != "") == (refused["reason_codes"] != "[]")).all()
        ratios = pd.read_csv(to / "impact_ratios.csv")
        assert ratios["decisions"].sum() + ratios["without_a_group"].iloc[0] == len(told)
        assert dict(zip(ratios["group"], ratios["selection_rate"], strict=True)) == pytest.approx(rates(life))
        assert list((to / "cards").iterdir())
        assert list((to / "contracts").iterdir())
        assert pd.read_csv(to / "batches.csv")["link"].notna().all()
        (access,) = accesses_of(life.ledger, "small")
        assert (access.how, access.decision_id) == ("export", f"all as of {SPAN[0]} to {SPAN[1]}")
        with pytest.raises(UsageError, match="is there already"):
            export_evidence("small", *SPAN, to, False)


def rates(life: Installation) -> dict[str, float]:
    """How often each group is lent to, counted anew."""
    decided = pd.concat([decisions_of_batch(life.ledger, life.batch(week)) for week in (1, 2)], ignore_index=True)
    frame = frozen_rows(life.workspace, decided)
    return (decided["action"] == "lend").groupby(frame["owner_sex"]).mean().to_dict()


def test_only_what_speaks_against_the_favourable_action_is_a_reason(modelled: Installation) -> None:
    decided = pd.DataFrame(
        {
            "action": ["hold", "hold", "lend", "hold"],
            "role": ["champion", "champion", "champion", "exploration"],
            "reason_codes": ['[["debt",0.8],["turnover",-0.5]]', '["too little turnover"]', '[["debt",0.8]]', "[]"],
        }
    )
    frame = pd.DataFrame({"turnover": [1.0] * 4, "debt": [2.0] * 4, "trade": ["farm"] * 4})
    contract = modelled.workspace.use_case
    told = adverse_reasons(contract, decided, frame)
    assert told == [("debt",), ("too little turnover",), (), (DRAWN,)]  # more debt makes a default likelier
    assert adverse_reasons(contract, decided, None)[0] == ("debt", "weekly turnover")
