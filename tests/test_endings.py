"""What a run came to is told by few names, and the most telling one stays."""

from __future__ import annotations

import pickle

import pytest

from decisionloop.endings import Told, ending_of, ending_of_error, joined
from decisionloop.errors import ApprovalAwaited, BatchHalted, ConfigurationError, DeploymentStopped, UsageError
from tasks.tell.run_log import first_sentence


def test_sentences_are_joined_and_the_most_telling_ending_stays():
    told = joined(["", Told("No.", "Refused"), "Seen.", Told("Yes.", "Promoted")])
    assert (told, told.ending) == ("No. Seen. Yes.", "Promoted")
    assert joined([]).ending == ending_of("a plain text") == ending_of(3) == "Completed"


def test_it_goes_from_process_to_process():
    told = pickle.loads(pickle.dumps(Told("No.", "Refused")))
    assert (told, told.ending) == ("No.", "Refused")


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (BatchHalted("a/1", "nulls", "Look."), "Halted"),
        (DeploymentStopped("gate", "No."), "Refused"),
        (UsageError("No such release."), "Refused"),
        (ApprovalAwaited("Ask."), "Approval awaited"),
        (ConfigurationError("No database."), "Failed"),
    ],
)
def test_an_error_of_ours_names_the_end_of_its_run(error, ending):
    assert ending_of_error(error) == ending


def test_a_step_says_what_it_does_by_the_first_sentence_of_its_docstring():
    assert first_sentence("Look at ``it``\n    twice; returns how often.\n\n    More.") == "Look at it twice."
    assert first_sentence("Look. And go.") == "Look."
