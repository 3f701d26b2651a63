"""How well failing disks are found: simulated fleets, judged day by day as `upkeep` does, against what became of them.

``python -m training.disks --seeds 101-105``. What is known of real fleets goes into the draw: that a fiftieth of disks
fails in a year, that a quarter of those give no sign before, and that one in twenty-four healthy ones has lost sectors
too (Backblaze 2016; Pinheiro, Weber, Barroso 2007). How long signs come before is not known as well and assumed. Limits
in `models.disk_wear` were chosen on seeds 1 to 5.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.disk_wear import ATTRIBUTES, Attribute, Record, judge
from physics.disks import HOUR_S, Course, Disk
from physics.laws import Floats

_DAY_S: Final = 24 * HOUR_S
DAYS: Final = 120
# As `upkeep` has it: a week, by cells of six hours.
_WINDOW_DAYS: Final = 7
_A_DAY: Final = 4
_FAIL_A_YEAR: Final = 0.02
_SILENT: Final = 0.23
_SCARRED: Final = 0.042
_CREEPING: Final = 0.005
_SIGNS_MEDIAN_D: Final = 20.0
_SIGNS_SIGMA: Final = 0.9
_BAD_MEDIAN: Final = 40.0
_BAD_SIGMA: Final = 1.3


@dataclass(frozen=True)
class Fleet:
    """Disks of which there is anything to be seen, or that fail; the others of ``size`` are well and show nothing."""

    size: int
    disks: tuple[Disk, ...]


def draw(seed: int, size: int) -> Fleet:
    """A fleet over `DAYS` days from time 0."""
    rng = np.random.default_rng([seed, 77])
    disks = []
    for number in range(size):
        chance, own = rng.random(3), int(rng.integers(1 << 31))
        born = -float(rng.uniform(0.2, 4.0)) * 365 * _DAY_S
        course = None
        if chance[0] < _FAIL_A_YEAR * DAYS / 365:
            dies = float(rng.uniform(_WINDOW_DAYS, DAYS)) * _DAY_S
            course = Course(dies_s=dies) if chance[1] < _SILENT else _failing(rng, dies)
        elif chance[0] > 1.0 - _SCARRED:
            at = float(rng.uniform(born, DAYS * _DAY_S))
            course = Course(burst=1 + int(rng.lognormal(math.log(3.0), 1.0)), burst_s=at)
        elif chance[0] > 1.0 - _SCARRED - _CREEPING:
            course = Course(onset_s=born, rate=1.0 / (24.0 * float(rng.uniform(10.0, 60.0))))
        if course is not None:
            disks.append(Disk(own + number, born, course=course, reported=float(rng.uniform(0.0, 0.6))))
    return Fleet(size, tuple(disks))


def _failing(rng: np.random.Generator, dies_s: float) -> Course:
    """A disk whose sectors go bad, at an even rate or ever faster, until it dies."""
    lead = float(rng.lognormal(math.log(_SIGNS_MEDIAN_D), _SIGNS_SIGMA)) * 24.0
    bad = float(rng.lognormal(math.log(_BAD_MEDIAN), _BAD_SIGMA))
    if rng.random() < 0.5:
        return Course(onset_s=dies_s - lead * HOUR_S, rate=bad / lead, dies_s=dies_s)
    tau = lead / 3.0
    rate = bad / (tau * math.expm1(3.0))
    return Course(onset_s=dies_s - lead * HOUR_S, rate=rate, growth_s=tau * HOUR_S, dies_s=dies_s)


def first_found(disk: Disk, attributes: Mapping[str, Attribute] = ATTRIBUTES) -> dict[str, float]:
    """State -> the day on which the disk was first judged so, or worse."""
    times: Floats = np.arange(-_WINDOW_DAYS * _A_DAY, DAYS * _A_DAY + 1, dtype=np.float64) * (_DAY_S / _A_DAY)
    times = times[times < disk.course.dies_s]
    values = disk.series(times)
    shown = [values[key] for key in attributes if key in values]
    found: dict[str, float] = {}
    seen: dict[bytes, str | None] = {}
    for day in range(DAYS + 1):
        end = (day + _WINDOW_DAYS) * _A_DAY + 1
        if end > len(times):
            break
        part = slice(end - 1 - _WINDOW_DAYS * _A_DAY, end)
        now = np.array([series[part] for series in shown])
        if not now[:, -1].any():
            continue
        state = seen.get(now.tobytes(), "")
        if state == "":
            record = Record(times[part] / HOUR_S, {key: series[part] for key, series in values.items()})
            finding = judge(record, "fleet", "disk", calm_hour=2, attributes=attributes)
            state = seen[now.tobytes()] = None if finding is None else finding.state
        for reached in {"due": ("due", "planned"), "planned": ("planned",)}.get(state or "", ()):
            found.setdefault(reached, float(day))
        if len(found) == 2:
            break
    return found


def score(fleets: Iterable[Fleet], attributes: Mapping[str, Attribute] = ATTRIBUTES) -> dict[str, Any]:
    """Precision, recall and lead time of both states over fleets; and how often well disks are told of."""
    size = failed = signs = 0
    caught: dict[str, list[float]] = {"planned": [], "due": []}
    wrong = dict.fromkeys(caught, 0)
    for fleet in fleets:
        size += fleet.size
        for disk in fleet.disks:
            dies = disk.course.dies_s
            failed += math.isfinite(dies)
            signs += math.isfinite(dies) and math.isfinite(disk.course.onset_s)
            for state, day in first_found(disk, attributes).items():
                if math.isfinite(dies):
                    caught[state].append(dies / _DAY_S - day)
                else:
                    wrong[state] += 1
    years = size * DAYS / 365
    return {
        "disks": size,
        "days": DAYS,
        "failed": failed,
        "with_signs": signs,
        **{
            state: {
                "precision": round(len(leads) / max(1, len(leads) + wrong[state]), 3),
                "recall": round(len(leads) / max(1, failed), 3),
                "recall_of_those_with_signs": round(len(leads) / max(1, signs), 3),
                "lead_days_p50": round(float(np.median(leads)), 1) if leads else None,
                "lead_days_p10": round(float(np.percentile(leads, 10)), 1) if leads else None,
                "false_per_1000_disk_years": round(1000 * wrong[state] / years, 2),
            }
            for state, leads in caught.items()
        },
    }


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.disks", description=__doc__)
    parser.add_argument("--seeds", default="101-105", help="first-last (101-105)")
    parser.add_argument("--disks", type=int, default=20_000, help="in each fleet (20000)")
    options = parser.parse_args(argv)
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)

    def fleets() -> Iterable[Fleet]:
        for seed in seeds:
            print(f"fleet {seed}", file=sys.stderr, flush=True)
            yield draw(seed, options.disks)

    print(json.dumps({"seeds": options.seeds, **score(fleets())}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
