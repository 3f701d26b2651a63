"""`make bench-optimiser`: what optimal cooling saves, how fast it is found, and whether anything unsafe passes.

- saving: baselines are tuned first (:mod:`bench.optimiser_tuning`), on the hall of 1,000 racks and 20 units, on other
  plants than the compared one. Then the optimiser, PI and the fixed setting run the same week on one plant, with
  parameters that none of them knows, the same load and the same sensors. The optimiser starts with the parameters that
  rooms usually have, calibrates from the first day, keeps the same index, and counts as energy what is compared:
  chillers and units' fans. A fourth run is of PI controllers that hold the hottest inlet at the recommended limit, as
  halls usually are run: it keeps an index near 100 and pays for it.
- timing: the time of a solution, over a day at this size, in one process with nothing beside it.
- hostile: 10,000 random and hostile commands for each of several seeds meet the guard's rules; an oracle of its own
  judges those that pass.
- commands: from a wish to the accepted state on a running stack's twin (:mod:`bench.optimiser_commands`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import numpy as np

from bench.adversary import Arena
from bench.optimiser_commands import roundtrips
from bench.optimiser_rooms import Outcome
from bench.optimiser_tuning import Order, Sweep, carry_out
from optimiser.baselines import PiTuning
from optimiser.controller import Tuning

RCI: Final = 96.0
# The optimiser holds a mean; a little is left for what it cannot foresee.
OPTIMAL: Final = Tuning(rci_target=96.15, server_fans=False)
# The hottest inlet at the recommended limit of the racks' class.
USUAL_PI: Final = PiTuning("setpoint", 0.8, 27.0, 0.4, 900.0)
SIZE: Final = (20, 50, 20)
HOSTILE_SEEDS: Final = (2, 3, 4, 5)
PHASES: Final = ("saving", "timing", "hostile", "commands")


def work(order: Order) -> Outcome:
    """One run, in a process of its own."""
    return carry_out(order, _say)


def attack(order: tuple[int, int]) -> dict[str, Any]:
    """The guard under attack, with a seed and at least so many commands."""
    seed, commands = order
    arena = Arena(50, seed=seed)
    while arena.tally.tried < commands:
        arena.run(7)
    tally = arena.tally
    said = f"{tally.tried} commands, {tally.passed} passed, {len(tally.unsafe)} unsafe"
    _say(f"seed {seed}: {said}; guards were killed {tally.restarts} times")
    return {"tried": tally.tried, "passed": tally.passed, "unsafe": tally.unsafe, "refused": tally.refused}


def saving(pool: ProcessPoolExecutor, days: float, tuning_days: float, seed: int) -> dict[str, Any]:
    """Energy of the optimiser beside that of the tuned baselines."""
    sweep = Sweep(pool, work, size=SIZE, days=tuning_days, rci=RCI, say=_say)
    fixed, pi = sweep.fixed(), sweep.pi()
    controls = (("optimiser", OPTIMAL), ("PI", pi), ("fixed", fixed), ("PI at the recommended limit", USUAL_PI))
    runs = [pool.submit(work, Order(SIZE, seed, days, control, loud=name)) for name, control in controls]
    optimal, by_pi, by_fixed, usual = (one.result() for one in runs)
    for (name, _), one in zip(controls, (optimal, by_pi, by_fixed, usual), strict=True):
        _say(
            f"{name}: {one.cooling_kwh:,.0f} kWh cooling, of which {one.fans_kwh:,.0f} fans, "
            f"{one.server_fans_kwh:,.0f} kWh servers' fans, mean CoP {one.cop:.2f}, set-point {one.setpoint_c:.2f} °C, "
            f"fans {100 * one.fan:.1f} %, RCI_HI {one.rci_hi:.2f}, mean inlet {one.inlet_c:.2f} °C, hottest "
            f"{one.hottest_c:.1f} °C, {one.violations} violations, {one.seconds:.0f} s"
        )

    def saved(other: Outcome, *, servers: bool = False) -> float:
        mine, theirs = (o.cooling_kwh + (o.server_fans_kwh if servers else 0.0) for o in (optimal, other))
        return round(100.0 * (1.0 - mine / theirs), 2)

    return {
        "days": days,
        "failed_solves": optimal.failed_solves,
        "saving_vs_tuned_pi_pct": saved(by_pi),
        "saving_vs_best_fixed_pct": saved(by_fixed),
        "saving_vs_pi_at_recommended_pct": saved(usual),
        "saving_vs_tuned_pi_servers_fans_counted_pct": saved(by_pi, servers=True),
        "rci_hi": round(optimal.rci_hi, 2),
        "rci_hi_pi": round(by_pi.rci_hi, 2),
        "rci_hi_fixed": round(by_fixed.rci_hi, 2),
        "allowable_violations": optimal.violations,
    }


def timing() -> dict[str, Any]:
    """How long a decision takes, beside nothing."""
    outcome = carry_out(Order(SIZE, 301, 1.0, OPTIMAL), _say)
    p50, p95 = np.percentile(outcome.solve_ms, [50, 95])
    return {
        "solve_p50_ms": round(float(p50), 1),
        "solve_p95_ms": round(float(p95), 1),
        "respond_ms": round(float(np.mean(outcome.respond_ms)), 0),
    }


def hostile(pool: ProcessPoolExecutor, commands: int) -> dict[str, Any]:
    """Hostile commands of several seeds."""
    found = list(pool.map(attack, [(seed, commands) for seed in HOSTILE_SEEDS]))
    refused: Counter[str] = Counter()
    for one in found:
        refused.update(one["refused"])
        for text in one["unsafe"]:
            _say(f"UNSAFE {text}")
    _say(f"refused by {dict(refused.most_common())}")
    return {
        "unsafe_commands_passed": sum(len(one["unsafe"]) for one in found),
        "unsafe_commands_tried": sum(one["tried"] for one in found),
        "commands_passed": sum(one["passed"] for one in found),
        "hostile_seeds": len(HOSTILE_SEEDS),
    }


def main() -> None:
    """Run everything; progress on stderr, the figures as the last line on stdout."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.optimiser", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"parts to run, with commas between ({','.join(PHASES)}); the rest is null")
    parser.add_argument("--days", type=float, default=7.0, help="days that are compared (7)")
    parser.add_argument("--tuning-days", type=float, default=0.75, help="days of each tuning run (0.75)")
    parser.add_argument("--seed", type=int, default=201, help="hidden parameters of the compared plant (201)")
    parser.add_argument("--commands", type=int, default=10_000, help="hostile commands of each seed (10,000)")
    parser.add_argument("--roundtrips", type=int, default=120, help="commands through the running stack (120)")
    parser.add_argument("--stack", default="demo", help="running local stack for them (demo); else one of its own")
    parser.add_argument("--workers", type=int, default=4, help="processes (4)")
    parser.add_argument(
        "--json", action="store_true", help="accepted for uniformity: the last line is JSON in any case"
    )
    arguments = parser.parse_args()
    wanted = set(arguments.only.split(",")) if arguments.only else set(PHASES)
    if wanted - set(PHASES):
        parser.error(f"--only: {', '.join(sorted(wanted - set(PHASES)))}: expected {', '.join(PHASES)}")
    figures = dict.fromkeys(_FIGURES)
    figures |= {"racks": SIZE[0] * SIZE[1], "coolers": SIZE[2]}
    if "timing" in wanted:
        figures |= timing()
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        if "saving" in wanted:
            figures |= saving(pool, arguments.days, arguments.tuning_days, arguments.seed)
        if "hostile" in wanted:
            figures |= hostile(pool, arguments.commands)
    if "commands" in wanted:
        took = roundtrips(arguments.stack, arguments.roundtrips, _say)
        if took:
            figures |= {"command_roundtrip_p50_ms": round(float(np.percentile(took, 50)), 1)}
            figures |= {"command_roundtrip_p99_ms": round(float(np.percentile(took, 99)), 1)}
    print(json.dumps(figures))


_FIGURES: Final = (
    "racks", "coolers", "days", "solve_p50_ms", "solve_p95_ms", "respond_ms", "failed_solves",
    "saving_vs_tuned_pi_pct", "saving_vs_best_fixed_pct", "saving_vs_pi_at_recommended_pct",
    "saving_vs_tuned_pi_servers_fans_counted_pct", "rci_hi", "rci_hi_pi", "rci_hi_fixed", "allowable_violations",
    "command_roundtrip_p50_ms", "command_roundtrip_p99_ms", "unsafe_commands_passed", "unsafe_commands_tried",
    "commands_passed", "hostile_seeds",
)  # fmt: skip


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
