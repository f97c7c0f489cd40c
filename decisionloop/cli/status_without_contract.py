"""What `decisionloop status` tells of a use case whose contract cannot be read: what the ledger alone knows."""

from __future__ import annotations

from decisionloop.settings import Settings


def lines_of_ledger(name: str, settings: Settings, last: int) -> tuple[str, ...]:
    """Who decides, how the kill switch stands, what waits and the ``last`` batches; () where the ledger knows none."""
    from decisionloop.cli.outbox import waiting_line
    from decisionloop.ledger.batches import batches
    from decisionloop.ledger.flags import switch_of
    from decisionloop.ledger.held_actions import waiting_actions
    from decisionloop.ledger.releases import champion
    from decisionloop.ledger.storage.engine import ledger_there
    from decisionloop.ledger.summary import batch_summary

    with ledger_there(settings.resolved_ledger_url(), settings.ledger_tuning) as ledger:
        if ledger is None:
            return ()
        decides, switch, made = champion(ledger, name), switch_of(ledger, name), batches(ledger, name)
        if decides is None and not made and not switch.holding:
            return ()
        stands = switch.position_for(decides.release_id) if decides else switch.position
        return (
            f"{name}: its contract cannot be read, so this is what the ledger knows alone.",
            f"  decides       {decides.release_id if decides else 'nobody yet'}",
            f"  kill switch   {stands}",
            *(f"  holds         {one.as_text()}" for one in switch.holding),
            *(f"  waits         {waiting_line(one)}" for one in waiting_actions(ledger, name)),
            *(f"  batch         {batch_summary(ledger, one.batch_id).as_text()}" for one in made[-last:]),
        )
