"""Makes the large batch: its use case, its files, and the releases that decide it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet
import yaml

from benchmarks.large_batch.source import FILE_ROWS, KEY
from benchmarks.reference_model import CATEGORY_COUNTS, drawn_rows, number_names, reference_model, second_model

if TYPE_CHECKING:
    from decisionloop.ledger.releases import Release
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.predict.scorer.scorer import CompiledScorer
    from decisionloop.release.grounds import Judgement

AS_OF = datetime(2026, 1, 5, tzinfo=UTC)
CODE = ("features.py", "rules.py", "source.py")
REFERENCE_ROWS = 20_000


def write_use_case(usecases: Path, rows: int, reasons: int = 3) -> Path:
    """Write the use case and the files of `rows` customers; files that are there are kept.

    ``reasons``: how many are logged with each decision.
    """
    folder, here = usecases / "large_batch", Path(__file__).parent
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name in CODE:
        shutil.copy(here / name, folder)
    contract = yaml.safe_load((here / "usecase.yaml").read_text()) | {"features": _features()}
    contract["model"]["reasons"] = reasons
    (folder / "usecase.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    for number in range(-(-rows // FILE_ROWS)):
        _write_file(folder / "data" / f"{number:05d}.parquet", number, min(FILE_ROWS, rows - number * FILE_ROWS))
    return folder


def _write_file(path: Path, number: int, rows: int) -> None:
    if path.exists():
        return
    frame = drawn_rows(rows, "categorical", seed=1_000 + number)
    keys = [f"{one:08d}" for one in range(number * FILE_ROWS, number * FILE_ROWS + rows)]
    pyarrow.parquet.write_table(pa.Table.from_pandas(frame.assign(**{KEY: keys}), preserve_index=False), path)


def _features() -> list[dict[str, Any]]:
    numbers: list[dict[str, Any]] = [
        {"name": name, "type": "number", "wording": name.replace("_", " "), "range": [-20, 20], "is_nullable": True}
        for name in number_names("categorical")
    ]
    for position, count in enumerate(CATEGORY_COUNTS):
        values = [f"v{value:02d}" for value in range(count)]
        numbers.append(
            {
                "name": f"category_{position}",
                "type": "category",
                "wording": f"category {position}",
                "categories": values,
            }
        )
    return [{**one, "purpose": "drawn"} for one in numbers]


def install_releases() -> None:
    """Register the reference model as champion and a second one of its size in shadow, in the process's settings."""
    from decisionloop.ledger.release_changes import change_stages, register_release
    from decisionloop.ledger.releases import Release, release_id_of
    from decisionloop.ledger.storage.facts import canonical_json
    from decisionloop.ledger.use_cases import record_use_case
    from decisionloop.monitor.compare.score_shift import reference_scores
    from decisionloop.predict.release_model import ReleaseModel, predict
    from decisionloop.release.grounds import GATE, Grounds
    from decisionloop.release.requests import EnterShadow, Promote
    from decisionloop.release_store import save_release
    from decisionloop.workspace import open_workspace
    from tasks.predict.register_rules import ensure_rules

    workspace = open_workspace("large_batch")
    use_case, ledger = workspace.use_case, workspace.ledger
    record_use_case(ledger, use_case.name, use_case.digest, use_case.version, workspace.folder.text)
    rules = ensure_rules(workspace, AS_OF)
    frame = drawn_rows(REFERENCE_ROWS, "categorical", seed=2)
    write = use_case.action_names.index("write")
    for stage, train in _TRAINED.items():
        models = workspace.folder.folder.parents[1] / "models"  # one for all sizes
        model = ReleaseModel(_scorer(models / f"{stage}.scorer", train), None)
        digest = save_release(workspace.snapshots, ledger, model)
        told = predict(use_case, model, frame)
        assert told.probability is not None
        release = Release(
            release_id=release_id_of(use_case.name, "gradient_boosting", use_case.digest, digest),
            use_case=use_case.name,
            kind="gradient_boosting",
            contract_digest=use_case.digest,
            scorer_digest=digest,
            training_set_id=None,
            mlflow_version=None,
            reference_scores=canonical_json(reference_scores(told.probability[:, write])),
            card_json=canonical_json({"kind": "gradient_boosting", "latency_ms": 0.0}),
            created_at=AS_OF,
        )
        register_release(ledger, release, "for the benchmark", "benchmark")
        grounds = Grounds(GATE, "for the benchmark", AS_OF)
        change_stages(ledger, use_case.name, EnterShadow(release.release_id), grounds)
        if stage == "champion":
            change_stages(ledger, use_case.name, Promote(release.release_id, _judged(ledger, release, rules)), grounds)


def _judged(ledger: Ledger, model: Release, rules: str) -> Judgement:
    """A verdict, as if the gate had looked: a model decides by no other way."""
    from decisionloop.ledger.release_changes import judgement_of
    from decisionloop.ledger.verdicts import Verdict, append_verdict

    said = Verdict(model.use_case, model.release_id, rules, 2, AS_OF, "promote", "[]", "{}", AS_OF)
    append_verdict(ledger, said)
    return judgement_of(ledger, said.verdict_id)


_TRAINED: dict[Literal["champion", "shadow"], Callable[[], CompiledScorer]] = {
    "champion": lambda: reference_model("categorical").scorer,
    "shadow": lambda: second_model("categorical"),
}


def _scorer(file: Path, train: Callable[[], CompiledScorer]) -> CompiledScorer:
    """The scorer kept in ``file``, trained where there is none."""
    from decisionloop.predict.scorer.scorer import CompiledScorer

    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(train().to_bytes())
    return CompiledScorer.from_bytes(file.read_bytes())
