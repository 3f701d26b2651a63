"""`make bench-optimiser`: what optimal cooling saves, how fast it is found, and whether anything unsafe passes.

- Baselines are tuned first, on a smaller hall of the same kind with hidden parameters of its own: the best fixed
  setting and the best PI controller are those that use least energy while the rack cooling index stays at 96 or above
  and no inlet leaves its class on every tuning plant.
- Then all three run the same week in the same hall of 1,000 racks and 20 units, with parameters that none of them
  knows, the same load and the same sensors. The optimiser is told to keep the same index.
- The time of a solution is that of the whole decision at this size, on this machine, beside the other runs.
- 10,000 random and hostile commands meet the guard's rules; an oracle of its own judges those that pass.
- Commands go from a desired property to the accepted state on a running stack's twin, through guard and Hono.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from bench.adversary import Arena
from bench.optimiser_rooms import Control, FixedControl, OptimalControl, Outcome, PiControl, hall, run
from local_stack import Stack
from optimiser.baselines import Fixed, PiTuning
from optimiser.controller import Tuning
from racktwin import commands
from racktwin.commands import Request
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.settings import DittoSettings

RCI: Final = 96.0
# The optimiser holds a mean; a little is left for what it cannot foresee.
OPTIMAL: Final = Tuning(rci_target=96.4)
TUNING_SEEDS: Final = (101, 102)
FIXED: Final = tuple(Fixed(t, f) for t in (22.0, 23.0, 24.0, 25.0) for f in (0.65, 0.7, 0.8, 0.9) if f > 0.65 or t < 24)
PI: Final = (
    *(PiTuning("setpoint", held, ref, 0.4, 900.0) for held in (0.7, 0.8, 0.9) for ref in (28.0, 29.0, 29.5)),
    *(PiTuning("fan", held, ref, 0.02, 900.0) for held in (23.0, 24.0, 25.0) for ref in (28.0, 29.0, 29.5)),
)


@dataclass(frozen=True, slots=True)
class Order:
    """One run for a worker: which hall, which plant, how long, under what."""

    size: tuple[int, int, int]
    seed: int
    days: float
    control: Fixed | PiTuning | Tuning
    loud: bool = False


def carry_out(order: Order) -> Outcome:
    """One run, in a process of its own."""
    layout = hall(*order.size)
    control: Control
    if isinstance(order.control, Fixed):
        control = FixedControl(layout, order.control)
    elif isinstance(order.control, PiTuning):
        control = PiControl(layout, order.control)
    else:
        control = OptimalControl(layout, order.control)
    name = type(order.control).__name__
    outcome = run(
        layout, order.seed, order.days, control, (lambda text: _say(f"{name} {text}")) if order.loud else None
    )
    if isinstance(control, OptimalControl):
        return replace(outcome, solve_ms=control.solve_ms, respond_ms=control.respond_ms, failed_solves=control.failed)
    return outcome


def attack(commands_: int) -> dict[str, Any]:
    """The guard under attack."""
    arena = Arena(50, seed=1)
    while arena.tally.tried < commands_:
        arena.run(7)
    tally = arena.tally
    return {"tried": tally.tried, "passed": tally.passed, "unsafe": tally.unsafe, "refused": dict(tally.refused)}


def tuned(
    pool: ProcessPoolExecutor,
    candidates: Sequence[Fixed | PiTuning],
    size: tuple[int, int, int],
    days: float,
) -> Fixed | PiTuning:
    """The candidate with least energy of those that keep the index and the class on every tuning plant."""
    orders = [Order(size, seed, days, candidate) for candidate in candidates for seed in TUNING_SEEDS]
    outcomes = list(pool.map(carry_out, orders))
    count = len(TUNING_SEEDS)
    best: tuple[float, Fixed | PiTuning] | None = None
    for k, candidate in enumerate(candidates):
        mine = outcomes[k * count : (k + 1) * count]
        energy = float(sum(outcome.cooling_kwh for outcome in mine))
        keeps = all(outcome.rci_hi >= RCI and outcome.violations == 0 for outcome in mine)
        if keeps and (best is None or energy < best[0]):
            best = energy, candidate
    if best is None:
        raise RuntimeError("no candidate keeps the index on every tuning plant; widen the sweep")
    _say(f"tuned: {best[1]}")
    return best[1]


def roundtrips(stack: str, count: int) -> list[float]:
    """Milliseconds from writing a wish to its accepted state on the twin; empty where no such stack runs."""
    try:
        endpoints = Stack(stack).endpoints()
        ditto = DittoClient(DittoSettings(ditto_url=endpoints["ditto_url"], ditto_subject="nginx:operator"))
        units = sorted(
            str(t["thingId"]) for t in ditto.search('like(thingId,"racktwin.*:cooling-*")', fields="thingId")
        )
    except (DittoError, ValueError, RuntimeError, KeyError, OSError) as error:
        _say(f"no round trips: {error}; make demo starts a stack")
        return []
    found: list[float] = []
    for k in range(count if units else 0):
        thing, now = units[k % len(units)], int(time.time() * 1000)
        request = Request(id=f"bench-{uuid.uuid4().hex[:12]}", origin="bench", who="bench", at=now)
        path = f"/api/2/things/{thing}/features/control"
        began = time.perf_counter()
        ditto.request("PUT", f"{path}/desiredProperties", json=commands.desired_of({"mode": "auto"}, request))
        while time.perf_counter() - began < 20.0:
            last = ditto.request("GET", f"{path}/properties/lastCommand").json()
            if last.get("id") == request.id and last.get("state") in ("accepted", "refused", "timed out", "offline"):
                if last["state"] == "accepted":
                    found.append(1000.0 * (time.perf_counter() - began))
                else:
                    _say(f"{thing}: {last['state']} {last.get('detail', '')}")
                break
            time.sleep(0.003)
        # Below the guard's own limit of commands to one unit.
        time.sleep(max(0.0, 3.3 / len(units) - (time.perf_counter() - began)))
    return found


def main() -> None:
    """Run everything; progress on stderr, the figures as the last line on stdout."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.optimiser", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=7.0, help="days that are compared (7)")
    parser.add_argument("--tuning-days", type=float, default=1.0, help="days of each tuning run (1)")
    parser.add_argument("--seed", type=int, default=201, help="hidden parameters of the compared plant (201)")
    parser.add_argument("--commands", type=int, default=10_000, help="hostile commands (10,000)")
    parser.add_argument("--roundtrips", type=int, default=120, help="commands through the running stack (120)")
    parser.add_argument("--stack", default="demo", help="running local stack for them (demo)")
    parser.add_argument("--workers", type=int, default=3, help="processes (3)")
    arguments = parser.parse_args()
    size, small = (20, 50, 20), (4, 25, 4)
    took = roundtrips(arguments.stack, arguments.roundtrips)
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        fixed = tuned(pool, FIXED, small, arguments.tuning_days)
        pi = tuned(pool, PI, small, arguments.tuning_days)
        runs: list[Future[Outcome]] = [
            pool.submit(carry_out, Order(size, arguments.seed, arguments.days, control, loud=True))
            for control in (OPTIMAL, pi, fixed)
        ]
        attacked = pool.submit(attack, arguments.commands)
        optimal, by_pi, by_fixed = (one.result() for one in runs)
        hostile = attacked.result()
    for what, outcome in (("optimiser", optimal), ("PI", by_pi), ("fixed", by_fixed)):
        _say(
            f"{what}: {outcome.cooling_kwh:,.0f} kWh cooling, {outcome.server_fans_kwh:,.0f} kWh servers' fans, "
            f"RCI_HI {outcome.rci_hi:.2f}, hottest {outcome.hottest_c:.1f} °C, {outcome.violations} violations, "
            f"{outcome.seconds:.0f} s"
        )
    for text in hostile["unsafe"]:
        _say(f"UNSAFE {text}")
    print(json.dumps(figures(size, arguments.days, (optimal, by_pi, by_fixed), hostile, took)))


def figures(
    size: tuple[int, int, int],
    days: float,
    outcomes: tuple[Outcome, Outcome, Outcome],
    hostile: dict[str, Any],
    took: list[float],
) -> dict[str, Any]:
    """The figures by name; outcomes are those of the optimiser, of PI and of the fixed setting."""
    optimal, by_pi, by_fixed = outcomes

    def saving(other: Outcome) -> float:
        return round(100.0 * (1.0 - optimal.cooling_kwh / other.cooling_kwh), 2)

    return {
        "racks": size[0] * size[1],
        "coolers": size[2],
        "days": days,
        "solve_p50_ms": round(float(np.percentile(optimal.solve_ms, 50)), 1),
        "solve_p95_ms": round(float(np.percentile(optimal.solve_ms, 95)), 1),
        "respond_ms": round(float(np.mean(optimal.respond_ms)), 0),
        "failed_solves": optimal.failed_solves,
        "saving_vs_tuned_pi_pct": saving(by_pi),
        "saving_vs_best_fixed_pct": saving(by_fixed),
        "rci_hi": round(optimal.rci_hi, 2),
        "rci_hi_pi": round(by_pi.rci_hi, 2),
        "rci_hi_fixed": round(by_fixed.rci_hi, 2),
        "allowable_violations": optimal.violations,
        "command_roundtrip_p99_ms": round(float(np.percentile(took, 99)), 1) if took else None,
        "unsafe_commands_passed": len(hostile["unsafe"]),
        "unsafe_commands_tried": hostile["tried"],
        "commands_passed": hostile["passed"],
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
