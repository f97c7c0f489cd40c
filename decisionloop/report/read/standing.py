"""From the ledger to where a use case stands: its releases, and what waits for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from decisionloop.ledger.approvals import waiting_for_people
from decisionloop.ledger.flag_spans import ended_flags
from decisionloop.ledger.flags import Switch, switch_of
from decisionloop.ledger.held_actions import waiting_actions
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.missed_due import left_undecided
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.ledger.releases import ReleaseStage, champion, current_stages
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.sendings import unended_sendings
from decisionloop.report.read.gathered import Gathered
from decisionloop.report.record.standing import LiveRelease, Standing, Waiting
from decisionloop.report.words.naming import StoryClock

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


LAST_ENDED = 3
"""Kill switches that hold no more and are told of."""


def standing_of(ledger: Ledger, name: str, read: Gathered) -> Standing:
    """Who decides, who stands beside, and what waits; ``read``: what was gathered of the use case ``name``."""
    return Standing(releases_as_they_stand(current_stages(ledger, name), read), waiting_of(ledger, name))


def waiting_of(ledger: Ledger, name: str) -> Waiting:
    """What waits for a person."""
    switch, decides = switch_of(ledger, name), champion(ledger, name)
    own = Switch(tuple(one for one in switch.holding if one.scope == "use case"))
    return Waiting(
        switch=switch.decisive(decides.release_id if decides else None),
        own_switch=own.decisive(None),
        flags=switch.holding,
        not_called_back=unended_sendings(ledger, name) if switch.holding else (),
        held=waiting_actions(ledger, name),
        approvals=waiting_for_people(ledger, name, utc_now()),
        incidents=open_incidents(ledger, name),
        cohorts=tuple(held_cohorts(ledger, name).values()),
        alerts=present_alerts(ledger, name),
        undecided=tuple((cohort, int(many)) for cohort, many in sorted(left_undecided(ledger, name).items()) if many),
        ended_flags=ended_flags(ledger, name, LAST_ENDED),
    )


def releases_as_they_stand(stages: Sequence[ReleaseStage], read: Gathered) -> tuple[LiveRelease, ...]:
    """Where each release stands, since when, by whom and why, in the story's names."""
    clock = StoryClock(read.handled.batches)
    return tuple(
        LiveRelease(
            release_id=one.release_id,
            name=read.names[one.release_id],
            stage=one.stage,
            since=clock.day_of(one.event),
            by=one.event.decided_by,
            reason=read.names.in_words(one.event.reason),
            share=one.event.share,
        )
        for one in stages
    )
