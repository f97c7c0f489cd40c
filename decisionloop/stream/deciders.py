"""Who decides now, as the ledger says: read before deciding, and held against it in the transaction that keeps it."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from decisionloop.act.canary import OnTrial
from decisionloop.act.exploration.agreement import AgreedExploring
from decisionloop.act.exploration.logged_prices import read_prices
from decisionloop.act.exploration.seen_cohorts import cohorts_of
from decisionloop.act.exploration.seen_money import NOTHING_SEEN, SeenMoney, together
from decisionloop.act.situation import BY_SWITCH
from decisionloop.errors import ConfigurationError
from decisionloop.ledger.agreed_prices import LoggedPrices, last_prices, prices_of
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.releases import Release, canary, challengers, present_rules, standing
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import first_segment_since, last_changes, last_release_seq
from decisionloop.stream.desk import Desk, require_current
from decisionloop.stream.periods import online_of


@dataclass(frozen=True)
class Signed:
    """By whom a segment was decided: everything that a batch says once of all its decisions.

    ``rules_because``: why the rules decided in place of a model, "" where they did not. ``priced_by``: the batch whose
    prices exploring used, "" where none was needed or there was none. ``seen``: the digest of what had been seen then.
    """

    contract_digest: str
    code_digest: str
    champion: str
    rules: str
    release_seq: int
    on_trial: str | None
    trial_share: float | None
    challengers: tuple[str, ...]
    rules_because: str
    priced_by: str
    seen: str | None

    def to_json(self) -> str:
        """Text that is equal where everything is."""
        return _as_json(self)

    @classmethod
    def from_json(cls, text: str) -> Signed:
        """What :meth:`to_json` wrote."""
        told = json.loads(text)
        return cls(**told | {"challengers": tuple(told["challengers"])})

    @property
    def trial(self) -> OnTrial | None:
        """The release on trial; None where none was."""
        return None if self.on_trial is None else OnTrial(self.on_trial, float(self.trial_share or 0.0))


@functools.lru_cache(maxsize=16)
def _as_json(signed: Signed) -> str:
    """Kept: one segment after another is decided by the same."""
    return json.dumps(asdict(signed), sort_keys=True)


@dataclass(frozen=True, eq=False)
class Deciders:
    """Who decides now, and how is explored: ``exploring`` None where the batch's prices are needed and there are none,
    or where each segment agrees by itself (a flat share)."""

    signed: Signed
    champion: Release
    challengers: tuple[Release, ...]
    exploring: AgreedExploring | None
    seen: SeenMoney


def read_deciders(desk: Desk) -> Deciders:
    """Who decides now. Raises ConfigurationError where no rules are registered, or others than this process knows."""
    ledger, use_case = desk.workspace.ledger, desk.use_case
    with ledger.connect() as connection:
        seq = last_release_seq(connection, use_case.name)
        now = standing(connection, use_case.name)
        if now is None:
            raise ConfigurationError(f"no rules of {use_case.name} are registered. Restart the service.")
        rules = present_rules(connection, use_case.name) if now.baseline.release.is_default_action else now.baseline
        require_current(desk, "" if rules is None else rules.release_id)
        switch = switch_of(connection, use_case.name)
        found = canary(connection, use_case.name)
        is_trying = found is not None and found.event.share is not None and found.release_id not in switch.stopped
        trial = found if is_trying else None
        beside = tuple(one.release for one in challengers(connection, use_case.name))
        because = BY_SWITCH[switch.position_for(now.champion.release_id)]
    exploring, seen, digest, priced_by = _prices(desk)
    signed = Signed(
        contract_digest=use_case.digest,
        code_digest=desk.workspace.code.digest,
        champion=now.champion.release_id,
        rules=now.baseline.release_id,
        release_seq=seq,
        on_trial=None if trial is None else trial.release_id,
        trial_share=None if trial is None else trial.event.share,
        challengers=tuple(one.release_id for one in beside),
        rules_because=because,
        priced_by=priced_by,
        seen=digest,
    )
    return Deciders(signed, now.champion.release, beside, exploring, seen)


def still_decide(connection: Connection, use_case: str, signed: Signed) -> bool:
    """Whether the switch and the releases are as they were when this was decided."""
    by_switch = signed.rules_because if signed.rules_because in BY_SWITCH.values() else ""
    seq, turned = last_changes(connection, use_case)
    if seq != signed.release_seq:
        return False
    if not turned:  # nobody ever turned it: nothing forbids anything
        return not by_switch
    switch = switch_of(connection, use_case)
    return by_switch == BY_SWITCH[switch.position_for(signed.champion)] and signed.on_trial not in switch.stopped


def _prices(desk: Desk) -> tuple[AgreedExploring | None, SeenMoney, str | None, str]:
    """How to explore at the prices of the last decided batch, what had been seen then, its digest, and the batch.

    Prices that a watching period has begun with hold until its end: what is decided at others is another batch.
    """
    workspace, use_case = desk.workspace, desk.use_case
    if not use_case.is_explored or use_case.policy.exploration.kind != "priced":
        return None, NOTHING_SEEN, None, ""
    found = _prices_of_period(desk) or last_prices(workspace.ledger, use_case.name, use_case.digest)
    if found is None:
        return None, NOTHING_SEEN, None, ""
    priced = read_prices(use_case, found.prices)
    if priced.seen_digest is None:
        return priced.exploring, NOTHING_SEEN, None, found.batch_id
    table = workspace.snapshots.get_table(priced.seen_digest)
    return priced.exploring, together(one.seen for one in cohorts_of(table)), priced.seen_digest, found.batch_id


def _prices_of_period(desk: Desk) -> LoggedPrices | None:
    """The prices that the present watching period has begun with; None where there were none yet."""
    ledger, use_case = desk.workspace.ledger, desk.use_case
    first = first_segment_since(ledger, use_case.name, online_of(use_case).begin_of_period(utc_now()))
    signed = None if first is None else Signed.from_json(first.deciders)
    if signed is None or not signed.priced_by or signed.contract_digest != use_case.digest:
        return None
    return prices_of(ledger, signed.priced_by)
