"""How a life of many batches becomes a slope; no batch is decided here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.growth import figures_of, slope_of
from benchmarks.many_batches.fixed_work import fixed_work_seconds
from benchmarks.many_batches.life import TurnTaken


def turns(power: float) -> list[TurnTaken]:
    """A life whose seconds grow by a power of the number of batches, with a training and a busy machine in it."""
    flows = ("predict", "act", "observe", "learn", "chain")
    taken = [0.2 * (1 + number) ** power * (9 if number == 150 else 1) for number in range(200)]
    return [
        TurnTaken(dict.fromkeys(flows, one), 500, 1024 * number, 300, is_trained=number == 70, fixed_work=0.01)
        for number, one in enumerate(taken)
    ]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_a_slope_is_the_power_by_which_a_batch_costs_more(power):
    seconds, units, machine, *flows, memory, stored, trained = figures_of(turns(power))
    assert seconds.number == pytest.approx(power, abs=0.01)
    assert seconds.is_met is (power == 0)
    assert (units.number, machine.number) == (pytest.approx(power, abs=0.01), pytest.approx(0))
    assert [one.number for one in flows] == pytest.approx([power] * 5, abs=0.01)
    assert (memory.number, memory.is_met) == (pytest.approx(0), True)
    assert (stored.number, stored.beside_number) == (1, 1)
    assert trained.note == "1"
    assert slope_of([1.0, 2.0], [3.0, 6.0]) == pytest.approx(1)


def test_a_machine_that_becomes_slower_makes_no_batch_dearer_in_units_of_the_work_beside_it():
    slower = [1 + number / 400 for number in range(200)]
    life = [
        replace(one, seconds=dict.fromkeys(one.seconds, 0.2 * by), fixed_work=0.01 * by, is_trained=False)
        for one, by in zip(turns(0.0), slower, strict=True)
    ]
    seconds, units, machine, *_ = figures_of(life)
    assert (seconds.is_met, units.is_met) == (False, True)
    assert units.number == pytest.approx(0, abs=1e-9)
    assert machine.number == pytest.approx(seconds.number)


def test_the_fixed_work_takes_time():
    assert fixed_work_seconds() > 0
