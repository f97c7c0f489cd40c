"""The engine is a guest: late, silent, forgetful, and it leaves the process as it found it."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from decisionloop.contract.problem import Feature
from expectations import engine, suite
from expectations.reference import reference_of
from expectations.suite import build_suite, shape_of


def test_importing_the_room_does_not_import_the_engine():
    code = (
        "import time, sys; began = time.perf_counter(); import expectations; spent = time.perf_counter() - began\n"
        "import expectations.run, expectations.report\n"
        "assert 'great_expectations' not in sys.modules and spent < 0.2, spent"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_printed_and_warnings_stay_warnings(clean, validated, capfd, caplog):
    frame = clean()
    frame.loc[3, "spend"] = -1.0
    validated(frame)
    captured = capfd.readouterr()
    assert (captured.out, captured.err, caplog.text) == ("", "", "")
    assert logging._warnings_showwarning is None  # the engine diverts all warnings of the process when it is imported


def test_telemetry_and_progress_bars_are_off():
    context = engine.new_context(None)
    assert context.config.analytics_enabled is False
    assert context.variables.progress_bars.globally is False
    assert context.get_docs_sites_urls() == []


def test_the_frame_is_left_as_it_was(clean, validated):
    frame = clean().set_index("client_id", drop=False)
    before = frame.copy(deep=True)
    validated(frame)
    assert frame.equals(before)
    assert list(frame.columns) == list(before.columns)


def test_data_docs_are_written_on_request_without_values(clean, validated, tmp_path):
    frame = clean()
    frame.loc[3, "channel"] = "a secret channel"
    frame.loc[4, "client_id"] = "c00003"
    report = validated(frame, docs_folder=tmp_path / "docs")
    assert report.row_reasons[3] == "unseen category: channel"
    assert (tmp_path / "docs" / "index.html").is_file()
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "docs").rglob("*.html")]
    assert any("channel: web, shop, phone" in page for page in pages)
    assert not any("secret" in page or "c00003" in page for page in pages)


def test_a_suite_speaks_of_usable_columns_only(clean, contract):
    use_case = contract()
    frame = clean().drop(columns="sex").assign(spend="text")
    shape = shape_of(frame, use_case)
    assert "spend" in shape.columns
    assert "spend" not in shape.usable
    made = build_suite(use_case, reference_of(clean(), use_case), shape).expectations
    assert [e.meta["check"] for e in made if e.meta["column"] in {"spend", "sex"}] == ["schema", "schema"]


def test_a_check_that_cannot_be_evaluated_halts(clean, validated, failed, monkeypatch):
    frame = clean()
    monkeypatch.setattr(suite, "_is_usable", lambda column, type_: True)
    report = validated(frame.assign(spend=frame["spend"].astype("str")))
    result = failed(report)["ranges", "spend"]
    assert (result.severity, result.observed) == ("critical", "not evaluated")


def test_batches_can_be_validated_side_by_side(clean, validated):
    frames = [clean(200).assign(spend=lambda f, i=i: f["spend"].where(f.index != i, -1.0)) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(validated, frames))
    assert [report.row_faults.nonzero()[0].tolist() for report in reports] == [[0], [1], [2], [3]]


@pytest.mark.parametrize("type_", ["number", "integer"])
def test_a_feature_without_a_range_still_excludes_infinity(clean, contract, type_):
    feature = Feature.model_validate({"name": "spend", "type": type_, "wording": "w", "purpose": "p"})
    use_case = contract().model_copy(update={"features": (feature,)})
    shape = shape_of(clean(), use_case)
    bounds = [e for e in build_suite(use_case, None, shape).expectations if e.meta["check"] == "ranges"]
    assert bounds[0].max_value == sys.float_info.max


def test_what_an_expectation_is_told_is_what_the_library_s_own_function_reads(clean, contract):
    frame, use_case = clean(), contract()
    for expectation in build_suite(use_case, reference_of(frame, use_case), shape_of(frame, use_case)).expectations:
        for asked in (None, {}, {"result_format": "COMPLETE"}, {"catch_exceptions": True, "mostly": 0.5}):
            told = expectation._get_runtime_kwargs(asked)
            assert told == type(expectation)._get_runtime_kwargs.__wrapped__(expectation, asked)
            assert told["result_format"]["result_format"]
