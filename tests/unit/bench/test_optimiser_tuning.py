"""Sweeps choose what uses least of what keeps the index everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from bench.optimiser_rooms import Outcome
from bench.optimiser_tuning import TUNING_SEEDS, Order, Sweep
from optimiser.baselines import Fixed, PiTuning


class Here:
    """A pool that works at once, in order."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def map(self, work: Any, orders: list[Order]) -> list[Outcome]:
        self.orders += orders
        return [work(order) for order in orders]


def sweep(pool: Here, work: Any) -> Sweep:
    return Sweep(pool, work, size=(1, 1, 1), days=0.1, rci=96.0, say=lambda _: None)  # type: ignore[arg-type]


def test_least_energy_of_those_that_keep_the_index_on_every_plant() -> None:
    def work(order: Order) -> Outcome:
        assert isinstance(order.control, Fixed)
        warm = order.control.setpoint_c
        # The second plant is the harder one.
        index = 100.0 - (warm - 20.0) - (0.0 if order.seed == TUNING_SEEDS[0] else 0.6)
        return Outcome(cooling_kwh=1000.0 - warm, rci_hi=index, violations=1 if warm == 23.0 else 0)

    pool = Here()
    found = sweep(pool, work).best([Fixed(t, 0.8) for t in (21.0, 22.0, 23.0, 24.0, 25.0)])
    assert found == Fixed(22.0, 0.8)
    # What failed on the first plant was not tried on the second.
    assert [order.control.setpoint_c for order in pool.orders if order.seed == TUNING_SEEDS[1]] == [21.0, 22.0, 24.0]  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="widen"):
        sweep(Here(), lambda _: Outcome(rci_hi=90.0)).best([Fixed(22.0, 0.8)])


def test_pi_is_tuned_in_gain_time_and_reference() -> None:
    def work(order: Order) -> Outcome:
        pi = order.control
        assert isinstance(pi, PiTuning)
        far = abs(pi.reference_c - 29.25) + abs(pi.gain - 0.8) + abs(pi.integral_s - 540.0) / 1000.0
        return Outcome(cooling_kwh=100.0 + far + (5.0 if pi.moves == "fan" else 0.0), rci_hi=97.0)

    found = sweep(Here(), work).pi()
    assert (found.moves, found.gain, found.integral_s, found.reference_c) == ("setpoint", 0.8, 540.0, 29.25)
