"""A service on the ledger of a use case that has lived: made once a session, and copied for every test."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from decisionloop.contract import UseCase
from decisionloop.ledger.api_keys import keep_key
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import KILL_SWITCH, set_flag
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.snapshots import SnapshotStore
from tests.ledger.conftest import batch_rows
from tests.report.conftest import use_case  # noqa: F401  the contract that its ledger is filled under
from tests.report.test_assemble import MODEL_ID, WEEKS, day, fill
from tests.watched_ledger import raise_alarm

CASE, HELD_AS_OF = "/use-cases/credit_line", day(7, 22)
HELD, INCIDENT = "credit_line/2005-07-22", f"credit_line/inputs/{WEEKS[3]:%Y-%m-%d}"
APPROVER = "head@example.com"
SOURCE = """
class Replay:
    time_column = "at"
    def calendar(self): return ["2005-06-03"]
    def due(self, as_of, covers_days): raise NotImplementedError  # no page reads a source
    known = newest_time = outcomes = due
def source(use_case, folder): return Replay()
"""
CODE = {
    "features.py": "def features(known, as_of): return known\n",
    "rules.py": "def rules(features): return features\n",
    "source.py": SOURCE,
}


def write_contract(folder: Path, contract: UseCase, **other: object) -> str:
    """Write a use case below ``folder``, with other words where they are given; returns its text."""
    content = {**contract.model_dump(mode="json", by_alias=True, exclude_unset=True), **other}
    text = yaml.safe_dump(content, allow_unicode=True)
    (folder / contract.name).mkdir(parents=True, exist_ok=True)
    for name, code in {**CODE, "usecase.yaml": text}.items():
        (folder / contract.name / name).write_text(code, encoding="utf-8")
    return text


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, use_case: UseCase) -> Path:  # noqa: F811
    """Five weeks of the credit lines: one batch halted, a model that decides, an incident, three actions unsent."""
    root = tmp_path_factory.mktemp("page")
    (root / "home").mkdir()
    shutil.copy(sqlite_template, root / "home" / "ledger.db")
    text = write_contract(root / "usecases", use_case)
    with open_ledger(f"sqlite:///{root / 'home' / 'ledger.db'}") as ledger:
        record_use_case(ledger, "credit_line", use_case.digest, 1, text)
        fill(ledger, use_case, SnapshotStore(str(root / "home" / "snapshots")))
        open_batch(ledger, "credit_line", HELD_AS_OF, use_case.digest)
        rows = batch_rows(6, HELD_AS_OF).decisions.assign(role="champion", release_id=MODEL_ID)
        with ledger.begin() as connection:
            append_decisions(connection, rows.assign(contract_digest=use_case.digest))
        append_batch_event(ledger, HELD, "decided")
        raise_alarm(ledger, "credit_line", WEEKS[3])
    return root


@pytest.fixture
def ledger(lived: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A copy of that ledger, and of everything beside it."""
    shutil.copytree(lived, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path / "usecases"))
    with open_ledger(f"sqlite:///{home / 'ledger.db'}") as opened:
        yield opened


class _Seen(HTMLParser):
    """The text of a page, the exact figures behind it, and the hidden fields of its forms."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.figures: list[str] = []
        self.fields: dict[str, str] = {}
        self.skipping = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.skipping = tag in {"style", "script"}
        if tag == "data":
            self.figures.append(str(told["value"]))
        if tag == "input" and told.get("type") == "hidden":
            self.fields.setdefault(str(told["name"]), str(told["value"]))

    def handle_endtag(self, tag: str) -> None:
        self.skipping = False

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.parts.append(data)


@dataclass(frozen=True)
class Looked:
    """A page that was looked at: its answer, its words as one line, the figures in it, its hidden fields."""

    answer: Any
    text: str
    figures: tuple[float, ...]
    fields: dict[str, str]


@dataclass(frozen=True)
class Site:
    """The pages of a running service, as a browser without scripts has them."""

    client: Any
    ledger: Ledger
    tokens: dict[str, str] = field(default_factory=dict)

    def look(self, path: str = "/", **headers: str) -> Looked:
        """A page."""
        return self._looked(self.client.get(path, headers=headers))

    def send(self, path: str, seen: str = CASE, **fields: str) -> Any:
        """The answer to a form as it is filled in: one of the page ``seen``, or of one that was seen before."""
        told = {"form_token": self._token(seen), **fields}
        return self.client.post(path, data=told, follow_redirects=False)

    def _token(self, seen: str) -> str:
        """What every form of this sign-in sends along."""
        if self._session() not in self.tokens:
            token = self.look(seen).fields.get("form_token", "")
            self.tokens[self._session()] = token
        return self.tokens[self._session()]

    def _session(self) -> str:
        return str(self.client.cookies.get("decisionloop", ""))

    def sign_in(self, key: str) -> Any:
        """Sign in with a key."""
        return self.send("/sign-in", "/", key=key, next=CASE)

    def make_key(self, name: str, *scopes: str) -> str:
        """A key of the ledger."""
        key = f"the key of {name} for {' and '.join(scopes)}"
        keep_key(self.ledger, name, hashlib.sha256(key.encode()).hexdigest(), list(scopes), "a test")
        return key

    def hold(self) -> None:
        """Turn the kill switch on, as it holds what waits."""
        set_flag(self.ledger, "credit_line", KILL_SWITCH, "on", "too many complaints", "anna")

    @staticmethod
    def _looked(answer: Any) -> Looked:
        seen = _Seen()
        seen.feed(answer.text)
        text = re.sub(r"\s+", " ", " ".join(seen.parts)).replace(" .", ".")
        return Looked(answer, text, tuple(float(one) for one in seen.figures), seen.fields)


@pytest.fixture
def open_site(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Site]:
    """Makes the site of the ledger at a URL, the filled one unless another is named; keys count at once."""
    monkeypatch.setattr("decisionloop.service.keys.READ_AGAIN_SECONDS", 0)

    def make(**where: str) -> Site:
        running = serve("", **where)
        return Site(running.client, running.ledger)

    return make


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """The site, without any key."""
    return open_site()
