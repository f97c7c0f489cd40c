"""What a status says of things that the page says too: sentences of the same records, each with what it claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

if TYPE_CHECKING:
    from decisionloop.cli.evidence import Evidence
    from decisionloop.cli.monitors import MonitorStatus
    from decisionloop.learn.tried_otherwise import TriedOtherwise
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.report.record.beside import Caveat
    from decisionloop.report.record.claims import Said
    from decisionloop.report.record.evidence import ActionFigures, Promise
    from decisionloop.report.record.lines import VerdictStory
    from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class StatusRecords:
    """The story's own records that a status speaks of. ``stakes``: money a batch of every open incident."""

    caveats: Sequence[Caveat]
    stakes: Sequence[float | None]
    verdicts: Sequence[VerdictStory]
    actions: Sequence[ActionFigures]
    promises: Sequence[Promise]
    is_observed: bool = False
    tried: TriedOtherwise | None = None


class InDoubt(TypedDict):
    """Fields of a status. ``at_stake_per_batch``: currency, None where nothing is."""

    at_stake_per_batch: float | None
    at_stake: str
    untold: str


@dataclass(frozen=True)
class StatusWords:
    """The sentences; ``last_verdict`` is "" before the first."""

    caveats: tuple[str, ...]
    at_stake: Said
    last_verdict: str
    actions: tuple[str, ...]
    promises: tuple[str, ...]
    untold: str = ""

    @classmethod
    def of(cls, told: StatusRecords, currency: str) -> StatusWords:
        """The sentences of these records."""
        from decisionloop.report.words.evidence import action_in_brief, promise_sentence
        from decisionloop.report.words.explaining import verdict_in_brief
        from decisionloop.report.words.monitor_sentences import at_stake_sentence
        from decisionloop.report.words.trying import untold_line

        return cls(
            caveats=tuple(one.words for one in told.caveats),
            at_stake=at_stake_sentence(told.stakes, currency),
            last_verdict=verdict_in_brief(told.verdicts[-1]) if told.verdicts else "",
            actions=tuple(action_in_brief(one, currency, told.is_observed) for one in told.actions),
            promises=tuple(promise_sentence(one, currency) for one in told.promises),
            untold="" if told.tried is None else untold_line(told.tried),
        )

    @property
    def in_doubt(self) -> InDoubt:
        """What stands against what was earned: what open incidents put at stake, and that nothing can be told yet."""
        stake = cast("float | None", self.at_stake.claims["at_stake"])
        return {"at_stake_per_batch": stake, "at_stake": self.at_stake, "untold": self.untold}

    def __iter__(self) -> Iterator[str]:
        yield from (*self.caveats, self.at_stake, self.last_verdict, *self.actions, *self.promises, self.untold)


def records_of(workspace: Workspace, proof: Evidence, watched: Sequence[MonitorStatus]) -> StatusRecords:
    """What the status says in the page's words, from the records that the page is made of."""
    from decisionloop.ledger.batches import batches
    from decisionloop.report.read.beside import caveats_of
    from decisionloop.report.read.trying import tried_otherwise
    from decisionloop.report.words.legacy import subject_of

    ledger, use_case = workspace.ledger, workspace.use_case
    return StatusRecords(
        caveats=caveats_of(ledger, use_case, proof.money),
        stakes=[one.stake_total for one in watched if one.incident_id],
        verdicts=_verdicts(ledger, use_case.name),
        actions=proof.actions,
        promises=proof.promises,
        tried=tried_otherwise(ledger, use_case, batches(ledger, use_case.name)),
        is_observed=subject_of(proof.money) == "the other system",
    )


def _verdicts(ledger: Ledger, name: str) -> tuple[VerdictStory, ...]:
    """What the gate said of the challenger that it judged last, and what became of that one."""
    from decisionloop.ledger.releases import release_events
    from decisionloop.ledger.verdicts import verdicts
    from decisionloop.report.read.releases import verdict_lines
    from decisionloop.report.words.naming import ReleaseNames

    judged = verdicts(ledger, name)
    events = release_events(ledger, judged[-1].challenger_id) if judged else ()
    return verdict_lines(judged, ReleaseNames({}, {}), events)
