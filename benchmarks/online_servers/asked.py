"""The rows that every server is asked about, as the whole HTTP requests that each of them takes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.reference_model import drawn_rows

ROWS = 500
BodyOf = Callable[[str, dict[str, object]], object]
"""The body (JSON) that asks about an entity with these features."""


def as_ours(entity: str, features: dict[str, object]) -> object:
    """Our body, and the bare endpoint's and BentoML's."""
    return {"entity": entity, "features": features}


def as_mlflow(entity: str, features: dict[str, object]) -> object:
    """What MLflow's scoring server takes; it knows no entity."""
    return {"dataframe_split": {"columns": [*features], "data": [[*features.values()]]}}


def write_requests(file: Path, path: str, body_of: BodyOf, key: str = "") -> Path:
    """Write the requests one a line, for `benchmarks.peers.http_load`; returns the file."""
    return write_bodies(file, path, [body_of(f"e{i}", one) for i, one in enumerate(rows_asked())], key)


def write_bodies(file: Path, path: str, bodies: Iterable[object], key: str = "") -> Path:
    """The same of bodies that are known."""
    lines = [base64.b64encode(_request(path, one, key)).decode() for one in bodies]
    file.write_text("\n".join(lines), encoding="ascii")
    return file


def rows_asked() -> list[dict[str, Any]]:
    """Features without anything missing: a column of one missing number is no number to pandas, and so to no peer."""
    drawn = drawn_rows(3 * ROWS, "categorical", seed=5).dropna().head(ROWS).to_dict("records")
    return [{str(name): value for name, value in one.items()} for one in drawn]


def _request(path: str, body: object, key: str) -> bytes:
    content = json.dumps(body).encode()
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{bearer}"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
