"""The main job measured: from a sensor's sample to its twin, its prediction and its point in InfluxDB.

Runs the example site on a stack of its own, from an empty one: the start is the warm start (everything built, nothing
running). For 60 s it watches the twins through Ditto's event stream, as any user of the twins would, and afterwards
reads what InfluxDB holds of that time.

- latency: from the time in the device's message, stamped when the sample is taken, just before it is published, to the
  moment the event that shows it, or a newer sample, is here. Every sample counts, also one that never reaches a twin
  because a newer one overtook it. A rack is predicted once in 10 s, so `mqtt_to_prediction` is mostly the wait for the
  next prediction; `mqtt_to_its_prediction` counts only the samples that one was made from.
- sent: what the devices numbered, first to last number in the time, less the samples that simulated sensors lose by
  their nature; stored: the points InfluxDB has of those numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.mainjob_figures import Numbers, measure, stored_numbers
from local_stack import Stack


def _stored(endpoints: dict[str, Any], start_ms: int, stop_ms: int) -> Numbers:
    token = Path(endpoints["influx_token_file"]).read_text(encoding="utf-8").strip()
    return stored_numbers(endpoints["influx_url"], token, endpoints["influx_org"], start_ms, stop_ms)


def local_stack(stack: str, *command: str) -> None:
    """Run a command of the local stack, its output on stderr."""
    subprocess.run([sys.executable, "-m", "local_stack", "--stack", stack, *command], check=True, stdout=sys.stderr)


def main() -> int:
    """Run, print progress on stderr and the figures as the last line on stdout."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.mainjob", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long to watch (default 60)")
    parser.add_argument("--stack", default="bench", help="name of the stack; its data is deleted first (default bench)")
    parser.add_argument(
        "--json", action="store_true", help="accepted for uniformity: the last line is JSON in any case"
    )
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    say("an empty stack, then the example site")
    local_stack(arguments.stack, "clean")
    try:
        local_stack(arguments.stack, "demo")
        stack = Stack(arguments.stack)
        endpoints = stack.endpoints()
        figures, problems = measure(
            endpoints["ditto_url"], lambda start, stop: _stored(endpoints, start, stop), arguments.seconds, say
        )
    finally:
        local_stack(arguments.stack, "down")
    for problem in problems[:20]:
        say(problem)
    if figures:
        figures["warm_start_s"] = round(stack.warm_start_s(), 1)
    print(json.dumps(figures))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
