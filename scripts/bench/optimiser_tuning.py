"""The baselines of `make bench-optimiser`, tuned as well as sweeps can: on the hall they will run in, on other plants.

A plant of a sweep has hidden parameters, load and sensors of its own. The best setting is the one with least cooling
energy among those that keep the rack cooling index and every inlet's class on all of them. First which fixed setting,
then which reference, held value and moved quantity of PI controllers, then the gains of the best. Next:
:mod:`bench.optimiser`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from bench.optimiser_rooms import Control, FixedControl, OptimalControl, Outcome, PiControl, hall, run
from optimiser.baselines import Fixed, PiTuning
from optimiser.controller import Tuning

T = TypeVar("T", Fixed, PiTuning)

TUNING_SEEDS: Final = (101, 102)
FIXED: Final = tuple(Fixed(t, f) for t in (24.0, 24.5, 25.0, 25.5, 26.0) for f in (0.65, 0.7, 0.75, 0.8, 0.85, 0.9))
PI: Final = (
    *(PiTuning("setpoint", f, ref, 0.4, 900.0) for f in (0.7, 0.75, 0.8, 0.85) for ref in (28.5, 29.0, 29.5, 30.0)),
    *(PiTuning("fan", t, ref, 0.02, 900.0) for t in (24.0, 24.5, 25.0) for ref in (28.0, 28.5, 29.0, 29.5, 30.0)),
)
# Factors of a PI controller's gain, and of its integral time, and steps of its reference (K).
GAINS: Final = (0.5, 1.0, 2.0)
INTEGRALS: Final = (0.6, 1.0, 2.0)
REFERENCES: Final = (-0.25, 0.0, 0.25)


@dataclass(frozen=True, slots=True)
class Order:
    """One run for a worker: which hall, which plant, how long, under what."""

    size: tuple[int, int, int]
    seed: int
    days: float
    control: Fixed | PiTuning | Tuning
    loud: str = ""
    """How the run is called on standard error; nothing is said when empty."""


def carry_out(order: Order, say: Callable[[str], None]) -> Outcome:
    """One run, in a process of its own."""
    layout = hall(*order.size)
    control: Control
    if isinstance(order.control, Fixed):
        control = FixedControl(layout, order.control)
    elif isinstance(order.control, PiTuning):
        control = PiControl(layout, order.control)
    else:
        control = OptimalControl(layout, order.control)
    told = (lambda text: say(f"{order.loud} {text}")) if order.loud else None
    outcome = run(layout, order.seed, order.days, control, told)
    if isinstance(control, OptimalControl):
        return replace(outcome, solve_ms=control.solve_ms, respond_ms=control.respond_ms, failed_solves=control.failed)
    return outcome


class Sweep:
    """Tries settings on every tuning plant, in the processes of a pool."""

    def __init__(
        self,
        pool: ProcessPoolExecutor,
        work: Callable[[Order], Outcome],
        *,
        size: tuple[int, int, int],
        days: float,
        rci: float,
        say: Callable[[str], None],
    ) -> None:
        self._pool, self._work, self._size, self._days, self._rci, self._say = pool, work, size, days, rci, say

    def best(self, candidates: Sequence[T]) -> T:
        """The candidate with least energy of those that keep the index and the class on every tuning plant.

        Raises:
            RuntimeError: none does.
        """
        energy = dict.fromkeys(range(len(candidates)), 0.0)
        for seed in TUNING_SEEDS:
            # Who failed on one plant need not be tried on the next.
            tried = sorted(energy)
            orders = [Order(self._size, seed, self._days, candidates[k]) for k in tried]
            for k, outcome in zip(tried, self._pool.map(self._work, orders), strict=True):
                if outcome.rci_hi >= self._rci and outcome.violations == 0:
                    energy[k] += outcome.cooling_kwh
                else:
                    del energy[k]
        if not energy:
            raise RuntimeError("no candidate keeps the index on every tuning plant; widen the sweep")
        found = candidates[min(energy, key=lambda k: energy[k])]
        self._say(f"{len(candidates)} tried, {len(energy)} keep the index, best: {found}")
        return found

    def fixed(self) -> Fixed:
        """The best fixed setting."""
        return self.best(FIXED)

    def pi(self) -> PiTuning:
        """The best PI controllers: what they move and hold, then gain and integral time, then the reference finely."""
        coarse = self.best(PI)
        paced = self.best(
            [replace(coarse, gain=g * coarse.gain, integral_s=i * coarse.integral_s) for g in GAINS for i in INTEGRALS]
        )
        return self.best([replace(paced, reference_c=paced.reference_c + step) for step in REFERENCES])
