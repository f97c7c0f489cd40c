"""The drift benchmark compares two that answer the same question, and says so where the peer is not to be had."""

from __future__ import annotations

import re

import pytest

from benchmarks import drift
from benchmarks.peers import environment
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.windows import Window
from decisionloop.monitor.inputs import judge_inputs


def test_the_feature_that_moved_is_the_one_that_is_found():
    use_case = drift._use_case()
    reference, current = drift._frames(3_000)
    stored = Reference.of(use_case, reference)
    profile = FrameProfile.of(current, stored.bins)
    findings = judge_inputs(Terms.of(use_case), [Window(1, profile)], stored, (), {})
    assert {one.slice for one in findings if one.is_alarm} == {f"feature={drift.MOVED}"}
    counted = drift._histograms(current, stored)()
    assert counted[3][0].tolist() == list(profile.counts[drift.MOVED][:-1])  # the floor does the same work


def test_without_its_environment_the_peer_is_a_failure_that_says_why(monkeypatch):
    def offline(lock):
        raise environment.PeersUnavailable("offline")

    monkeypatch.setattr(drift, "peers_python", offline)
    reference, current = drift._frames(50)
    figures = list(drift._beside_evidently("judged", reference, current, tuple, 1))
    assert [figure.note for figure in figures] == ["offline", "offline"]
    assert figures[0].is_met is False


def test_evidently_is_pinned_with_hashes_from_no_place_in_particular():
    text = environment.EVIDENTLY_LOCK.read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9_.-]+)==(\d+)[^\n]*((?:\n    --hash=[^\n]*)*)", text, flags=re.MULTILINE)
    assert {"evidently", "pandas"} <= {name for name, _, _ in pins}
    assert all("sha256" in hashes for _, _, hashes in pins)
    assert next(major for name, major, _ in pins if name == "pandas") == "2"
    assert "://" not in text


@pytest.mark.parametrize("lock", [environment.LOCK, environment.EVIDENTLY_LOCK], ids=lambda lock: lock.name)
def test_every_environment_has_a_folder_of_its_own(lock, tmp_path, monkeypatch):
    made = []
    monkeypatch.setenv(environment.HOME, str(tmp_path))
    monkeypatch.setattr(environment, "_make", lambda folder, python, asked: (folder.mkdir(), made.append(asked)))
    first = environment.peers_python(lock)
    assert environment.peers_python(lock) == first
    assert made == [lock]
