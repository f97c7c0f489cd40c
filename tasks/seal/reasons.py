"""People are told of rules that decided somebody one at a time and could not say why."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.predict.arrow_values import values_of
from decisionloop.predict.rules import GAVE_NONE
from decisionloop.stream.decide import Decided
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.halting import Stop, warn_while_it_goes_on

REASON = "for some who were decided one at a time rules.py gave no reason: its reasons() failed, or gave no text"
WHAT_FOLLOWS = "The rules' actions stand, and where the rules decided, the decision says that they gave no reason."
REMEDY = (
    "Correct reasons() in rules.py: a text for every row, missing features included. The service's log names the line. "
    "Then restart the service."
)


def tell_of_missing_reasons(hand: BatchInHand, segments: Sequence[Decided]) -> None:
    """Warn of decisions for which the rules' `reasons` gave none, once while it goes on."""
    said = {text for one in segments for text in values_of(one.scores["rules_reason_codes"])}
    if any(text is not None and f'{GAVE_NONE}"]' in text for text in said):
        stop = Stop("validation", "reasons of the rules", [REASON], [REMEDY])
        warn_while_it_goes_on(hand, stop, "warning", WHAT_FOLLOWS)
