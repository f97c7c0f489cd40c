"""A contract that cannot be read when the service begins: /ready and whoever asks are told, and others are decided."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from decisionloop.service.app import create_app
from decisionloop.service.running import open_service
from decisionloop.settings import load_settings


def test_who_asks_is_told_and_so_is_ready(home_with_ledger: Path, tmp_path: Path, monkeypatch) -> None:
    contract = tmp_path / "usecases" / "broken" / "usecase.yaml"
    contract.parent.mkdir(parents=True)
    contract.write_text("use_case: [", encoding="utf-8")
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path / "usecases"))
    service = open_service(load_settings(), lambda _: None, is_open_without_keys=True)
    asking = TestClient(create_app(service), client=("127.0.0.1", 5), base_url="http://127.0.0.1")
    ready = asking.get("/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "the contract of broken could not be read" in ready.json()["why_not"]
    for what in ("decisions", "outcomes"):
        told = asking.post(f"/v1/broken/{what}", json={})
        assert (told.status_code, told.headers["Retry-After"]) == (503, "60")
        assert "could not be read" in told.text
    assert asking.post("/v1/other/decisions", json={}).status_code in (404, 405)
    service.access.close()
