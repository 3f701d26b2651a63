"""`make -s bench-server-twin`: an experiment on this machine, and how well its twin knows it. The last line is JSON.

Loads of processors, memory, disk and network, one at a time and together, by a drawn schedule; the logger beside them
at one sample a second. ``phases_detected``: phases of which every load is found in the record alone, begin and end
within 3 s. ``cpu_mae_pct``: mean error (points) of the model of utilisation on the half that it was not fitted on.
``logger_cpu_pct``: the logger's own processor time, from its start to its end, as a share of one core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

SEED: Final = 11
PHASES: Final = 10


def note(text: str) -> None:
    """Progress for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def servertwin(*words: str) -> dict[str, Any]:
    """What a command of the server twin says in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "servertwin", *words, "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"error: servertwin {words[0]} ended with {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def main() -> None:
    """The figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.server_twin", description=__doc__)
    parser.add_argument("--phases", type=int, default=PHASES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", type=Path, help="keep the record and its report in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        plan = folder / "plan.json"
        drawn = servertwin(
            "experiment", "schedule", "--seed", str(options.seed), "--phases", str(options.phases), "--mode", "mixed",
            "--stressors", "cpu,memory,disk,network", "--duration", "10s", "14s", "--gap", "6s", "8s",
            "--out", str(plan),
        )  # fmt: skip
        note(f"{options.phases} phases in {drawn['length'] / 60:.1f} min")
        run = servertwin("experiment", "run", "--schedule", str(plan), "--interval", "1s", "--out", str(folder / "run"))
        report = servertwin("report", "--run", str(folder / "run"))
        model = servertwin("fidelity", "--run", str(folder / "run"))
    logger, cpu = run["logger"], model["cpu"]
    note(f"logger: {logger['samples']} samples, {logger['missed']} missed, {logger['memoryBytes'] / 1e6:.0f} MB")
    note(f"late (ms): {logger['jitterMs']}; processor time {logger['cpuSeconds']} s of {logger['seconds']} s")
    for load in report["loads"]:
        if not load["detected"]:
            note(f"not found: {load['phase']} {load['stressor']} {load['level']:g} %")
    note(f"phases beside every load: {len(report['unexplained'])}")
    note(f"model of utilisation: {json.dumps(cpu)}")
    note(f"power: {json.dumps(model['power'])}; temperature: {json.dumps(model['temperature'])}")
    figures = {
        "phases": report["phases"],
        "phases_detected": report["phasesDetected"],
        "cpu_mae_pct": round(cpu["errors"]["mae"], 3),
        "logger_cpu_pct": round(logger["cpuPercent"], 3),
        "logger_jitter_p99_ms": logger["jitterMs"]["p99"],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
