"""From the last audit of each release beside the champion to the sentences of the page."""

from __future__ import annotations

from decisionloop.contract import UseCase
from decisionloop.ledger.releases import baseline, challengers
from decisionloop.ledger.shadow_audits import last_audit
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.report.record.story import BesideLines
from decisionloop.report.words.naming import ReleaseNames
from decisionloop.report.words.shadow import shadow_sentences


def beside_lines(ledger: Ledger, use_case: UseCase, names: ReleaseNames) -> tuple[BesideLines, ...]:
    """Whoever stands beside the champion and was audited, by the name that the page gives it.

    Beside another system that is the rules as well.
    """
    rules = baseline(ledger, use_case.name) if use_case.is_observing else None
    beside = [one.release_id for one in challengers(ledger, use_case.name)]
    found = [last_audit(ledger, one) for one in ([] if rules is None else [rules.release_id]) + beside]
    return tuple(
        BesideLines(names[one.release_id], tuple(names.in_words(said) for said in shadow_sentences(one, use_case)))
        for one in found
        if one is not None
    )
