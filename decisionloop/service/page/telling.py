"""What the pages tell, read from the ledger for one request: nothing is kept between two of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.ledger.decision_access import record_access
from decisionloop.ledger.decision_search import FoundDecision, Sought, find_decisions
from decisionloop.ledger.readable_contract import ReadableContract, readable_contract
from decisionloop.ledger.use_cases import known_names
from decisionloop.report.read.explained import story_of_decision
from decisionloop.report.read.live import case_lines, read_live, read_release
from decisionloop.report.record.live import LiveReleasePage, LiveUseCase
from decisionloop.report.record.story import Story, UseCaseLines
from decisionloop.service.decisions import read_decision
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.page.refusals import Refused

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

MOST_FOUND = 100
_BEFORE = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FoundLine:
    """A decision that was found, in the contract's and people's words."""

    decision_id: str
    entity: str
    as_of: datetime
    action: str
    role: str
    release_id: str


@dataclass(frozen=True)
class DecisionPage:
    """One decision, told as the story tells its own, and whole."""

    story: Story


@dataclass(frozen=True)
class Telling:
    """Reads what pages say from one installation's ledger."""

    access: LedgerAccess

    @property
    def ledger(self) -> Ledger:
        """The ledger. Raises ConfigurationError while it cannot be opened."""
        return self.access.opened()

    def names(self) -> tuple[str, ...]:
        """The use cases that the ledger knows."""
        return known_names(self.ledger)

    def not_begun(self) -> tuple[str, ...]:
        """The use cases that have a folder, and of which the ledger knows nothing yet."""
        folders = self.access.settings.usecases_dir.glob("*/usecase.yaml")
        return tuple(sorted({one.parent.name for one in folders} - set(self.names())))

    def every(self) -> tuple[LiveUseCase, ...]:
        """Every use case that the ledger knows."""
        return tuple(read_live(self.ledger, name, self._contract(name)) for name in self.names())

    def one(self, name: str) -> LiveUseCase:
        """One use case. Raises Refused with 404 for one that the ledger does not know."""
        return read_live(self.ledger, self.known(name), self._contract(name))

    def known(self, name: str) -> str:
        """The name of a use case that the ledger knows. Raises Refused with 404 for any other."""
        if name not in self.names():
            raise Refused(404, "The ledger knows no such use case.")
        return name

    def release(self, release_id: str) -> LiveReleasePage:
        """One release. Raises Refused with 404 for one that the ledger does not know."""
        name = release_id.partition("/")[0]
        found = read_release(self.ledger, release_id, self._contract(self.known(name)))
        if found is None:
            raise Refused(404, "The ledger knows no such release.")
        return found

    def decision(self, decision_id: str, by: str) -> DecisionPage:
        """One decision; that ``by`` looked is kept. Raises Refused with 404 for one that the ledger does not know."""
        found = read_decision(self.access.settings, self.ledger, decision_id)
        if found is None:
            raise Refused(404, "The ledger knows no such decision.")
        record_access(self.ledger, found[1].name, decision_id, by, "page")
        return DecisionPage(story_of_decision(*found))

    def found(self, sought: Sought) -> tuple[UseCaseLines, tuple[FoundLine, ...]]:
        """What a search finds, newest first."""
        case = case_lines(sought.use_case, self._contract(self.known(sought.use_case)))
        return case, tuple(_line(one, case) for one in find_decisions(self.ledger, sought, MOST_FOUND))

    def story_of(self, name: str) -> Path | None:
        """Where the last written story of a use case is; None where none was written to its usual place."""
        path = self.access.settings.home / "reports" / f"{self.known(name)}.html"
        return path if path.is_file() else None

    def _contract(self, name: str) -> ReadableContract:
        return readable_contract(self.ledger, self.access.settings.usecases_dir, name)


def sought_by(form: dict[str, str]) -> Sought:
    """What a search form asks for; a day without its time is the whole day. Raises Refused with 422 for no date."""
    begin, end = _moment(form.get("from", "")), _moment(form.get("to", ""))
    is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", form.get("to", "").strip()) is not None
    end = None if end is None else end + (timedelta(days=1) if is_day else timedelta(microseconds=1))
    last = datetime.max.replace(tzinfo=UTC)
    return Sought(form.get("use_case", ""), begin or _BEFORE, end or last, form.get("entity", "").strip())


def _moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(422, "Write a time as 2026-03-01 or 2026-03-01T14:30, in UTC.") from None


def _line(one: FoundDecision, case: UseCaseLines) -> FoundLine:
    return FoundLine(one.decision_id, one.entity_id, one.as_of, case.wording(one.action), one.role, one.release_id)
