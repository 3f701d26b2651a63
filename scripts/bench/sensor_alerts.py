"""The alert of a sensor that cannot be believed, against labelled faults: how many are told of, how often one fault is
told of twice or called over while it lasts, how long after its end the alert ends, and how often a sound rack has one.

Simulated plants that the model never saw, whose sensors stick and drift one after another; the model that serves in
the demo judges every rack once a minute, and the board of `alerting` sees its verdicts as it sees them on twins, by its
own rule and times.

Progress goes to stderr, the figures are the last line on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from alerting.board import Board
from local_stack import model
from physics.faults import Fault, Kind
from runner import predictor
from runner.predictor import Predictor
from training import faulty
from training.simulated import START_S, history_of

_MODEL: Final = "sensor-faults"
_RULE: Final = "sensor-faulty"
_KINDS: Final[tuple[Kind, ...]] = ("sensor-sticks", "sensor-drifts")
_STEP_S: Final = 60
_ROOMS: Final = 4
_HOURS: Final = 20.0
# Of plants that train and judge the model, seeds are small.
_SEED: Final = 4001
# How long a fault is seen after its end: the model looks back for an hour, the alert waits for calm.
_SEEN_AFTER_S: Final = 5400.0


@dataclass(frozen=True, slots=True)
class Alert:
    """Of one rack, in seconds; ``cleared`` is None where it was still open at the end."""

    fired: float
    cleared: float | None


@dataclass
class Tally:
    """What became of faults. ``fired_after`` and ``ended_after`` in seconds since the fault's begin and end."""

    faults: int = 0
    told: int = 0
    repeated: int = 0
    ended_early: int = 0
    open_at_end: int = 0
    false: int = 0
    hours: float = 0.0
    fired_after: list[float] = field(default_factory=list)
    ended_after: list[float] = field(default_factory=list)

    def add(self, faults: Sequence[Fault], alerts: Sequence[Alert], until_s: float) -> None:
        """One rack's faults, which follow one another, and its alerts. Faults that end so late that what comes after
        cannot be seen do not count, nor do alerts of theirs."""
        rest = list(alerts)
        for number, fault in enumerate(faults):
            end_s = until_s if fault.end_s is None else fault.end_s
            following = faults[number + 1].start_s if number + 1 < len(faults) else until_s
            last = min(end_s + _SEEN_AFTER_S, following)
            own = [alert for alert in rest if fault.start_s <= alert.fired < last]
            rest = [alert for alert in rest if alert not in own]
            if end_s + _SEEN_AFTER_S <= until_s:
                self._judge(fault.start_s, end_s, own)
        self.false += len(rest)

    def _judge(self, start_s: float, end_s: float, own: Sequence[Alert]) -> None:
        self.faults += 1
        if not own:
            return
        self.told += 1
        self.fired_after.append(own[0].fired - start_s)
        self.repeated += len(own) > 1
        self.ended_early += any(alert.cleared is not None and alert.cleared < end_s for alert in own)
        ended = own[-1].cleared
        if ended is None:
            self.open_at_end += 1
        elif ended >= end_s:
            self.ended_after.append(ended - end_s)

    def figures(self) -> dict[str, float | None]:
        """Counts, and times in minutes; None where there is nothing to tell."""
        found: dict[str, float | None] = {
            "faults": self.faults,
            "told": self.told,
            "repeated": self.repeated,
            "ended_early": self.ended_early,
            "open_at_end": self.open_at_end,
            "false": self.false,
            "rack_hours_judged": round(self.hours),
        }
        for name, seconds in (("fired_after", self.fired_after), ("ended_after", self.ended_after)):
            for percentile in (50, 90, 100):
                value = round(float(np.percentile(seconds, percentile)) / 60, 1) if seconds else None
                found[f"{name}_min_{'max' if percentile == 100 else f'p{percentile}'}"] = value
        return found


def scores(loaded: Predictor, values: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """(epoch s, score of each rack) once a minute, from ``values`` [cells, racks, channels] on."""
    definition = loaded.manifest.definition
    for end in range(definition.cells, len(values) + 1, _STEP_S // definition.resolution_s):
        window = np.ascontiguousarray(values[end - definition.cells : end].transpose(1, 2, 0)).astype(np.float32)
        yield START_S + end * definition.resolution_s, loaded.predict(loaded.plan.compute(window))[0].max(axis=1)


def alerts(loaded: Predictor, values: np.ndarray) -> list[list[Alert]]:
    """Each rack's alerts, as the board tells them."""
    board, expiry_ms = Board(), loaded.manifest.definition.expiry_s * 1000
    racks: list[list[Alert]] = [[] for _ in range(values.shape[1])]
    for at, found in scores(loaded, values):
        now = round(at * 1000)
        for rack, score in enumerate(found.tolist()):
            sensing = {"properties": {"score": score, "expiresAt": now + expiry_ms}}
            twin = {"thingId": f"racktwin.bench:rack-{rack}", "attributes": {}, "features": {"sensing": sensing}}
            for change in board.judge(twin, now):
                if change.rule.name == _RULE and change.what == "firing":
                    racks[rack].append(Alert(at, None))
                elif change.rule.name == _RULE and change.what == "cleared":
                    racks[rack][-1] = Alert(racks[rack][-1].fired, at)
    return racks


def measure(folder: Path, plants: int) -> Tally:
    """Run the plants and tally what is told of them."""
    loaded, tally = predictor.load(folder), Tally()
    definition = loaded.manifest.definition
    for number in range(plants):
        recorded = faulty.run(_SEED, number, _KINDS, rooms=_ROOMS, hours=_HOURS, cell_s=definition.resolution_s)
        history, racks = history_of(recorded, definition), recorded.place.rack_ids
        until_s = START_S + _HOURS * 3600.0
        for column, told in enumerate(alerts(loaded, history.values)):
            own = [fault for fault in recorded.faults if fault.target == racks[column % len(racks)]]
            tally.add(own, told, until_s)
        tally.hours += (_HOURS - definition.window_s / 3600) * len(history.things)
        print(f"bench: plant {number + 1} of {plants}: {tally.told} of {tally.faults}", file=sys.stderr, flush=True)
    return tally


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="bench.sensor_alerts", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--plants", type=int, default=6, help="simulated plants, of four rooms and 12 racks each")
    parser.add_argument(
        "--json", action="store_true", help="accepted for uniformity: the last line is JSON in any case"
    )
    arguments = parser.parse_args(argv)
    if arguments.plants < 1:
        parser.error("--plants: at least 1")
    tally = measure(model.ensure_trained(_MODEL), arguments.plants)
    print(json.dumps(tally.figures()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
