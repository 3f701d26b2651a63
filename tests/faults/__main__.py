"""`make test-faults`: things break one after the other while numbered readings flow; afterwards every acknowledged one
must be in InfluxDB exactly once, the twins hold the newest values, and nobody has had to help.

Prints a table and, as its last line, JSON. The exit code is 1 when something was lost or unexpected.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from tests.faults import kills, managed, messages, outages, pauses
from tests.faults.stage import Fault, Outcome, Stage

from local_stack import paths

DOCTOR = "racktwin doctor, a hop broken at a time"


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def table(outcomes: list[Outcome]) -> str:
    """One row per fault."""
    lines = [f"{'fault':<44} {'readings':>8} {'lost':>5} {'unexpected':>10} {'whole after':>12}"]
    for o in outcomes:
        lines.append(f"{o.name:<44} {o.readings:>8} {o.lost:>5} {len(o.unexpected):>10} {o.whole_after_s:>10.1f} s")
        lines += [f"    {text[:150]}" for text in o.unexpected[:5]]
    return "\n".join(lines)


def doctor(stack: str) -> Outcome:
    """What `racktwin doctor` says when each hop in turn is stopped or forbidden: tests of their own, run here."""
    outcome = Outcome(DOCTOR)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "tests/faults",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
        ]
        done = subprocess.run(
            command, check=False, env={**os.environ, "RACKTWIN_STACK": stack}, stdout=sys.stderr, cwd=paths.repository()
        )
        suite = ElementTree.parse(report).getroot()
    outcome.faults = len(suite.findall(".//testcase"))
    for case in suite.findall(".//testcase"):
        for failed in (*case.findall("failure"), *case.findall("error")):
            outcome.unexpected.append(f"{case.get('name')}: {str(failed.get('message')).splitlines()[0]}")
    if done.returncode and not outcome.unexpected:
        outcome.unexpected.append(f"pytest ended with {done.returncode}")
    outcome.whole_after_s = time.monotonic() - began
    return outcome


def main() -> int:
    """Run the faults that are asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", help="faults whose name contains this text")
    parser.add_argument("--influx-s", type=float, default=120, help="how long InfluxDB is down (default 120)")
    parser.add_argument("--stack", default="faults", help="name of the stack; its data is deleted first")
    parser.add_argument("--keep", action="store_true", help="begin with the stack as it is, and leave it running")
    a = parser.parse_args()
    chosen: list[Fault] = [
        *messages.FAULTS, *kills.FAULTS, *managed.FAULTS, *pauses.FAULTS, *outages.faults(a.influx_s),
    ]  # fmt: skip
    if a.only:
        chosen = [fault for fault in chosen if a.only in fault.name]
    stage = Stage(a.stack)
    if not a.keep:
        stage.stack.clean()
    outcomes: list[Outcome] = []
    try:
        stage.open(say)
        for fault in chosen:
            say(f"{fault.name} (load average {os.getloadavg()[0]:.1f})")
            outcomes.append(stage.suffer(fault))
            say(f"  whole again after {outcomes[-1].whole_after_s:.1f} s, lost {outcomes[-1].lost}")
        lost, wrong = stage.finish()
        if not a.only or a.only in DOCTOR:
            say(f"{DOCTOR} (load average {os.getloadavg()[0]:.1f})")
            outcomes.append(doctor(a.stack))
    finally:
        if not a.keep:
            stage.stack.stop()
    print(table(outcomes))
    total = {
        "faults": sum(outcome.faults for outcome in outcomes),
        "readings": sum(outcome.readings for outcome in outcomes),
        "lost": max(lost, sum(outcome.lost for outcome in outcomes)),
        "unexpected": sum(len(outcome.unexpected) for outcome in outcomes) + len(wrong),
    }
    print(json.dumps(total))
    return 1 if total["lost"] or total["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
