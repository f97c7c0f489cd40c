"""What `python -m benchmarks` prints, keeps and judges; nothing is timed here."""

from __future__ import annotations

import ast
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

import benchmarks
from benchmarks.__main__ import benchmark_names, command_of, main
from benchmarks.figures import Figure, Spread
from benchmarks.peers import environment
from benchmarks.processes import call_apart
from benchmarks.report import BEGIN, COLUMNS, END, Report, replace_between_markers, row_of
from benchmarks.surroundings import commit, machine, versions
from benchmarks.timing import Fresh, Sample, Taken, interleaved, interleaved_latencies, latencies

FOLDER = Path(benchmarks.__path__[0])
FIGURES = (
    Figure("appends", Spread.of([90.0, 110.0, 100.0]), "rows/s", "driver alone", Spread.of([50.0]), goal=95.0),
    Figure("reads", 2.0, "s", "pandas", 10.0, goal=0.5, better="lower", is_goal_of_ratio=True),
    Figure("reported only", 7.0, "s"),
    Figure("beside a peer that is not there", 3.0, "rows/s", "shap", None, 30.0, is_goal_of_ratio=True, note="offline"),
    Figure("never measured", None, "s", goal=1.0, better="lower", note="broke"),
)


def report(*figures: Figure) -> Report:
    return Report("python -m benchmarks", "2005-07-08 10:00 UTC", commit(), machine(), versions(), {"some": figures})


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_every_module_says_what_it_is_for_and_can_be_overlooked(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 250


def test_the_benchmarks_are_the_modules_with_measure():
    names = benchmark_names()
    ours = {"ledger", "credit_line", "one_row", "million_rows", "exact_reasons", "scorer_file", "score_cache"}
    assert ours <= set(names)
    assert not {"figures", "timing", "report", "peers"} & set(names)
    for name in names:
        tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        measure = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "measure")
        assert [argument.arg for argument in measure.args.args] == ["is_quick"]
        assert ast.get_docstring(measure)


def test_an_unknown_benchmark_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        main(["no_such"])
    assert "no benchmark is called no_such; there are" in capsys.readouterr().err


def test_goals_bound_the_median_or_the_ratio():
    assert [figure.is_met for figure in FIGURES] == [True, True, None, False, False]
    assert FIGURES[0].ratio == 2.0
    assert FIGURES[1].ratio == 0.2
    assert math.isnan(FIGURES[3].ratio)
    assert report(*FIGURES[:3]).is_met
    assert not report(*FIGURES).is_met


def test_the_table_has_a_row_a_figure_below_where_it_was_taken():
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report(*FIGURES).as_table())
    text = console.export_text()
    assert all(figure.name in text for figure in FIGURES)
    assert f"commit {commit()}" in text.splitlines()[0]
    assert "cores" in text.splitlines()[1]
    assert all(len(row_of(figure)) == len(COLUMNS) for figure in FIGURES)
    assert row_of(FIGURES[0])[1:] == ("100", "rows/s", "driver alone: 50", "2", "≥ 95", "yes")
    assert row_of(FIGURES[2])[3:] == ("-", "-", "-", "-")
    assert row_of(FIGURES[3])[0].endswith("(offline)")
    assert row_of(FIGURES[3])[-1] == "NO"


def test_the_head_of_a_table_says_the_command_that_took_it_and_no_page_says_another():
    assert command_of(["drift", "monitors"], is_quick=True) == "python -m benchmarks drift monitors --quick"
    assert command_of(benchmark_names(), is_quick=False) == "python -m benchmarks"
    taken = Report(command_of(["drift"], True), "now", "abc", machine(), versions(), {"drift": FIGURES})
    assert taken.as_markdown().startswith("python -m benchmarks drift --quick at now, commit abc.")
    for page in sorted((FOLDER.parent / "docs").glob("*.md")):
        prose = re.sub(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"[Tt]aken by\s+`python -m benchmarks", prose), page.name


def test_json_is_one_object_with_all_that_is_known():
    told = json.loads(report(*FIGURES).as_json())
    assert set(told) == {"command", "taken_at", "commit", "machine", "versions", "figures"}
    assert {"cpu", "cores", "memory_gib"} <= set(told["machine"])
    assert {"python", "numpy", "scikit-learn"} <= set(told["versions"])
    first, *_, last = told["figures"]
    assert (first["benchmark"], first["low"], first["value"], first["high"], first["runs"]) == ("some", 90, 100, 110, 3)
    assert (last["value"], last["ratio"], last["is_met"]) == (None, None, False)
    assert all(set(one) == set(first) for one in told["figures"])


def test_the_table_of_a_page_is_replaced_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        replace_between_markers(page, report(*FIGURES).as_markdown())
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "old" not in text
    assert text.count("| appends |") == 1


def test_a_page_without_markers_stays_as_it_is(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{END} {BEGIN}", encoding="utf-8")
    with pytest.raises(ValueError, match="write both lines"):
        replace_between_markers(page, "new")
    assert page.read_text(encoding="utf-8") == f"{END} {BEGIN}"


def test_the_page_of_figures_has_a_place_for_the_table():
    text = (FOLDER.parent / "docs" / "performance.md").read_text(encoding="utf-8")
    assert 0 <= text.find(BEGIN) < text.find(END)


def test_runs_alternate_and_what_they_need_is_made_outside_of_the_clock():
    order: list[str] = []

    def slow() -> str:
        time.sleep(0.02)
        return "made"

    runs = {"ours": Fresh(slow, lambda subject: order.append(subject)), "peer": lambda: order.append("peer")}
    took = interleaved(3, runs, warm_ups=1)
    assert order == ["made", "peer"] * 4
    assert len(took["ours"].runs) == 3
    assert took["ours"].wall.high < 0.02


def test_a_run_elsewhere_tells_what_it_took():
    took = interleaved(2, {"peer": lambda: Taken(wall=8.0, cpu=4.0)})
    assert took["peer"] == Sample((Taken(8.0, 4.0),) * 2)
    assert took["peer"].cpu.rate(100) == Spread(25.0, 25.0, 25.0, 2)


def test_latencies_are_those_of_single_calls():
    found = interleaved_latencies(2, {"ours": lambda: latencies(time.sleep, [0.001, 0.001, 0.004])})
    assert 0.001 <= found["ours"].p50.median < found["ours"].p99.median
    assert found["ours"].p50.runs == 2


def test_a_call_apart_answers_and_its_peak_memory_is_seen():
    told = call_apart(json.dumps, [1, 2])
    assert told.answer == "[1, 2]"
    many = call_apart(json.loads, "[" + ",".join(["0"] * 100_000) + "]")
    assert len(many.answer) == 100_000
    assert many.peak_bytes >= many.largest_peak_bytes > 10 * 2**20


def test_a_call_apart_that_fails_says_what_it_wrote():
    with pytest.raises(RuntimeError, match="JSONDecodeError"):
        call_apart(json.loads, "{")


def test_the_peers_are_pinned_and_unpickle_with_our_own_scikit_learn():
    from sklearn import __version__ as ours

    text = environment.LOCK.read_text(encoding="utf-8")
    entries = text.replace("\\\n", " ").splitlines()
    assert not [entry[:80] for entry in entries if not re.match(r"[\w-]+==\S+( ;.*?)?\s+--hash=sha256:", entry)]
    assert "://" not in text
    pins = dict(entry.split()[0].split("==") for entry in entries)
    assert pins["scikit-learn"] == ours
    assert {"shap", "treelite", "tl2cgen", "onnxruntime", "skl2onnx"} <= set(pins)


def test_an_environment_that_cannot_be_made_is_told_and_not_kept(tmp_path, monkeypatch, capsys):
    def offline(command: list[str]) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="no network")

    monkeypatch.setenv(environment.HOME, str(tmp_path))
    monkeypatch.setattr(environment, "_run", offline)
    for _ in range(2):
        with pytest.raises(environment.PeersUnavailable, match="could not be made"):
            environment.peers_python()
        assert "no network" in capsys.readouterr().err


def test_without_an_environment_every_peer_is_a_failure_that_says_why():
    from benchmarks.scorer_peers import ScorerPeers

    shap = ScorerPeers(None, "no network").prepared("shap", "numeric")
    assert (shap.failure, shap.answers) == ("no network", None)


def test_importing_the_list_of_benchmarks_imports_none_of_them():
    code = "import benchmarks.__main__, sys; print([m for m in ('sklearn', 'sqlalchemy', 'numba') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
